//! Why the file of webhooks does not stand. Each text names the file and, where there is one, the line and the key.

use std::path::PathBuf;

/// Why the program does not start. Secrets are never part of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HooksError {
    /// The file is of no use.
    #[error("PENSTOCK_HOOKS: the file {path} {problem}", path = path.display())]
    File {
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
