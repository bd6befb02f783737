//! Why the settings do not stand. Each text names the setting, or the file's key, and the remedy.

use std::path::PathBuf;

/// Why a program does not start. Secrets are never part of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A value makes no sense by itself.
    #[error("{name}: {complaint} (it comes from the {origin})")]
    Value {
        /// The variable, or the key of the settings file.
        name: String,
        /// What is wrong, and what to write instead.
        complaint: String,
        /// `environment`, `file PATH` or `default`.
        origin: String,
    },
    /// Two values contradict each other.
    #[error("{name} and {other} contradict each other: {complaint}")]
    Contradiction {
        /// One variable.
        name: &'static str,
        /// The other.
        other: &'static str,
        /// What must hold between the two.
        complaint: String,
    },
    /// A value makes sense only with one of another setting.
    #[error("{name} needs {other}: {complaint}")]
    Missing {
        /// The variable that is set.
        name: &'static str,
        /// The one that must be set too.
        other: &'static str,
        /// What for.
        complaint: &'static str,
    },
    /// A secret is given twice.
    #[error("{name} and {pointer} are both set: unset one of them")]
    Both {
        /// The variable or key.
        name: String,
        /// The one that names a file instead.
        pointer: String,
    },
    /// A secret's file is of no use.
    #[error("{pointer}: the file {path} {problem}", path = path.display())]
    SecretFile {
        /// The variable or key that names the file.
        pointer: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The settings file is of no use.
    #[error("the settings file {path} {problem}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The settings file has a key that means nothing.
    #[error(
        "the settings file {path} has an unknown key `{key}`{meant}",
        path = path.display(),
        meant = nearest.as_ref().map_or_else(String::new, |nearest| format!(": did you mean `{nearest}`?"))
    )]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The unknown key.
        key: String,
        /// The known key most like it.
        nearest: Option<String>,
    },
    /// A variable is not text.
    #[error("{name}: the value is not valid UTF-8")]
    NotText {
        /// The variable.
        name: String,
    },
}
