//! What one system has of a record, as far as that is known: what it said last, and what was written to it since.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Creation, Fate, Known, Write,
    moment::{CLOCKS, Moment},
};

/// How long an ended write is kept: by then whoever tells late has told.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The same of one that died: somebody may retry it.
const KEPT_DEAD: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most writes that are on their way at a time.
const MOST_ON_THEIR_WAY: usize = 32;
/// Of so many values that it had one after the other it is known when that was.
const MOST_HAD: usize = 6;
/// The most writes that are kept,
const MOST_WRITES: usize = 64;
/// and the bytes of what they write; whoever changes long texts all the time has fewer.
const MOST_BYTES: usize = 128 << 10;
/// How often a value is written, once it counts, that does not stay or is refused: then it is the system's own that counts, or nothing is written any more.
const MOST_TRIES: usize = 3;

/// What one system has of a record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Place {
    /// What it had of each field lately, in its order.
    had: BTreeMap<String, Vec<Had>>,
    /// What was written there since, in the order in which that was decided.
    writes: Vec<Write>,
    /// The record that is being made there.
    creation: Option<Creation>,
}

/// What it said that it had, or was written there and has arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Had {
    value: Value,
    /// When it had that first,
    since: Timestamp,
    /// and last.
    until: Timestamp,
    /// Whether it had that since it was written there, and not since somebody had set it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_written: bool,
}

impl Place {
    /// What it has of a field: what it said last, or what has arrived since.
    pub(super) fn has<'a>(&'a self, field: &'a str) -> Option<&'a Value> {
        let arrived = self.writes_of(field);
        let arrived = arrived.filter_map(|(_, value, write)| Some((write.arrived()?, value)));
        let arrived = arrived.max_by_key(|(at, _)| *at);
        match (self.had_of(field).last(), arrived) {
            (Some(had), Some((at, _))) if had.until > at + CLOCKS => Some(&had.value),
            (_, Some((_, value))) => Some(value),
            (had, None) => had.map(|had| &had.value),
        }
    }

    /// What it will have once all has arrived.
    fn will_have<'a>(&'a self, field: &'a str) -> Option<&'a Value> {
        let on_their_way = self
            .writes_of(field)
            .filter(|(_, _, write)| write.is_on_its_way());
        let last = on_their_way.last().map(|(_, value, _)| value);
        last.or_else(|| self.has(field))
    }

    /// Whether it neither has this value nor will have it. What was refused often enough it is not to have.
    pub(super) fn lacks(&self, field: &str, known: &Known) -> bool {
        let will_have = match self.will_have(field) {
            Some(there) => *there == known.value,
            None => known.value.as_str() == Some(""),
        };
        let tries = self.tries(field, known);
        !will_have && tries.filter(|write| write.died().is_some()).count() < MOST_TRIES
    }

