//! A record that is being made in a system.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fate, write::STORED_LATE};
use crate::outcome::Cause;

/// A record that is being made in a system: until it is known what becomes of that, no other is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Creation {
    /// By which event.
    pub event: String,
    /// The job that makes it.
    pub maker: String,
    /// The job that keeps which it is.
    pub linker: String,
    /// When it was decided.
    pub at: Timestamp,
    /// Why a person has to decide, if one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undecided: Option<Undecided>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Undecided {
    /// Nobody knows whether it was made.
    Ambiguous,
    /// It was made, and nobody knows which it is.
    Unlinked,
}

impl Creation {
    /// It is about to be made.
    pub fn new(event: &str, maker: &str, linker: &str, at: Timestamp) -> Self {
        Self {
            event: event.to_owned(),
            maker: maker.to_owned(),
            linker: linker.to_owned(),
            at,
            undecided: None,
        }
    }

    /// What a person has to decide before another may be made, if it is that.
    pub fn question(&self) -> Option<String> {
        let (maker, linker) = (&self.maker, &self.linker);
        Some(match self.undecided? {
            Undecided::Ambiguous => format!(
                "nobody knows whether {maker} has made its record there: resolve that dead letter, then retry this"
            ),
            Undecided::Unlinked => format!(
                "{maker} has made its record there, and {linker} is dead, which was to keep which it is: enqueue a LinkRecord with its id, then retry this"
            ),
        })
    }

    /// What has become of it, by what its jobs have come to; `None` if another may be made.
    pub(super) fn settled(
        mut self,
        fates: &BTreeMap<String, Fate>,
        now: Timestamp,
    ) -> Option<Self> {
        let fate = |job: &String| fates.get(job).unwrap_or(&Fate::Unknown);
        let is_soon = now < self.at + STORED_LATE;
        let goes_on = match (fate(&self.maker), fate(&self.linker)) {
            (dead @ Fate::Dead { .. }, _) => {
                self.undecided = dead.is_ambiguous().then_some(Undecided::Ambiguous);
                return self.undecided.is_some().then_some(self);
            }
            (Fate::Open, _) | (_, Fate::Open) => true,
            (Fate::Done(_), Fate::Dead { .. }) => {
                self.undecided = Some(Undecided::Unlinked);
                return Some(self);
            }
            (Fate::Unknown, Fate::Dead { cause, .. }) => {
                // What it waited for has never been made; else that was done, and is forgotten.
                let is_made = cause != Cause::ParentDead.as_str();
                self.undecided = is_made.then_some(Undecided::Unlinked);
                return is_made.then_some(self);
            }
            (_, Fate::Done(_)) => false,
            (_, Fate::Unknown) => is_soon,
        };
        self.undecided = None;
        goes_on.then_some(self)
    }
}
