//! A file of tables (TOML) that a person writes: reading it, and naming the places in it where something is wrong.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::secret;

/// What a table lacks or has too much: the key, and what is wrong.
pub type Complaint = (&'static str, String);

/// Why a file does not stand. Secrets are never part of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TablesError {
    /// The file is of no use.
    #[error("{setting}: the file {path} {problem}", path = path.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Something in it makes no sense.
    #[error("{path}, line {line}: {key}: {problem}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, from the file's root, or the table that lacks one.
        key: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
}

/// The file's text, within bounds. `setting` is what names it.
pub fn load(path: &Path, setting: &'static str) -> Result<String, TablesError> {
    secret::read(path).map_err(|problem| TablesError::File {
        setting,
        path: path.to_owned(),
        problem,
    })
}

/// The file, for naming places in it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// What it says.
    pub text: &'a str,
    /// Where it is.
    pub path: &'a Path,
}

impl Source<'_> {
    /// Reads all of it.
    pub fn tables<T: DeserializeOwned>(&self) -> Result<T, TablesError> {
        let refuse = |key: &str, error: &toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            // Only the first line of what the parser says: its full report quotes the text around the fault, which may be a secret.
            let problem = error.message().lines().next().unwrap_or_default();
            self.fault(at, key, problem)
        };
        let document =
            toml::Deserializer::parse(self.text).map_err(|error| refuse("not TOML", &error))?;
        serde_path_to_error::deserialize(document)
            .map_err(|error| refuse(&written(error.path()), error.inner()))
    }

    /// A table that begins at this byte does not stand.
    pub fn refuse(&self, at: usize, table: &str, (key, problem): &Complaint) -> TablesError {
        let key = match *key {
            "" => table.to_owned(),
            key => format!("{table}.{key}"),
        };
        self.fault(at, &key, problem)
    }

    fn fault(&self, at: usize, key: &str, problem: &str) -> TablesError {
        let before = self.text.get(..at).unwrap_or_default();
        TablesError::Key {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            key: key.to_owned(),
            problem: problem.to_owned(),
        }
    }
}

/// A path as it stands in the file: what the parser puts in between, to keep a table's place, is no key.
fn written(path: &serde_path_to_error::Path) -> String {
    let keys = path.iter().map(ToString::to_string);
    let keys: Vec<_> = keys.filter(|key| !key.starts_with('$')).collect();
    keys.join(".")
}
