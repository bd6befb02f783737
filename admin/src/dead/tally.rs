//! What a change to dead letters came to.

use std::borrow::Cow;

use penstock_shared::{
    program::Exit,
    queue::{dead::DeadLetter, record::RecordError, repair::Changed},
};
use serde::Serialize;

use crate::render::Row;

/// How many were meant, and how many were changed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    pub(super) matched: u64,
    pub(super) changed: u64,
    #[serde(skip)]
    refused: bool,
    #[serde(skip)]
    stale: bool,
}

impl Row for Tally {
    const COLUMNS: &'static [&'static str] = &["matched", "changed"];
}

impl Tally {
    /// Counts what became of one that was meant; says why where it was not changed.
    pub(super) fn count(&mut self, letter: &DeadLetter, changed: Changed) {
        self.matched += 1;
        match changed {
            Changed::Ok => self.changed += 1,
            Changed::Stale => self.stale = true,
            _ => self.refused = true,
        }
        if changed != Changed::Ok {
            let reason = reason(letter, changed);
            eprintln!("{} of {}: {reason}", letter.id, letter.tenant);
        }
    }

    /// Notes that one that was meant does not exist.
    pub(super) fn missing(&mut self, said: &str) {
        self.refused = true;
        eprintln!("{said}");
    }

    /// Where ids were named, each that could not be changed is a fault of the input; what has changed under our hands is not.
    pub(super) fn exit(&self) -> Exit {
        match (self.refused, self.stale) {
            (true, _) => Exit::BadInput,
            (false, true) => Exit::Failed,
            (false, false) => Exit::Done,
        }
    }
}

fn reason(letter: &DeadLetter, changed: Changed) -> Cow<'static, str> {
    let said = match (changed, &letter.unreadable) {
        (Changed::Undecodable, Some(error @ (RecordError::Locked(_) | RecordError::Later(_)))) => {
            return format!("nothing was changed: {error}").into();
        }
        (changed, _) => words(changed),
    };
    said.into()
}

fn words(changed: Changed) -> &'static str {
    match changed {
        Changed::Ok => "done",
        Changed::NotDead => "it is not dead any more",
        Changed::Unknown => "it does not exist any more",
        Changed::Undecodable => {
            "nothing there could run: `dead show --reveal` gives what stands there, `dead delete` removes it"
        }
        Changed::Stale => "it has died again since it was looked at: look again",
        Changed::Undecided => {
            "what it sent may have taken effect: `dead retry` looks for that first, or `dead resolve` decides an ambiguous one"
        }
        Changed::NotAmbiguous => "it is not ambiguous: there is nothing to decide",
        Changed::EffectTaken => "that effect is another job's",
        Changed::Elsewhere => "it would go to another destination: enqueue a new job for that",
        Changed::Spread => {
            "a job for several contacts is stored with one for each of them (ID/1 and so on), and cannot be edited: edit the dead ones of these, or enqueue a new job"
        }
    }
}
