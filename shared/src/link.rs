//! What one record is in several systems, and what is known of it: so that an update goes to the right record, and one that came from
//! there does not go back.
//!
//! A [`Memory`] holds, of each field, the value that counts, and what was written where and was not seen there yet. [`Memory::see`] is one pure
//! function: it tells what is new in an event from what is but the echo of a write, and of two that changed the same field the newer wins.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most fields that a memory holds.
pub const MOST_FIELDS: usize = 64;
/// For so long a system may tell of what was written to it; what it says then is its own again.
const ECHO: SignedDuration = SignedDuration::from_mins(15);
/// What is dated so long before a write is not of it: clocks differ by less.
const CLOCKS: SignedDuration = SignedDuration::from_secs(5);
/// For so long a system may tell of something else and not have what was written to it yet.
const ARRIVAL: SignedDuration = SignedDuration::from_mins(1);
/// The most writes of one field to one system that are remembered at a time.
const MOST_WRITES: usize = 32;
/// Of how many events it is known what was seen in them.
const MOST_DECIDED: usize = 32;
/// What is being created somewhere is not waited for any longer.
const CREATION: SignedDuration = SignedDuration::from_mins(5);
/// The most conflicts that are kept; the oldest go first.
const MOST_CONFLICTS: usize = 20;

/// What is known of one record in all systems.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// The value that counts of each field.
    fields: BTreeMap<String, Known>,
    /// By system, what was written there and was not seen there since.
    written: BTreeMap<String, BTreeMap<String, Vec<Written>>>,
    /// By system, what it said last of each field: events tell all fields, and not which of them have changed.
    said: BTreeMap<String, BTreeMap<String, Written>>,
    /// By system, the event by which it told something new last.
    last: BTreeMap<String, Told>,
    /// What was decided against a system, the newest last.
    conflicts: Vec<Conflict>,
    /// What was seen in the last events, by their ids: handled again, an event comes to the same.
    decided: Vec<(String, Seen)>,
    /// By system, since when a record of it is being created there.
    creating: BTreeMap<String, Timestamp>,
}

/// A value that counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Known {
    value: Value,
    at: Timestamp,
    by: String,
}

/// A value that was written to a system, or that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Written {
    value: Value,
    at: Timestamp,
}

impl Written {
    /// Whether what a system says, as of then, may be the echo of it.
    fn may_be_told(&self, at: Timestamp) -> bool {
        at >= self.at - CLOCKS && at < self.at + ECHO
    }
}

/// An event, as far as it is needed to follow it once more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its kind.
    pub kind: String,
    /// Its data.
    pub data: Value,
}

/// Two systems had different values, and one was dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// Of which field.
    pub field: String,
    /// Whose value counts.
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
    /// When it says that it was so.
    pub at: Timestamp,
    /// The fields; what is not said of one is not in it.
    pub fields: Map<String, Value>,
    /// The event, to be followed once more if another system turns out to have something older.
    pub told: Told,
}

/// What of it is new.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Fields that have another value now.
    pub changed: Map<String, Value>,
    /// Fields of which the system itself has an older value than the one that counts: it is told again.
    pub stale: Vec<String>,
}

impl Memory {
    /// Takes in what a system says.
    pub fn see(&mut self, saying: &Saying<'_>) -> Seen {
        let mut seen = Seen::default();
        for (field, value) in saying.fields.iter().take(MOST_FIELDS) {
            let value = normal(value);
            let judged = self.judge(saying, field, &value);
            self.note_said(saying, field, &value);
            match judged {
                Judged::Known => self.has_seen(saying, field, &value),
                Judged::Older => {
                    self.has_seen(saying, field, &value);
                    if !self.is_on_its_way(saying, field) {
                        seen.stale.push(field.clone());
                    }
                }
                // What was written to it before may still be on its way, and overwrite this.
                Judged::New => {
                    let known = Known {
                        value: value.clone(),
                        at: saying.at,
                        by: saying.system.to_owned(),
                    };
                    self.fields.insert(field.clone(), known);
                    seen.changed.insert(field.clone(), value);
                }
            }
        }
        if !seen.changed.is_empty() {
            let told = saying.told.clone();
            self.last.insert(saying.system.to_owned(), told);
        }
        seen
    }

