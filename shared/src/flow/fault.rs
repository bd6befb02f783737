//! What is wrong with a file of flows, and where.

use std::{cell::RefCell, fmt};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// In which line of the file, from 1.
    pub line: usize,
    /// What it is about, as `flow[0].do[1].payload.title`; empty for the file.
    pub path: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Fault {
    pub(super) fn new(line: usize, path: &str, message: impl Into<String>) -> Self {
        Self {
            line,
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// All that is wrong, as it is found.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(super) fn note(&self, line: usize, path: &str, message: impl Into<String>) {
        self.0.borrow_mut().push(Fault::new(line, path, message));
    }

    /// In the file's order.
    pub(super) fn all(&self) -> Vec<Fault> {
        let mut all = self.0.borrow().clone();
        all.sort();
        all
    }
}
