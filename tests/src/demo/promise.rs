//! What was promised, and whether it was kept.

use std::fmt;

/// Promises, in the order in which they are told.
#[derive(Debug)]
pub(super) struct Promises(Vec<Promise>);

/// One of them.
#[derive(Debug)]
pub(super) struct Promise {
    text: String,
    kept: bool,
}

impl Promises {
    pub(super) fn are_kept(&self) -> bool {
        self.0.iter().all(|promise| promise.kept)
    }
}

impl FromIterator<Promise> for Promises {
    fn from_iter<T: IntoIterator<Item = Promise>>(promises: T) -> Self {
        Self(promises.into_iter().collect())
    }
}

impl fmt::Display for Promises {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|promise| {
            let mark = if promise.kept { "ok " } else { "BAD" };
            format!("  {mark}  {}", promise.text)
        });
        formatter.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

pub(super) fn promise(kept: bool, text: String) -> Promise {
    Promise { text, kept }
}