    fn judge(&mut self, saying: &Saying<'_>, field: &str, value: &Value) -> Judged {
        let written = self.written_to(saying, field);
        let Some(known) = self.fields.get(field) else {
            return Judged::New;
        };
        if known.value == *value {
            return Judged::Known;
        }
        // The echo of a write that another system's later change has overtaken.
        if written.contains(value) {
            return Judged::Older;
        }
        let by = known.by.clone();
        if self.is_unchanged(saying, field, value) {
            return Judged::Older;
        }
        if by == saying.system {
            // Its events may come in another order than they happened in.
            return if saying.at < known.at {
                Judged::Known
            } else {
                Judged::New
            };
        }
        if saying.at < known.at {
            self.conflict(field, &by, saying.system, saying.at);
            return Judged::Older;
        }
        // It has not seen the other's yet: both have changed it.
        if !written.is_empty() {
            self.conflict(field, saying.system, &by, saying.at);
        }
        Judged::New
    }

    /// Whether the system says what it had said before, and has not got yet what is being written to it: it tells of another field.
    fn is_unchanged(&self, saying: &Saying<'_>, field: &str, value: &Value) -> bool {
        let said = self.said.get(saying.system);
        let said = said.and_then(|said| said.get(field));
        let written = self.written.get(saying.system);
        let written = written.and_then(|written| written.get(field)?.last());
        let is_arriving = written.is_some_and(|written| saying.at < written.at + ARRIVAL);
        is_arriving && said.is_some_and(|said| said.value == *value)
    }

    fn note_said(&mut self, saying: &Saying<'_>, field: &str, value: &Value) {
        let said = self.said.entry(saying.system.to_owned()).or_default();
        if said.get(field).is_some_and(|last| saying.at < last.at) {
            return;
        }
        let value = Written {
            value: value.clone(),
            at: saying.at,
        };
        said.insert(field.to_owned(), value);
    }

    /// Whether what counts is what was written to the system last.
    fn is_on_its_way(&self, saying: &Saying<'_>, field: &str) -> bool {
        let fields = self.written.get(saying.system);
        let last = fields.and_then(|fields| fields.get(field)?.last());
        let recent = last.filter(|last| saying.at < last.at + ECHO);
        recent.map(|last| &last.value) == self.fields.get(field).map(|known| &known.value)
    }

    /// What was written to a system and it may still tell of.
    fn written_to(&self, saying: &Saying<'_>, field: &str) -> Vec<Value> {
        let fields = self.written.get(saying.system);
        let written = fields.and_then(|fields| fields.get(field)).into_iter();
        let written = written
            .flatten()
            .filter(|written| written.may_be_told(saying.at));
        written.map(|written| written.value.clone()).collect()
    }

    /// It has told of that.
    fn has_seen(&mut self, saying: &Saying<'_>, field: &str, value: &Value) {
        let fields = self.written.get_mut(saying.system);
        let Some(written) = fields.and_then(|fields| fields.get_mut(field)) else {
            return;
        };
        if let Some(at) = written
            .iter()
            .position(|written| written.value == *value && written.may_be_told(saying.at))
        {
            written.remove(at);
        }
    }

    fn conflict(&mut self, field: &str, kept: &str, dropped: &str, at: Timestamp) {
        self.conflicts.push(Conflict {
            field: field.to_owned(),
            kept: kept.to_owned(),
            dropped: dropped.to_owned(),
            at,
        });
        if self.conflicts.len() > MOST_CONFLICTS {
            self.conflicts.remove(0);
        }
    }

    /// These fields are about to be written to a system, as they count now: it will tell of them.
    pub fn write(&mut self, system: &str, at: Timestamp, fields: impl IntoIterator<Item = String>) {
        for field in fields {
            let Some(known) = self.fields.get(&field) else {
                continue;
            };
            let value = Written {
                value: known.value.clone(),
                at,
            };
            let written = self.written.entry(system.to_owned()).or_default();
            let written = written.entry(field).or_default();
            written.push(value);
            if written.len() > MOST_WRITES {
                written.remove(0);
            }
        }
    }

    /// The values that count.
    pub fn values(&self) -> Map<String, Value> {
        let values = self.fields.iter();
        values
            .map(|(name, known)| (name.clone(), known.value.clone()))
            .collect()
    }

