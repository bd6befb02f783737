//! An API that applies a call when it likes, within the quarantine, and lists late.

use jiff::Timestamp;
use rand::{RngExt, rngs::StdRng};

use crate::{likeness::Likeness, readback::Seen};

/// What became of a call, as who sent it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The note was made.
    Made(usize),
    /// 400: it was not, and never will be.
    Refused,
    /// 429: it was not.
    Throttled,
    /// No connection.
    NotSent,
    /// 5xx, a cut, a timeout, a body that cannot be read.
    Unknown,
}

/// A note: when it was made, and from when on the list shows it.
#[derive(Debug, Clone, Copy)]
struct Note {
    made: u64,
    shown: u64,
}

/// One contact's notes, all of the one job.
#[derive(Debug, Default)]
pub(super) struct Api {
    notes: Vec<Note>,
}

impl Api {
    /// A call that ends at `ends`, whatever its sender sees of it: applied by then, or within `late` after it, or never.
    pub(super) fn call(&mut self, dice: &mut StdRng, begins: u64, ends: u64, late: u64) -> Answer {
        match dice.random_range(0..100) {
            0..40 => Answer::Made(self.make(dice, dice_between(begins, ends), late)),
            40..42 => Answer::Refused,
            42..46 => Answer::Throttled,
            46..50 => Answer::NotSent,
            50..75 => Answer::Unknown,
            75..90 => {
                self.make(dice, dice_between(begins, ends), late);
                Answer::Unknown
            }
            _ => {
                let after = dice.random_range(0..=late / 2);
                self.make(dice, ends + after, late - after);
                Answer::Unknown
            }
        }
    }

    /// A call whose sender died: nobody sees what became of it.
    pub(super) fn unseen(&mut self, dice: &mut StdRng, ends: u64, late: u64) {
        if dice.random_bool(0.5) {
            let after = dice.random_range(0..=late / 2);
            self.make(dice, ends + after, late - after);
        }
    }

    fn make(&mut self, dice: &mut StdRng, made: u64, lag: u64) -> usize {
        let shown = made + dice.random_range(0..=lag);
        self.notes.push(Note { made, shown });
        self.notes.len() - 1
    }

    /// The list at a moment.
    pub(super) fn list(&self, now: u64) -> Vec<Seen> {
        let shown = self.notes.iter().enumerate();
        let shown = shown.filter(|(_, note)| note.shown <= now);
        let seen = shown.map(|(id, note)| Seen {
            id: id.to_string(),
            added: Timestamp::from_millisecond(note.made.cast_signed()).ok(),
            likeness: Likeness::Equal,
            markers: Vec::new(),
        });
        seen.collect()
    }

    /// How many there are in the end.
    pub(super) fn count(&self) -> usize {
        self.notes.len()
    }
}

/// In the middle: where exactly says nothing.
fn dice_between(begins: u64, ends: u64) -> u64 {
    begins.midpoint(ends)
}
