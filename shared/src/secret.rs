//! Secrets and keys, as files of tables give them: in them, in files of their own, or in variables.

use std::{
    env,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, de};

/// A secret with fewer characters can be guessed.
pub const SHORT: usize = 16;

/// Files beyond this are a mistake.
const MOST_BYTES: u64 = 1 << 20;

/// A text, or a list of them. It may be a secret: it has no `Debug`.
#[derive(Default)]
pub struct Texts(Vec<SecretString>);

impl Texts {
    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was given.
    pub fn as_slice(&self) -> &[SecretString] {
        &self.0
    }

    /// The same, taken out.
    pub fn into_vec(self) -> Vec<SecretString> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMore)
    }
}

/// Says nothing of what it was given instead: that may be a secret too.
struct OneOrMore;

const EXPECTED: &str = "write a text, or a list of texts, none of them empty";

impl<'de> de::Visitor<'de> for OneOrMore {
    type Value = Texts;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text, or a list of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
        if text.trim().is_empty() {
            return Err(E::custom(EXPECTED));
        }
        Ok(Texts(vec![text.into()]))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Texts, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Texts, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Texts, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = items.next_element::<Texts>()? {
            texts.extend(item.0);
        }
        if texts.is_empty() {
            return Err(de::Error::custom(EXPECTED));
        }
        Ok(Texts(texts))
    }
}

/// What files hold, without the line break at their end. A relative path is meant from where `beside` is.
pub fn from_files(paths: &Texts, beside: &Path) -> Result<Vec<SecretString>, String> {
    let folder = beside.parent().unwrap_or(Path::new(""));
    let files = paths.0.iter().map(|path| {
        let path: PathBuf = folder.join(path.expose_secret());
        let text = read(&path).map_err(|problem| format!("{} {problem}", path.display()))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            return Err(format!("{} is empty", path.display()));
        }
        Ok(text.into())
    });
    files.collect()
}

/// What variables of the environment hold.
pub fn from_variables(names: &Texts) -> Result<Vec<SecretString>, String> {
    let variables = names.0.iter().map(|name| {
        let name: &str = name.expose_secret();
        let value = env::var(name).unwrap_or_default();
        if value.trim().is_empty() {
            return Err(format!("the variable {name} is not set, or is no text"));
        }
        Ok(value.trim().into())
    });
    variables.collect()
}

/// A file's text, within bounds.
pub fn read(path: &Path) -> Result<String, String> {
    let describe = |error: std::io::Error| format!("cannot be read: {error}");
    let mut text = String::new();
    let file = File::open(path).map_err(describe)?;
    let read = file
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(describe)?;
    if read as u64 > MOST_BYTES {
        return Err(format!("is longer than {MOST_BYTES} bytes"));
    }
    Ok(text)
}
