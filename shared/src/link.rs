//! What one record is in several systems, and what is known of it: so that an update goes to the right record, and one that came from
//! there does not go back.
//!
//! A [`Memory`] holds, of each field, the value that counts, and of each system what it has of that: what it said last, what was written to it,
//! and whether that has arrived. [`Memory::see`] is one pure function: it tells what is new in an event from what is there only since it was
//! written, or was there before; of two that changed the same field the newer wins. What follows is told by [`Memory::lacks`] alone: each
//! system is to have what counts, and whoever does not have it, and will not have it by what is on its way, is told.

mod creation;
mod fate;
mod gone;
mod moment;
mod place;
#[cfg(test)]
mod settles;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{creation::Creation, fate::Fate, gone::Gone, write::Write};
use self::{moment::Moment, place::Place};

/// The most fields that a memory holds.
pub const MOST_FIELDS: usize = 64;
/// The most conflicts that are kept; the oldest go first.
const MOST_CONFLICTS: usize = 20;

/// What is known of one record in all systems.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The value that counts of each field.
    fields: BTreeMap<String, Known>,
    /// By system, what it has of them.
    places: BTreeMap<String, Place>,
    /// By system, when it was decided which record is the one there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    linked: BTreeMap<String, Timestamp>,
    /// What was decided against a system, the newest last.
    conflicts: Vec<Conflict>,
}

/// A value that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The value.
    pub value: Value,
    /// When it was set.
    pub at: Timestamp,
    /// In which system.
    pub by: String,
}

/// An event, as far as it is needed to follow it once more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its kind.
    pub kind: String,
    /// Its data.
    pub data: Value,
    /// When it was heard of.
    pub at: Timestamp,
}

/// Two systems had different values, or two records were one system's, and one was dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// Of which field; `links.` and a system, where it is about which record is the one there.
    pub field: String,
    /// Whose value counts; or the record that is the one.
    pub kept: String,
    /// Whose was dropped.
    pub dropped: String,
    /// When it was noticed, by the event that was.
    pub at: Timestamp,
}

/// What a system says of a record.
#[derive(Debug, Clone)]
pub struct Saying<'a> {
    /// The system.
    pub system: &'a str,
    /// When it says that it was so; or when it came, if it does not say.
    pub at: Timestamp,
    /// Whether it says when it was so.
    pub is_dated: bool,
    /// The fields; what is not said of one is not in it.
    pub fields: Map<String, Value>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether anything of it was new.
    pub is_news: bool,
    /// How many conflicts were noted.
    pub conflicts: usize,
}

impl Memory {
    /// Takes in what a system says. Taken in again it changes nothing.
    pub fn see(&mut self, saying: &Saying<'_>) -> Seen {
        let mut seen = Seen::default();
        for (field, value) in &saying.fields {
            if self.fields.len() >= MOST_FIELDS && !self.fields.contains_key(field) {
                continue;
            }
            let value = normal(value);
            let judged = self.judge(saying, field, &value);
            let lacked = self.lacks_field(saying.system, field);
            let place = self.places.entry(saying.system.to_owned()).or_default();
            place.say(field, &value, saying.at);
            let conflict = match judged {
                Judged::Known => None,
                // What counts had arrived there, and it is told again: somebody may have set this meanwhile.
                Judged::Unchanged => self.overruled(saying, field, lacked),
                Judged::Older(conflict) => Some(conflict),
                Judged::New(conflict) => {
                    seen.is_news = true;
                    let known = Known {
                        value,
                        at: saying.at,
                        by: saying.system.to_owned(),
                    };
                    self.fields.insert(field.clone(), known);
                    conflict
                }
            };
            if let Some(conflict) = conflict {
                seen.conflicts += 1;
                self.note_conflict(conflict);
            }
        }
        seen
    }