    /// The writes of a value since it counts.
    fn tries<'a>(&'a self, field: &'a str, known: &'a Known) -> impl Iterator<Item = &'a Write> {
        let writes = self.writes_of(field);
        let tries = writes
            .filter(|(_, value, write)| **value == known.value && write.at + CLOCKS >= known.at);
        tries.map(|(_, _, write)| write)
    }

    /// Whether anything of a field was said or written there.
    pub(super) fn knows(&self, field: &str) -> bool {
        !self.had_of(field).is_empty() || self.writes_of(field).next().is_some()
    }

    /// Whether it ever had this value, as far as that is known, or was to have it.
    pub(super) fn has_or_had(&self, field: &str, value: &Value) -> bool {
        let mut had = self.had_of(field).iter();
        had.any(|had| had.value == *value)
            || self.writes_of(field).any(|(_, there, _)| there == value)
    }

    /// Whether somebody there has set a field since, as it has said: what it said before that comes too late. What only was written to it
    /// meanwhile may have replaced what somebody had set.
    pub(super) fn was_set_since(&self, field: &str, at: Timestamp) -> bool {
        let mut later = self.had_of(field).iter().filter(|had| had.until > at);
        later.any(|had| !had.is_written)
    }

    /// Whether it certainly had this value by then.
    pub(super) fn had_by(&self, field: &str, value: &Value, at: Timestamp) -> bool {
        let mut had = self.had_of(field).iter();
        had.any(|had| had.value == *value && had.since <= at)
            || self.writes_of(field).any(|(_, there, write)| {
                there == value && write.arrived().is_some_and(|arrived| arrived <= at)
            })
    }

    /// Whether it may have had this value at that moment though nobody there has set it since: it had it before, or it was written to it, and
    /// nothing has certainly replaced it by then. Whoever tells of another field tells of this one too.
    pub(super) fn may_still_have(&self, field: &str, value: &Value, moment: Moment) -> bool {
        let mut before = self.had_of(field).iter();
        let before = before.rfind(|had| had.since <= moment.at);
        let before = before.filter(|had| had.value == *value);
        if before.is_some_and(|had| !self.is_replaced_since(field, had, moment)) {
            return true;
        }
        self.writes_of(field).any(|(index, there, write)| {
            there == value
                && moment.at >= write.at - CLOCKS
                && !self.is_over(field, value, (index, write), moment)
        })
    }

    /// Whether another value has arrived since it had this one, so long before that it would tell of that.
    fn is_replaced_since(&self, field: &str, had: &Had, moment: Moment) -> bool {
        self.writes_of(field).any(|(_, other, write)| {
            let arrived = write.arrived().filter(|_| *other != had.value);
            let arrived = arrived.filter(|arrived| *arrived + moment.late < moment.at);
            arrived.is_some_and(|arrived| {
                arrived + CLOCKS >= had.until && self.came_after(field, other, write, had)
            })
        })
    }

    /// Whether a write certainly took effect after this was set: it was decided later, or the system has told of it later.
    fn came_after(&self, field: &str, written: &Value, write: &Write, had: &Had) -> bool {
        let mut told = self.had_of(field).iter();
        had.since <= write.at + CLOCKS
            || told.any(|told| told.value == *written && told.since > had.since)
    }

    /// The same of a value that was written to it; or it has told of another one since.
    fn is_over(
        &self,
        field: &str,
        value: &Value,
        (index, write): (usize, &Write),
        moment: Moment,
    ) -> bool {
        let Some(end) = write.end() else {
            return false;
        };
        if write.died().is_some() && end + moment.late < moment.at {
            return true;
        }
        let mut had = self.had_of(field).iter();
        if had.any(|had| {
            had.value != *value && had.since > end + moment.apart && had.since <= moment.at
        }) {
            return true;
        }
        self.writes_of(field).any(|(later, other, by)| {
            let arrived = by.arrived().filter(|_| other != value);
            arrived.is_some_and(|arrived| {
                (arrived, later) > (end, index) && arrived + moment.late < moment.at
            })
        })
    }

    /// Whether what counts has arrived there often enough by then, and was never there to stay.
    pub(super) fn keeps_none(&self, field: &str, known: &Known, at: Timestamp) -> bool {
        let arrived = self.tries(field, known).filter_map(Write::arrived);
        arrived.filter(|arrived| *arrived + CLOCKS < at).count() >= MOST_TRIES
    }

    /// It says that it had this at that moment.
    pub(super) fn say(&mut self, field: &str, value: &Value, at: Timestamp) {
        let is_of = |write: &Write, there: &Value| there == value && write.at <= at + CLOCKS;
        let is_written = self
            .writes_of(field)
            .any(|(_, there, write)| is_of(write, there));
        self.note(field, value, at, is_written);
    }

    fn note(&mut self, field: &str, value: &Value, at: Timestamp, is_written: bool) {
        let had = self.had.entry(field.to_owned()).or_default();
        let next = had.iter().take_while(|had| had.since <= at).count();
        if let Some(last) = next.checked_sub(1).and_then(|last| had.get_mut(last)) {
            // Written again meanwhile, it may have had another one in between.
            if last.value == *value && (last.is_written || !is_written) {
                last.until = last.until.max(at);
                return;
            }
            // It had another one in between.
            if last.until > at {
                let again = Had {
                    since: last.until,
                    ..last.clone()
                };
                last.until = last.since;
                had.insert(next, again);
            }
        }
        if let Some(later) = had.get_mut(next).filter(|later| later.value == *value) {
            later.since = at;
            return;
        }
        let new = Had {
            value: value.clone(),
            since: at,
            until: at,
            is_written,
        };
        had.insert(next, new);
        let too_many = had.len().saturating_sub(MOST_HAD);
        had.drain(..too_many);
    }

    /// Notes that something is about to be written there. Noted again for its event it stays what its jobs, once they are stored, will write.
    pub(super) fn write(&mut self, write: Write) {
        let before = self.writes.iter().position(|before| before.is_of(&write));
        if let Some(index) = before {
            if self.writes[index].is_stored() {
                return;
            }
            self.writes.remove(index);
        }
        self.writes.push(write);
        while self.writes.len() > MOST_WRITES || bytes(&self.writes) > MOST_BYTES {
            let ended = self.writes.iter().position(|write| !write.is_on_its_way());
            let Some(ended) = ended else {
                return;
            };
            self.drop_write(ended);
        }
    }

    /// The fields that are written there for an event.
    pub(super) fn written_for(&self, event: &str) -> impl Iterator<Item = &str> {
        let writes = self.writes.iter().filter(move |write| write.event == event);
        writes.flat_map(|write| write.fields.keys().map(String::as_str))
    }

    /// Whether no more can be noted before something has arrived.
    pub(super) fn is_full(&self) -> bool {
        let on_their_way = self.writes.iter().filter(|write| write.is_on_its_way());
        on_their_way.clone().count() >= MOST_ON_THEIR_WAY || bytes(on_their_way) >= MOST_BYTES
    }

    /// The record that is being made there.
    pub(super) fn creation(&self) -> Option<&Creation> {
        self.creation.as_ref()
    }

    /// A record is about to be made there, or is there.
    pub(super) fn set_creation(&mut self, creation: Option<Creation>) {
        self.creation = creation;
    }

    /// The jobs of which it is to be known what they have come to.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &String> {
        let writes = self.writes.iter().filter(|write| write.is_open());
        let creation = self.creation.iter();
        let creating = creation.flat_map(|creation| [&creation.maker, &creation.linker]);
        writes.flat_map(|write| &write.jobs).chain(creating)
    }

    /// Takes in what these have come to; what is done is known for `kept`.
    pub(super) fn settle(
        &mut self,
        fates: &BTreeMap<String, Fate>,
        now: Timestamp,
        kept: SignedDuration,
    ) {
        let mut again = Vec::new();
        for mut write in std::mem::take(&mut self.writes) {
            // A dead one that was retried is behind all others.
            let is_again = write.settle(fates, now, kept);
            if write.was_never_stored(now) {
                continue;
            }
            if is_again {
                again.push(write);
            } else {
                self.writes.push(write);
            }
        }
        self.writes.append(&mut again);
        let creation = self.creation.take();
        self.creation = creation.and_then(|creation| creation.settled(fates, now));
        self.tidy(now);
    }

    /// What has arrived long ago is what it had then.
    fn tidy(&mut self, now: Timestamp) {
        let is_old = |write: &Write| {
            write.arrived().is_some_and(|at| at + KEPT < now)
                || write.died().is_some_and(|at| at + KEPT_DEAD < now)
        };
        loop {
            let old = self.writes.iter().enumerate();
            let old = old.filter(|(_, write)| is_old(write));
            let Some((index, _)) = old.min_by_key(|(_, write)| write.end()) else {
                return;
            };
            self.drop_write(index);
        }
    }

    fn drop_write(&mut self, index: usize) {
        let write = self.writes.remove(index);
        let Some(at) = write.arrived() else {
            return;
        };
        for (field, value) in write.fields {
            let mut told = self.had_of(&field).iter().filter(|had| had.value == value);
            // It has told itself since when it has that, which was before anybody knew.
            if told.any(|had| had.until + CLOCKS >= write.at && had.since <= at + CLOCKS) {
                continue;
            }
            self.note(&field, &value, at, true);
        }
    }

    /// Two that are of one record.
    pub(super) fn merge(&mut self, other: Self) {
        for (field, had) in other.had {
            for had in had {
                self.note(&field, &had.value, had.since, had.is_written);
                self.note(&field, &had.value, had.until, had.is_written);
            }
        }
        self.writes.extend(other.writes);
        self.writes.sort_by_key(|write| write.at);
        self.creation = self.creation.take().or(other.creation);
    }

    fn had_of(&self, field: &str) -> &[Had] {
        self.had.get(field).map_or(&[], Vec::as_slice)
    }

    fn writes_of<'a>(
        &'a self,
        field: &'a str,
    ) -> impl Iterator<Item = (usize, &'a Value, &'a Write)> {
        let writes = self.writes.iter().enumerate();
        writes.filter_map(move |(index, write)| Some((index, write.fields.get(field)?, write)))
    }
}

fn bytes<'w>(writes: impl IntoIterator<Item = &'w Write>) -> usize {
    let values = writes.into_iter().flat_map(|write| write.fields.values());
    values.map(|value| value.to_string().len()).sum()
}
