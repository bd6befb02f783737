//! What is written to a system, and whether it has arrived there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Fate;

/// For so long jobs that nobody knows may still be stored.
pub(super) const STORED_LATE: SignedDuration = SignedDuration::from_mins(5);
/// The most jobs of one write that are looked at.
const MOST_JOBS: usize = 16;

/// What the jobs of one flow, for one event, write to a system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Write {
    /// The event.
    pub event: String,
    /// The flow.
    pub flow: String,
    /// The values.
    pub fields: Map<String, Value>,
    /// The jobs that carry them there.
    pub jobs: Vec<String>,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether it has arrived.
    state: State,
    /// Whether one of the jobs was seen: from then on it is as it was planned then.
    stored: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    OnItsWay,
    Arrived(Timestamp),
    /// Its job is dead. It may have taken effect all the same, and somebody may retry it.
    Died(Timestamp),
}

impl Write {
    /// These values are about to be written by these jobs.
    pub fn new(
        (event, flow): (&str, &str),
        fields: Map<String, Value>,
        mut jobs: Vec<String>,
        at: Timestamp,
    ) -> Self {
        jobs.truncate(MOST_JOBS);
        Self {
            event: event.to_owned(),
            flow: flow.to_owned(),
            fields,
            jobs,
            at,
            state: State::OnItsWay,
            stored: false,
        }
    }

    /// Whether it is for the same event and flow.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        self.event == other.event && self.flow == other.flow
    }

    /// Whether its jobs are stored, and will write what they were to write then.
    pub(super) fn is_stored(&self) -> bool {
        self.stored
    }

    pub(super) fn is_on_its_way(&self) -> bool {
        self.state == State::OnItsWay
    }

    /// Whether its jobs were not stored for so long that they never will be, unless it is noted once more.
    pub(super) fn was_never_stored(&self, now: Timestamp) -> bool {
        !self.stored && self.is_on_its_way() && self.at + STORED_LATE < now
    }

    /// When it arrived.
    pub(super) fn arrived(&self) -> Option<Timestamp> {
        match self.state {
            State::Arrived(at) => Some(at),
            _ => None,
        }
    }

    /// When it died.
    pub(super) fn died(&self) -> Option<Timestamp> {
        match self.state {
            State::Died(at) => Some(at),
            _ => None,
        }
    }

    /// When it came to its end, whichever.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.arrived().or(self.died())
    }

    /// Whether it is worth while to ask what its jobs have come to.
    pub(super) fn is_open(&self) -> bool {
        self.arrived().is_none()
    }

    /// Takes in what its jobs have come to; what is done is known for `kept`. Returns whether it is on its way again.
    pub(super) fn settle(
        &mut self,
        fates: &BTreeMap<String, Fate>,
        now: Timestamp,
        kept: SignedDuration,
    ) -> bool {
        if !self.is_open() {
            return false;
        }
        let before = self.state;
        let fates: Vec<_> = self.jobs.iter().filter_map(|job| fates.get(job)).collect();
        self.stored |= fates.iter().any(|fate| **fate != Fate::Unknown);
        self.state = self.after(&fates, now, kept);
        matches!(before, State::Died(_)) && self.is_on_its_way()
    }

    fn after(&self, fates: &[&Fate], now: Timestamp, kept: SignedDuration) -> State {
        let is_any = |wanted: &Fate| fates.contains(&wanted);
        if is_any(&Fate::Open) {
            return State::OnItsWay;
        }
        if fates.is_empty() {
            return self.state;
        }
        let died = fates.iter().filter_map(|fate| match fate {
            Fate::Dead { at, .. } => Some(*at),
            _ => None,
        });
        if let Some(at) = died.max() {
            return State::Died(at);
        }
        // One that was forgotten has ended so long ago at the least. One that is dead and was deleted has not arrived for that.
        let forgotten = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        if is_any(&Fate::Unknown) && (self.died().is_some() || self.at > forgotten) {
            return self.state;
        }
        let done = fates.iter().filter_map(|fate| match fate {
            Fate::Done(at) => Some(*at),
            _ => None,
        });
        State::Arrived(done.max().unwrap_or(forgotten).max(self.at))
    }
}
