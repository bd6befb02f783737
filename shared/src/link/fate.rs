//! What a job has come to, as far as a memory needs it.

use jiff::Timestamp;

use crate::outcome::Cause;

/// What a job has come to, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// No job has this id: it is yet to be stored, or has ended and was forgotten.
    Unknown,
    /// It has not ended.
    Open,
    /// It is done.
    Done(Timestamp),
    /// It is dead.
    Dead {
        /// Since when.
        at: Timestamp,
        /// Why, as operators filter by it.
        cause: String,
    },
}

impl Fate {
    /// Whether it is dead, and nobody knows whether it took effect.
    pub(super) fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Dead { cause, .. } if cause == Cause::Ambiguous.as_str())
    }
}