    fn judge(&self, saying: &Saying<'_>, field: &str, value: &Value) -> Judged {
        let Some(known) = self.fields.get(field) else {
            return Judged::New(None);
        };
        let unknown = Place::default();
        let place = self.places.get(saying.system).unwrap_or(&unknown);
        // Its events may come in another order than they happened in.
        if known.value == *value || place.was_set_since(field, saying.at) {
            return Judged::Known;
        }
        let may_still_have = place.may_still_have(field, value, saying.moment());
        if may_still_have && !place.keeps_none(field, known, saying.at) {
            return Judged::Unchanged;
        }
        if known.by == saying.system {
            return if saying.at < known.at {
                Judged::Known
            } else {
                Judged::New(None)
            };
        }
        if saying.at < known.at {
            return Judged::Older(saying.conflict(field, &known.by, saying.system));
        }
        // If it has not had the other's by then, both have changed it.
        let has_had = place.had_by(field, &known.value, saying.at);
        Judged::New((!has_had).then(|| saying.conflict(field, saying.system, &known.by)))
    }

    fn overruled(&self, saying: &Saying<'_>, field: &str, lacked: bool) -> Option<Conflict> {
        let known = self.fields.get(field)?;
        let place = self.places.get(saying.system)?;
        let was_there = place.had_by(field, &known.value, saying.at);
        let is_overruled = was_there && !lacked && known.by != saying.system;
        (is_overruled && self.lacks_field(saying.system, field))
            .then(|| saying.conflict(field, &known.by, saying.system))
    }

    /// Notes what was decided against somebody.
    pub fn note_conflict(&mut self, conflict: Conflict) {
        self.conflicts.push(conflict);
        if self.conflicts.len() > MOST_CONFLICTS {
            self.conflicts.remove(0);
        }
    }

