//! What Redis keeps of an unfinished job beside the job itself: what was counted, and the journal of its deliveries.

use std::collections::HashMap;

use super::{
    lapse::{Lapse, Lapses},
    record::{DoneRecord, RecordError},
};
use crate::seal::SealError;

/// The fields that programs read and write, under the names that the scripts use too. All else (`step`, `settled`, `late`) is the scripts' own.
pub mod field {
    /// How many of its deliveries have ended, less what was handed back untouched.
    pub const DELIVERIES: &str = "deliveries";
    /// Failed attempts.
    pub const ATTEMPTS: &str = "attempts";
    /// Deliveries in a row that ended with their lease.
    pub const LOST: &str = "lost";
    /// When the last such lease ended (ms of the steady time: Redis' clock, less what it was set by in all).
    pub const LOST_AT: &str = "lostAt";
    /// The token of the delivery that is alone in its worker.
    pub const ALONE: &str = "alone";
    /// The API's id of its contact.
    pub const CONTACT: &str = "contact";
    /// When its contact was first looked for in vain (ms, steady).
    pub const LOOKUP: &str = "lookup";
    /// What each of the jobs that it is spread over had come to when it was looked at last, a letter each: they may be forgotten before the last has
    /// ended, or deleted.
    pub const PARTS: &str = "parts";
    /// How often it was looked whether these have ended.
    pub const LOOKS: &str = "looks";
    /// Of an event: the flows by which something has followed already, as JSON.
    pub const FOLLOWED: &str = "followed";
    /// The same: what was written for it to which system, as JSON.
    pub const WRITTEN: &str = "written";
    /// Of a walk through contacts: the place that it has come to, as JSON.
    pub const PLACE: &str = "place";
    /// The id of its contact that the API did not know any more.
    pub const FORGOTTEN: &str = "forgotten";
    /// When a call was about to be sent that is not idempotent (ms): there until it is known what became of it.
    pub const INTENT: &str = "intent";
    /// The same by the API's clock, where that was known.
    pub const INTENT_THERE: &str = "intentThere";
    /// When that call has ended, whatever becomes of it (ms, steady).
    pub const INTENT_ENDS: &str = "intentEnds";
    /// How long that call may take (ms), by the settings of the worker that was about to send it.
    pub const INTENT_TAKES: &str = "intentTakes";
    /// Whose call that is: the delivery's token.
    pub const INTENT_BY: &str = "intentBy";
    /// How many such calls were about to be sent: the number of the last one's marker.
    pub const INTENTS: &str = "intents";
    /// There if one of them went without a marker: why.
    pub const UNMARKED: &str = "unmarked";
    /// When that was last looked for in vain (ms, steady).
    pub const ABSENT: &str = "absent";
    /// What the look for a contact that may have been created has found so far, as JSON.
    pub const SEEN: &str = "seen";
    /// The contact that is there instead of the one that was to be created: the API has refused a second one.
    pub const INSTEAD: &str = "instead";
    /// How often in a row its contact's list was not what the API is known to say.
    pub const UNREAD: &str = "unread";
    /// Of a sweep: how often in a row deletions of a twin had no answer, and of which: `<times>/<id>`.
    pub const UNREMOVED: &str = "unremoved";
    /// Of a sweep: when a worker without a marker key left it to others first (ms).
    pub const LEFT: &str = "left";
    /// Of a sweep: there once it has looked for the first time.
    pub const LOOKED: &str = "looked";
    /// When its last unanswered call that may change something ended (ms, steady).
    pub const UNANSWERED: &str = "unanswered";
    /// When it was noticed that Redis had forgotten (ms), where it has been read back for that.
    pub const LAPSE: &str = "lapse";
    /// When it was due before it was dead (ms): it may have been sent since then.
    pub const FIRST_DUE: &str = "firstDue";
    /// What a delivery came to whose lease had ended by then, as JSON.
    pub const ORPHAN: &str = "orphan";
    /// The token of that delivery.
    pub const ORPHAN_BY: &str = "orphanBy";
    /// There if the worker that had it last could not open it: the key that it lacks.
    pub const LOCKED: &str = "locked";
    /// There if the worker that had it last does not know its connection: which.
    pub const NO_CONNECTION: &str = "noConnection";
    /// There if the worker that had this event last knows of no flows: `none`.
    pub const NO_FLOWS: &str = "noFlows";
    /// There if its tenant might only read as it was to write something: how often in a row.
    pub const READ_ONLY: &str = "readOnly";
    /// From which row on a long list is looked through next.
    pub const PAGE: &str = "page";
    /// There if a list has no row any more that its contact had there.
    pub const GONE: &str = "gone";
    /// Of a poll: what it asks for, and how far that has come, as JSON.
    pub const POLL: &str = "poll";
    /// Of a text message: what reports and replies name it by, since it was about to be sent.
    pub const WORD: &str = "word";
    /// There if it is sent in a call of its own, since one that it shared with others was refused.
    pub const SINGLY: &str = "singly";
    /// Its end, where that has to wait, as JSON.
    pub const ENDING: &str = "ending";
    /// What failed last, in words for a table.
    pub const ERROR: &str = "error";
    /// The HTTP status of that, where there was an answer.
    pub const HTTP_STATUS: &str = "httpStatus";
    /// Why it was sent again though an earlier call may have taken effect: that was not found (`absent`), or what decided it.
    pub const SENT_AGAIN: &str = "sentAgain";
    /// Before which intent the last sweep was planned that looks for twins after its end.
    pub const SWEEP: &str = "sweep";
    /// What was found of an ambiguous call, as JSON.
    pub const EVIDENCE: &str = "evidence";
    /// Of a dead one: why.
    pub const CAUSE: &str = "cause";
    /// Of a dead one: since when (ms).
    pub const DEAD_AT: &str = "deadAt";
}

