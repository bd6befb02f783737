//! What is wrong with a job, and where.

use std::{borrow::Cow, cell::RefCell, fmt};

use serde::Serialize;

/// More faults than these are counted, not listed: a hostile document must not make an answer many times its own size.
const MAX_LISTED: usize = 100;

/// Longest field name that a path repeats. Longer ones are no field of ours.
const MAX_NAME: usize = 40;

/// One thing that is wrong with a job.
///
/// Neither part ever repeats an e-mail address, a phone number or any other value out of a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, from the job's root: `payload.dueDate`, `payload.tags[3]`; empty for the whole of it.
    pub path: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Fault {
    /// A fault of the job as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for Fault {}

/// Why a text is not a value of some type; it says what would be, and never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    pub(crate) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

/// A fault was noted: there is no value, and nothing more to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted;

/// The way from a document's root to a place in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => name_of(name, f),
            Path::Field(parent, name) => {
                write!(f, "{parent}.")?;
                name_of(name, f)
            }
            Path::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Only what looks like a field's name is repeated: a caller may have put anything there, personal data and control
/// characters included.
fn name_of(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let looks_like_a_name = name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if looks_like_a_name {
        f.write_str(name)
    } else {
        write!(f, "(a name of {} characters)", name.chars().count())
    }
}

/// Gathers the faults of one document, to be told in the document's order.
#[derive(Debug, Default)]
pub(super) struct Faults {
    noted: RefCell<Vec<(usize, Fault)>>,
    unlisted: RefCell<usize>,
}

impl Faults {
    /// Notes a fault of the place at `path`, which is the `position`-th value of the document.
    pub(super) fn note(
        &self,
        position: usize,
        path: &Path<'_>,
        message: impl Into<String>,
    ) -> Noted {
        let mut noted = self.noted.borrow_mut();
        if noted.len() < MAX_LISTED {
            let fault = Fault {
                path: path.to_string(),
                message: message.into(),
            };
            noted.push((position, fault));
        } else {
            *self.unlisted.borrow_mut() += 1;
        }
        Noted
    }

    /// The value, if nothing was noted on the way to it.
    pub(super) fn settle<T>(self, read: Result<T, Noted>) -> Result<T, Vec<Fault>> {
        let mut noted = self.noted.into_inner();
        match read {
            Ok(value) if noted.is_empty() => return Ok(value),
            _ => noted.sort_by_key(|(position, _)| *position),
        }
        let mut faults: Vec<Fault> = noted.into_iter().map(|(_, fault)| fault).collect();
        let unlisted = self.unlisted.into_inner();
        if unlisted > 0 {
            faults.push(Fault::whole(format!("and {unlisted} more faults")));
        }
        Err(faults)
    }
}