    /// The last events by which other systems told something new: what follows from these tells this system.
    pub fn told_by_others(&self, system: &str) -> Vec<(String, Told)> {
        let others = self.last.iter().filter(|(by, _)| by.as_str() != system);
        others
            .map(|(by, told)| (by.clone(), told.clone()))
            .collect()
    }

    /// What was seen in an event that was handled before.
    pub fn decided(&self, event: &str) -> Option<&Seen> {
        let mut decided = self.decided.iter();
        decided.find(|(of, _)| of == event).map(|(_, seen)| seen)
    }

    /// That was seen in an event.
    pub fn decide(&mut self, event: &str, seen: Seen) {
        self.decided.push((event.to_owned(), seen));
        if self.decided.len() > MOST_DECIDED {
            self.decided.remove(0);
        }
    }

    /// A record is about to be created in a system.
    pub fn create(&mut self, system: &str, at: Timestamp) {
        self.creating.entry(system.to_owned()).or_insert(at);
    }

    /// Whether a record is being created there.
    pub fn is_creating(&self, system: &str, now: Timestamp) -> bool {
        let since = self.creating.get(system);
        since.is_some_and(|since| now < *since + CREATION)
    }

    /// The record is there.
    pub fn created(&mut self, system: &str) {
        self.creating.remove(system);
    }

    /// What was decided against a system, the newest last.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// Puts two memories of one record together: of each field the newer value counts.
    pub fn merge(&mut self, other: Self) {
        for (field, known) in other.fields {
            let ours = self.fields.get(&field);
            if ours.is_none_or(|ours| ours.at < known.at) {
                self.fields.insert(field, known);
            }
        }
        for (system, fields) in other.written {
            let ours = self.written.entry(system).or_default();
            for (field, written) in fields {
                ours.entry(field).or_default().extend(written);
            }
        }
        for (system, fields) in other.said {
            let ours = self.said.entry(system).or_default();
            for (field, said) in fields {
                if ours.get(&field).is_none_or(|ours| ours.at < said.at) {
                    ours.insert(field, said);
                }
            }
        }
        for (system, told) in other.last {
            self.last.entry(system).or_insert(told);
        }
        self.decided.extend(other.decided);
        let too_many = self.decided.len().saturating_sub(MOST_DECIDED);
        self.decided.drain(..too_many);
        for (system, since) in other.creating {
            self.creating.entry(system).or_insert(since);
        }
        self.conflicts.extend(other.conflicts);
        self.conflicts.sort_by_key(|conflict| conflict.at);
        let too_many = self.conflicts.len().saturating_sub(MOST_CONFLICTS);
        self.conflicts.drain(..too_many);
    }
}