/// The journal of a job, and what is counted of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    fields: HashMap<String, String>,
    unreadable: Option<RecordError>,
}

impl Run {
    /// With these fields, as they are stored.
    pub fn new(fields: HashMap<String, String>) -> Self {
        Self {
            fields,
            unreadable: None,
        }
    }

    /// Opens a field that may be sealed; where that cannot be, what is wrong stands in its place.
    pub(super) fn open(
        &mut self,
        name: &str,
        open: impl FnOnce(String) -> Result<String, SealError>,
    ) {
        let Some(text) = self.fields.get_mut(name) else {
            return;
        };
        match open(std::mem::take(text)) {
            Ok(opened) => *text = opened,
            Err(error) => {
                *text = error.to_string();
                self.unreadable = Some(error.into());
            }
        }
    }

    /// Why a part of it cannot be read, if one cannot: nobody may act on the rest.
    pub fn unreadable(&self) -> Option<&RecordError> {
        self.unreadable.as_ref()
    }

    /// Whether no delivery has left anything.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// A field as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// When the job was due first (ms): a retry gives it another due time. By this two jobs of one id are told apart.
    pub fn first_due(&self, due_ms: u64) -> u64 {
        self.number(field::FIRST_DUE).unwrap_or(due_ms)
    }

    /// Redis went back in time, and may have forgotten that this job was delivered, which is due at `due_ms`: it was not read back for that yet.
    pub fn forgotten(&self, lapses: &Lapses, due_ms: u64) -> Option<Lapse> {
        let read_back = self.number(field::LAPSE).unwrap_or(0);
        // The clock may have been set back before it was sent again.
        lapses.concerning(self.first_due(due_ms).min(due_ms), read_back)
    }

    /// Whether a delivery that came too late has told of an effect.
    pub fn has_orphan_effect(&self) -> bool {
        let orphan = self.text(field::ORPHAN);
        let orphan = orphan.and_then(|json| serde_json::from_str::<DoneRecord>(json).ok());
        orphan.is_some_and(|orphan| orphan.effect.is_some())
    }

    fn count(&self, name: &str) -> u32 {
        self.number(name)
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0)
    }

    /// Failed attempts so far.
    pub fn attempts(&self) -> u32 {
        self.count(field::ATTEMPTS)
    }

    /// Deliveries that have ended, less what was handed back untouched.
    pub fn deliveries(&self) -> u32 {
        self.count(field::DELIVERIES)
    }

    /// Consecutive deliveries that ended with their lease: their worker died, or was cut off. Past [`SUSPECT`](super::claim::SUSPECT) only those count that were
    /// alone in their worker.
    pub fn lost(&self) -> u32 {
        self.count(field::LOST)
    }
}
