//! Where each setting's text comes from: the environment, over the settings file, over the
//! defaults; and a secret from a file of its own.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{
    SettingsError,
    table::{CONFIG, NONE, PREFIX, SETTINGS, Setting},
};

/// Settings files and secrets' files beyond this are a mistake, not settings.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Environment,
    /// The settings file.
    File(PathBuf),
    /// A secret's own file.
    Secret(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("environment"),
            Self::File(path) | Self::Secret(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting's text, before it is understood. Kept secret whatever it is, so that printing the
/// whole can never leak.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) setting: &'static Setting,
    pub(super) text: SecretString,
    pub(super) origin: Origin,
}

/// Every setting's text, and what was there besides.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    pub(super) found: Vec<Found>,
    /// Variables that begin like ours and are none of ours.
    pub(super) unknown: Vec<String>,
}

impl Sources {
    /// Finds every setting's text. `fallback` is the settings file used when `PENSTOCK_CONFIG`
    /// names none.
    pub(super) fn read(
        environment: &BTreeMap<String, String>,
        fallback: Option<&Path>,
    ) -> Result<Self, SettingsError> {
        let file = match value(environment, CONFIG) {
            Some(path) => SettingsFile::read(Path::new(path))?,
            None => fallback.map_or_else(|| Ok(SettingsFile::default()), SettingsFile::read)?,
        };
        file.refuse_unknown()?;
        let found = SETTINGS
            .iter()
            .map(|setting| find(setting, environment, &file))
            .collect::<Result<_, _>>()?;
        let unknown = environment.keys().filter(|name| is_unknown(name));
        Ok(Self {
            found,
            unknown: unknown.cloned().collect(),
        })
    }
}

/// The known name that a mistaken one is most like, if more of it is like than not.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let own = name.strip_prefix(PREFIX).unwrap_or(name).chars().count();
    let apart = known.map(|known| (strsim::damerau_levenshtein(name, known), known));
    let (apart, nearest) = apart.min_by_key(|(apart, _)| *apart)?;
    (apart * 2 <= own).then_some(nearest)
}

fn is_unknown(name: &str) -> bool {
    let known = |setting: &Setting| {
        name == setting.name || (setting.secret && name.strip_suffix("_FILE") == Some(setting.name))
    };
    name.starts_with(PREFIX) && name != CONFIG && !SETTINGS.iter().any(known)
}

/// An empty variable counts as unset: Compose files pass such for what the operator left out.
fn value<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    let text = environment.get(name)?.trim();
    (!text.is_empty()).then_some(text)
}

fn find(
    setting: &'static Setting,
    environment: &BTreeMap<String, String>,
    file: &SettingsFile,
) -> Result<Found, SettingsError> {
    let found = |text: String, origin| Found {
        setting,
        text: text.into(),
        origin,
    };
    let name = setting.name;
    let direct = value(environment, name).map(|text| (text.to_owned(), Origin::Environment));
    let pointer_name = format!("{name}_FILE");
    let pointer = value(environment, &pointer_name).map(PathBuf::from);
    let names = [name, &pointer_name];
    if let Some((text, origin)) = direct_or_pointed(setting, names, direct, pointer)? {
        return Ok(found(text, origin));
    }
    let key = setting.key();
    let direct = file.text(&key)?;
    let direct = direct.map(|text| (text, Origin::File(file.path.clone())));
    let pointer_key = format!("{key}_file");
    let pointer = file.text(&pointer_key)?.map(|path| file.beside(&path));
    let names = [key.as_str(), &pointer_key];
    if let Some((text, origin)) = direct_or_pointed(setting, names, direct, pointer)? {
        return Ok(found(text, origin));
    }
    Ok(found(setting.default.to_owned(), Origin::Default))
}

/// The value given directly, or, for a secret, the content of the file that was named instead.
fn direct_or_pointed(
    setting: &Setting,
    names: [&str; 2],
    direct: Option<(String, Origin)>,
    pointer: Option<PathBuf>,
) -> Result<Option<(String, Origin)>, SettingsError> {
    let Some(path) = pointer.filter(|_| setting.secret) else {
        return Ok(direct);
    };
    let [name, pointer_name] = names;
    if direct.is_some() {
        return Err(SettingsError::Both {
            name: name.to_owned(),
            pointer: pointer_name.to_owned(),
        });
    }
    let content = read_bounded(&path).and_then(|content| {
        let secret = content.trim_end_matches(['\r', '\n']);
        let empty = secret.trim().is_empty();
        if empty {
            Err("is empty".to_owned())
        } else {
            Ok(secret.to_owned())
        }
    });
    match content {
        Ok(secret) => Ok(Some((secret, Origin::Secret(path)))),
        Err(problem) => Err(SettingsError::SecretFile {
            pointer: pointer_name.to_owned(),
            path,
            problem,
        }),
    }
}

/// The settings file: flat keys with single values.
#[derive(Default)]
struct SettingsFile {
    path: PathBuf,
    table: toml::Table,
}

impl SettingsFile {
    fn read(path: &Path) -> Result<Self, SettingsError> {
        let refuse = |problem| SettingsError::File {
            path: path.to_owned(),
            problem,
        };
        let text = read_bounded(path).map_err(refuse)?;
        // Only the parser's message and the line: its full report quotes the text around the
        // fault, which may be a secret.
        let table = text.parse::<toml::Table>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            refuse(format!(
                "line {line} is not valid TOML: {}",
                first_line(error.message())
            ))
        })?;
        Ok(Self {
            path: path.to_owned(),
            table,
        })
    }

    fn refuse_unknown(&self) -> Result<(), SettingsError> {
        let keys: Vec<String> = SETTINGS
            .iter()
            .flat_map(|setting| {
                let pointer = setting.secret.then(|| format!("{}_file", setting.key()));
                [Some(setting.key()), pointer].into_iter().flatten()
            })
            .collect();
        match self.table.keys().find(|key| !keys.contains(key)) {
            None => Ok(()),
            Some(key) => Err(SettingsError::UnknownKey {
                path: self.path.clone(),
                nearest: nearest(key, keys.iter().map(String::as_str)).map(str::to_owned),
                key: key.chars().take(60).collect(),
            }),
        }
    }

    /// The value of a key, in the form that the environment would have it.
    fn text(&self, key: &str) -> Result<Option<String>, SettingsError> {
        let Some(value) = self.table.get(key) else {
            return Ok(None);
        };
        let text = match value {
            toml::Value::Array(items) => {
                let items: Option<Vec<String>> = items.iter().map(scalar).collect();
                items.map(|items| items.join(","))
            }
            single => scalar(single),
        };
        text.map(Some).ok_or_else(|| SettingsError::File {
            path: self.path.clone(),
            problem: format!(
                "{key}: write a text, a whole number, true or false, or a list of texts"
            ),
        })
    }

    /// A relative path in the file is meant from where the file is.
    fn beside(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) if text.trim().is_empty() => Some(NONE.to_owned()),
        toml::Value::String(text) => Some(text.trim().to_owned()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(on) => Some(if *on { "on" } else { "off" }.to_owned()),
        _ => None,
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn read_bounded(path: &Path) -> Result<String, String> {
    let describe = |error: std::io::Error| format!("cannot be read: {error}");
    let mut text = String::new();
    let file = File::open(path).map_err(describe)?;
    let read = file
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(describe)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(format!("is longer than {MAX_FILE_BYTES} bytes"));
    }
    Ok(text)
}