enum Judged {
    /// Nothing new.
    Known,
    /// Older than what counts.
    Older,
    /// It counts from now on.
    New,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Further apart than clocks differ.
    fn at(moment: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 6 * moment).unwrap()
    }

    fn see(memory: &mut Memory, system: &str, second: i64, fields: &Value) -> Seen {
        let told = Told {
            kind: format!("{system}.changed"),
            data: fields.clone(),
        };
        let fields = fields.as_object().unwrap().clone();
        memory.see(&Saying {
            system,
            at: at(second),
            fields,
            told,
        })
    }

    /// The others are told of what has changed, as the worker does.
    fn tell(memory: &mut Memory, to: &str, seen: &Seen) {
        let fields: Vec<_> = seen.changed.keys().cloned().collect();
        memory.write(to, at(0), fields);
    }

    #[test]
    fn what_comes_back_is_no_news() {
        let mut memory = Memory::default();
        let seen = see(
            &mut memory,
            "ghl",
            1,
            &json!({ "name": "Ada", "tags": ["B", "a"] }),
        );
        assert_eq!(seen.changed.len(), 2);
        tell(&mut memory, "crm", &seen);
        let echo = see(
            &mut memory,
            "crm",
            2,
            &json!({ "name": " Ada ", "tags": ["a", "b"] }),
        );
        assert_eq!(echo, Seen::default());
        // And whoever says it again later says nothing new either.
        assert_eq!(
            see(&mut memory, "ghl", 3, &json!({ "name": "Ada" })),
            Seen::default()
        );
    }

    /// The write of the older value had not been seen by the system that has the newer one.
    #[test]
    fn edited_on_both_sides_the_newer_wins_and_both_have_it() {
        let mut memory = Memory::default();
        let first = see(&mut memory, "ghl", 1, &json!({ "name": "Ada" }));
        tell(&mut memory, "crm", &first);
        see(&mut memory, "crm", 2, &json!({ "name": "Ada" }));
        // Both change it; GHL's event comes first.
        let ours = see(&mut memory, "ghl", 10, &json!({ "name": "Ada L." }));
        tell(&mut memory, "crm", &ours);
        let theirs = see(&mut memory, "crm", 11, &json!({ "name": "Ada Lovelace" }));
        assert_eq!(theirs.changed["name"], "Ada Lovelace");
        tell(&mut memory, "ghl", &theirs);
        assert_eq!(memory.conflicts()[0].kept, "crm");
        // What was written to the CRM has overwritten its own: it is told again.
        let echo = see(&mut memory, "crm", 12, &json!({ "name": "Ada L." }));
        assert_eq!(echo.stale, ["name"]);
        assert_eq!(memory.told_by_others("crm")[0].0, "ghl");
        memory.write("crm", at(12), echo.stale);
        assert_eq!(
            see(&mut memory, "crm", 13, &json!({ "name": "Ada Lovelace" })),
            Seen::default()
        );
        assert_eq!(
            see(&mut memory, "ghl", 13, &json!({ "name": "Ada Lovelace" })),
            Seen::default()
        );
        assert_eq!(memory.values()["name"], "Ada Lovelace");
    }

    #[test]
    fn an_older_change_that_comes_late_is_dropped_and_its_system_told() {
        let mut memory = Memory::default();
        let newer = see(
            &mut memory,
            "crm",
            20,
            &json!({ "name": "Ada Lovelace", "city": "London" }),
        );
        assert_eq!(newer.changed.len(), 2);
        let older = see(
            &mut memory,
            "ghl",
            10,
            &json!({ "name": "Ada", "phone": "+1" }),
        );
        assert_eq!(older.stale, ["name"]);
        assert_eq!(older.changed.len(), 1, "fields are decided one by one");
        assert_eq!(memory.conflicts()[0].dropped, "ghl");
    }

    /// Events tell all fields: one that is there as it was is no change, though the event is newer than the other's change of it.
    #[test]
    fn a_field_that_is_as_it_was_undoes_nothing() {
        let mut memory = Memory::default();
        let all = json!({ "first": "Ada", "last": "Byron" });
        let seen = see(&mut memory, "ghl", 1, &all);
        tell(&mut memory, "crm", &seen);
        see(&mut memory, "crm", 2, &all);
        // The CRM changes the one, and before GHL has that, somebody changes the other there.
        let theirs = see(
            &mut memory,
            "crm",
            10,
            &json!({ "first": "Augusta", "last": "Byron" }),
        );
        memory.write("ghl", at(10), theirs.changed.keys().cloned());
        let ours = see(
            &mut memory,
            "ghl",
            11,
            &json!({ "first": "Ada", "last": "Lovelace" }),
        );
        assert_eq!(Value::Object(ours.changed), json!({ "last": "Lovelace" }));
        assert_eq!(ours.stale, [""; 0], "it is on its way");
        assert_eq!(memory.conflicts(), []);
        // Once it is there, what was there before is a change like any other.
        see(&mut memory, "ghl", 12, &json!({ "first": "Augusta" }));
        let back = see(&mut memory, "ghl", 13, &json!({ "first": "Ada" }));
        assert_eq!(back.changed["first"], "Ada");
    }

    /// Its own newer value was overwritten there, and is being written again: until it is there, its events tell of the other's.
    #[test]
    fn what_is_told_again_may_be_told_of_twice() {
        let mut memory = Memory::default();
        see(&mut memory, "crm", 1, &json!({ "name": "King" }));
        memory.write("ghl", at(1), ["name".to_owned()]);
        let ours = see(&mut memory, "ghl", 2, &json!({ "name": "Lovelace" }));
        assert_eq!(ours.changed.len(), 1);
        assert_eq!(
            see(&mut memory, "ghl", 3, &json!({ "name": "King" })).stale,
            ["name"]
        );
        memory.write("ghl", at(3), ["name".to_owned()]);
        assert_eq!(
            see(&mut memory, "ghl", 4, &json!({ "name": "King" })),
            Seen::default()
        );
        assert_eq!(memory.values()["name"], "Lovelace");
    }

    /// Webhooks come in whichever order.
    #[test]
    fn what_a_system_has_changed_since_is_no_news() {
        let mut memory = Memory::default();
        see(&mut memory, "ghl", 20, &json!({ "name": "Ada Lovelace" }));
        let before = see(
            &mut memory,
            "ghl",
            10,
            &json!({ "name": "Ada", "city": "Paris" }),
        );
        assert_eq!(
            (&before.changed["city"], before.changed.len()),
            (&json!("Paris"), 1)
        );
        assert_eq!(before.stale, [""; 0]);
        assert_eq!(memory.values()["name"], "Ada Lovelace");
        assert_eq!(memory.conflicts(), []);
    }

    #[test]
    fn two_memories_of_one_record_become_one() {
        let (mut one, mut other) = (Memory::default(), Memory::default());
        see(
            &mut one,
            "ghl",
            1,
            &json!({ "name": "Ada", "city": "Paris" }),
        );
        see(&mut other, "crm", 2, &json!({ "name": "Ada L." }));
        one.merge(other);
        assert_eq!(
            one.values(),
            *json!({ "name": "Ada L.", "city": "Paris" })
                .as_object()
                .unwrap()
        );
    }

    /// Whatever two systems do, once they are left alone they have the same, after few rounds.
    mod settles {
        use proptest::prelude::*;

        use super::*;

        #[derive(Debug, Default)]
        struct Side {
            has: String,
            /// What it has yet to tell, and when it was set.
            untold: Vec<(String, i64)>,
        }

        #[derive(Debug, Default)]
        struct World {
            memory: Memory,
            systems: BTreeMap<&'static str, Side>,
            /// Writes that are on their way, in their order: to whom, and what.
            writes: Vec<(&'static str, String)>,
            now: i64,
            /// What a person has set last, in either.
            newest: String,
            rounds: usize,
        }

        const BOTH: [&str; 2] = ["ghl", "crm"];

        impl World {
            fn edit(&mut self, system: usize) {
                self.now += 1;
                let value = format!("v{}", self.now);
                self.newest.clone_from(&value);
                let side = self.systems.entry(BOTH[system]).or_default();
                side.has.clone_from(&value);
                side.untold.push((value, self.now));
            }

            /// The next event of a system is handled.
            fn hear(&mut self, system: usize) {
                let name = BOTH[system];
                let queue = &mut self.systems.entry(name).or_default().untold;
                if queue.is_empty() {
                    return;
                }
                let (value, second) = queue.remove(0);
                let seen = see(&mut self.memory, name, second, &json!({ "f": value }));
                let other = BOTH[1 - system];
                let counts = self.memory.values()["f"].as_str().unwrap().to_owned();
                if !seen.changed.is_empty() {
                    self.memory.write(other, at(self.now), ["f".to_owned()]);
                    self.writes.push((other, counts));
                } else if !seen.stale.is_empty() {
                    self.memory.write(name, at(self.now), ["f".to_owned()]);
                    self.writes.push((name, counts));
                }
            }

            /// The next write arrives, and the system tells of it if that changes anything.
            fn write(&mut self) {
                if self.writes.is_empty() {
                    return;
                }
                self.now += 1;
                let (system, value) = self.writes.remove(0);
                let side = self.systems.entry(system).or_default();
                if side.has != value {
                    side.has.clone_from(&value);
                    side.untold.push((value, self.now));
                }
            }

            fn settle(&mut self) {
                while !self.writes.is_empty()
                    || self.systems.values().any(|side| !side.untold.is_empty())
                {
                    self.rounds += 1;
                    assert!(self.rounds < 100, "it never settles: {self:?}");
                    self.hear(0);
                    self.hear(1);
                    self.write();
                    self.write();
                }
            }
        }

        proptest! {
            #[test]
            fn both_have_what_was_set_last(
                steps in proptest::collection::vec((0_u8..3, 0_usize..2), 0..40)
            ) {
                let mut world = World::default();
                for (what, system) in steps {
                    match what {
                        0 => world.edit(system),
                        1 => world.hear(system),
                        _ => world.write(),
                    }
                }
                world.settle();
                for side in world.systems.values() {
                    prop_assert_eq!(&side.has, &world.newest, "{:?}", world);
                }
            }
        }
    }
}