    /// Which of these fields a system does not have as they count, nor will have by what is on its way.
    pub fn lacks<'f>(
        &self,
        system: &str,
        fields: impl IntoIterator<Item = &'f str>,
    ) -> Vec<&'f str> {
        let fields = fields.into_iter();
        fields
            .filter(|field| self.lacks_field(system, field))
            .collect()
    }

    /// The same of all that it was ever told, or has told.
    pub fn lacks_of_its_own(&self, system: &str) -> Vec<&str> {
        let place = self.places.get(system);
        let fields = self.fields.keys().map(String::as_str);
        let fields = fields.filter(|field| place.is_some_and(|place| place.knows(field)));
        self.lacks(system, fields)
    }

    /// Whether a system says only what counts, or what it was known to have, or was to have. An empty value says nothing.
    fn knows_all(&self, saying: &Saying<'_>) -> bool {
        let place = self.places.get(saying.system);
        saying.fields.iter().all(|(field, value)| {
            let value = normal(value);
            let counts = self.fields.get(field);
            value.as_str() == Some("")
                || counts.is_some_and(|known| known.value == value)
                || place.is_some_and(|place| place.has_or_had(field, &value))
        })
    }

    fn lacks_field(&self, system: &str, field: &str) -> bool {
        let Some(known) = self.fields.get(field) else {
            return false;
        };
        match self.places.get(system) {
            Some(place) => place.lacks(field, known),
            None => Place::default().lacks(field, known),
        }
    }

    /// Notes that something is about to be written to a system.
    pub fn write(&mut self, system: &str, write: Write) {
        self.places
            .entry(system.to_owned())
            .or_default()
            .write(write);
    }

    /// The fields that are written to a system for an event: handled again, the same is.
    pub fn written_for(&self, system: &str, event: &str) -> Vec<&str> {
        let place = self.places.get(system).into_iter();
        place.flat_map(|place| place.written_for(event)).collect()
    }

    /// Whether no more can be written to a system before something has arrived there.
    pub fn is_full(&self, system: &str) -> bool {
        self.places.get(system).is_some_and(Place::is_full)
    }

    /// The record that is being made in a system, if one is.
    pub fn creation(&self, system: &str) -> Option<&Creation> {
        self.places.get(system)?.creation()
    }

    /// All records that are being made, by system.
    pub fn creations(&self) -> impl Iterator<Item = (&str, &Creation)> {
        let places = self.places.iter();
        places.filter_map(|(system, place)| Some((system.as_str(), place.creation()?)))
    }

    /// A record is about to be made in a system.
    pub fn create(&mut self, system: &str, creation: Creation) {
        let place = self.places.entry(system.to_owned()).or_default();
        place.set_creation(Some(creation));
    }

    /// The record is there: which it is was decided then.
    pub fn link(&mut self, system: &str, decided: Timestamp) {
        if let Some(place) = self.places.get_mut(system) {
            place.set_creation(None);
        }
        let last = self.linked.entry(system.to_owned()).or_insert(decided);
        *last = decided.max(*last);
    }

    /// When it was decided last which record is the one of a system, if it ever was.
    pub fn linked(&self, system: &str) -> Option<Timestamp> {
        self.linked.get(system).copied()
    }

    /// The jobs of which it is to be known what they have come to, before anything is decided.
    pub fn jobs(&self) -> Vec<String> {
        let jobs = self.places.values().flat_map(Place::jobs);
        jobs.cloned().collect()
    }

    /// Takes in what jobs have come to; one that is done is known for `kept`.
    pub fn settle(&mut self, fates: &BTreeMap<String, Fate>, now: Timestamp, kept: SignedDuration) {
        for place in self.places.values_mut() {
            place.settle(fates, now, kept);
        }
    }

    /// The values that count.
    pub fn values(&self) -> Map<String, Value> {
        let values = self.fields.iter();
        values
            .map(|(name, known)| (name.clone(), known.value.clone()))
            .collect()
    }

    /// What counts of each field, and since when.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Known)> {
        let fields = self.fields.iter();
        fields.map(|(name, known)| (name.as_str(), known))
    }

    /// What was decided against a system, the newest last.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// What a system had is not known any more: another record is the one there, or none.
    pub fn forget(&mut self, system: &str) {
        self.places.remove(system);
    }

    /// Puts two memories of one record together: of each field the newer value counts.
    pub fn merge(&mut self, other: Self) {
        for (field, known) in other.fields {
            let ours = self.fields.get(&field);
            if ours.is_none_or(|ours| ours.at < known.at) {
                self.fields.insert(field, known);
            }
        }
        for (system, place) in other.places {
            self.places.entry(system).or_default().merge(place);
        }
        for (system, decided) in other.linked {
            let last = self.linked.entry(system).or_insert(decided);
            *last = decided.max(*last);
        }
        self.conflicts.extend(other.conflicts);
        self.conflicts.sort_by_key(|conflict| conflict.at);
        let too_many = self.conflicts.len().saturating_sub(MOST_CONFLICTS);
        self.conflicts.drain(..too_many);
    }
}

impl Saying<'_> {
    fn moment(&self) -> Moment {
        if self.is_dated {
            Moment::dated(self.at)
        } else {
            Moment::undated(self.at)
        }
    }

    fn conflict(&self, field: &str, kept: &str, dropped: &str) -> Conflict {
        Conflict {
            field: field.to_owned(),
            kept: kept.to_owned(),
            dropped: dropped.to_owned(),
            at: self.at,
        }
    }
}

enum Judged {
    /// It is what counts, or was said too late.
    Known,
    /// It is there still, or again, since what counts has not arrived.
    Unchanged,
    /// Somebody has set it, before what counts was set.
    Older(Conflict),
    /// It counts from now on.
    New(Option<Conflict>),
}

/// Values that mean the same in all systems are the same: a text without its white space at both ends, tags in whichever order and case,
/// nothing as an empty text.
fn normal(value: &Value) -> Value {
    match value {
        Value::Null => Value::String(String::new()),
        Value::String(text) => Value::String(text.trim().to_owned()),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let texts = items.iter().filter_map(Value::as_str);
            let mut texts: Vec<_> = texts.map(|text| text.trim().to_lowercase()).collect();
            texts.sort();
            texts.dedup();
            texts.into()
        }
        other => other.clone(),
    }
}
