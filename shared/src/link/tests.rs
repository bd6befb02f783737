//! What people and systems do, one thing after the other, and what comes of it.

use serde_json::json;

use super::*;

const KEPT: SignedDuration = SignedDuration::from_hours(24);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A memory, with what it is told as the worker does it.
#[derive(Default)]
struct Record {
    memory: Memory,
    fates: BTreeMap<String, Fate>,
}

impl Record {
    fn sees(&mut self, system: &str, second: i64, fields: &Value) -> Seen {
        self.sees_it(system, second, fields, true)
    }

    fn sees_it(&mut self, system: &str, second: i64, fields: &Value, is_dated: bool) -> Seen {
        self.memory.settle(&self.fates, at(second), KEPT);
        self.memory.see(&Saying {
            system,
            at: at(second),
            is_dated,
            fields: fields.as_object().unwrap().clone(),
        })
    }

    fn lacks(&self, system: &str) -> Value {
        let values = self.memory.values();
        let lacks = self
            .memory
            .lacks(system, values.keys().map(String::as_str))
            .into_iter();
        let lacks = lacks.map(|field| (field.to_owned(), values[field].clone()));
        Value::Object(lacks.collect())
    }

    /// What it lacks is about to be written to a system, by a job of this name.
    fn tells(&mut self, system: &str, second: i64, job: &str) -> Value {
        let lacks = self.lacks(system);
        let fields = lacks.as_object().unwrap().clone();
        let write = Write::new((job, "flow"), fields, vec![job.to_owned()], at(second));
        self.memory.write(system, write);
        self.fates.insert(job.to_owned(), Fate::Open);
        lacks
    }

    fn done(&mut self, job: &str, second: i64) {
        self.fates.insert(job.to_owned(), Fate::Done(at(second)));
    }

    fn dead(&mut self, job: &str, second: i64, cause: &str) {
        let (at, cause) = (at(second), cause.to_owned());
        self.fates.insert(job.to_owned(), Fate::Dead { at, cause });
    }

    fn conflicts(&self) -> Vec<(&str, &str)> {
        let conflicts = self.memory.conflicts().iter();
        let conflicts = conflicts.map(|conflict| (&*conflict.kept, &*conflict.dropped));
        conflicts.collect()
    }
}

/// Both have this, and it is long ago.
fn settled(fields: &Value) -> Record {
    let mut record = Record::default();
    record.sees("ghl", 0, fields);
    record.tells("crm", 0, "first");
    record.done("first", 1);
    record.sees("crm", 1, fields);
    record
}

#[test]
fn what_comes_back_is_no_news() {
    let mut record = Record::default();
    let said = json!({ "name": "Ada", "tags": ["B", "a"] });
    assert!(record.sees("ghl", 1, &said).is_news);
    assert_eq!(record.tells("crm", 1, "1").as_object().unwrap().len(), 2);
    // Whether the job's end is known by then or not.
    let echo = json!({ "name": " Ada ", "tags": ["a", "b"] });
    assert_eq!(record.sees("crm", 2, &echo), Seen::default());
    record.done("1", 3);
    assert_eq!(record.sees("crm", 4, &echo), Seen::default());
    // And whoever says it again later says nothing new either.
    assert_eq!(record.sees("ghl", 5, &said), Seen::default());
    assert_eq!(
        [record.lacks("crm"), record.lacks("ghl")],
        [json!({}), json!({})]
    );
}

/// The call waits for a quarter of an hour; meanwhile somebody changes another field there, and the event tells of both.
#[test]
fn a_value_that_waits_to_be_written_undoes_no_newer_one() {
    let mut record = settled(&json!({ "last": "Byron", "phone": "old" }));
    record.sees("ghl", 100, &json!({ "last": "Byron", "phone": "new" }));
    assert_eq!(record.tells("crm", 100, "phone"), json!({ "phone": "new" }));
    let theirs = json!({ "last": "King", "phone": "old" });
    assert!(record.sees("crm", 1100, &theirs).is_news);
    assert_eq!(record.memory.values()["phone"], "new");
    assert_eq!(record.tells("ghl", 1100, "last"), json!({ "last": "King" }));
    // It arrives, and its echo comes still later.
    record.done("phone", 2000);
    let echo = json!({ "last": "King", "phone": "new" });
    assert_eq!(record.sees("crm", 4000, &echo), Seen::default());
    assert_eq!(record.memory.values()["phone"], "new");
    assert_eq!(record.conflicts(), []);
}

#[test]
fn what_was_to_be_written_and_died_is_lacked_again_and_undoes_nothing() {
    let mut record = settled(&json!({ "phone": "old" }));
    record.sees("ghl", 100, &json!({ "phone": "new" }));
    record.tells("crm", 100, "phone");
    assert_eq!(record.lacks("crm"), json!({}), "it is on its way");
    record.dead("phone", 200, "exhausted");
    // Whoever says what counts has it told again; and whoever says what was there before changes nothing.
    record.sees("crm", 5000, &json!({ "phone": "old" }));
    assert_eq!(record.memory.values()["phone"], "new");
    assert_eq!(record.memory.lacks_of_its_own("crm"), ["phone"]);
    record.sees("ghl", 5001, &json!({ "phone": "new" }));
    assert_eq!(
        record.tells("crm", 5001, "again"),
        json!({ "phone": "new" })
    );
    record.done("again", 5002);
    record.sees("crm", 5003, &json!({ "phone": "new" }));
    assert_eq!(record.lacks("crm"), json!({}));
}

/// What is refused each time is not written for ever.
#[test]
fn what_dies_each_time_is_tried_three_times() {
    let mut record = settled(&json!({ "phone": "old" }));
    record.sees("ghl", 100, &json!({ "phone": "not a number" }));
    for job in ["1", "2", "3"] {
        assert_ne!(record.tells("crm", 100, job), json!({}));
        record.dead(job, 101, "rejected");
        record.sees("ghl", 200, &json!({ "phone": "not a number" }));
    }
    assert_eq!(record.lacks("crm"), json!({}));
    record.sees("ghl", 300, &json!({ "phone": "+1" }));
    assert_eq!(record.lacks("crm"), json!({ "phone": "+1" }));
    // Somebody who sets it once more has it tried once more.
    record.sees("ghl", 400, &json!({ "phone": "not a number" }));
    assert_eq!(record.lacks("crm"), json!({ "phone": "not a number" }));
}

/// It says that it has something else, each time: then that is what counts.
#[test]
fn what_never_stays_is_written_three_times() {
    let mut record = settled(&json!({ "name": "ADA" }));
    record.sees("ghl", 100, &json!({ "name": "Ada" }));
    for (second, job) in [(100, "1"), (120, "2"), (140, "3")] {
        assert_eq!(record.tells("crm", second, job), json!({ "name": "Ada" }));
        record.done(job, second + 1);
        let seen = record.sees("crm", second + 10, &json!({ "name": "ADA" }));
        assert_eq!(seen.is_news, second == 140);
    }
    assert_eq!(record.lacks("crm"), json!({}));
    assert_eq!(record.lacks("ghl"), json!({ "name": "ADA" }));
}

#[test]
fn a_system_that_is_told_from_now_on_lacks_everything() {
    let mut record = settled(&json!({ "name": "Ada", "phone": "+1" }));
    assert_eq!(record.lacks("crm"), json!({}));
    assert_eq!(
        record.sees("ghl", 100, &json!({ "name": "Ada", "phone": "+1" })),
        Seen::default()
    );
    assert_eq!(record.lacks("erp"), json!({ "name": "Ada", "phone": "+1" }));
}

/// The write of the older value had not been seen by the system that has the newer one.
#[test]
fn edited_on_both_sides_the_newer_wins_and_both_have_it() {
    let mut record = settled(&json!({ "name": "Ada" }));
    record.sees("ghl", 100, &json!({ "name": "Ada L." }));
    record.tells("crm", 100, "ours");
    assert!(
        record
            .sees("crm", 110, &json!({ "name": "Ada Lovelace" }))
            .is_news
    );
    record.tells("ghl", 110, "theirs");
    assert_eq!(record.conflicts(), [("crm", "ghl")]);
    assert_eq!(
        record.tells("crm", 110, "back"),
        json!({ "name": "Ada Lovelace" })
    );
    // What was written to the CRM has overwritten its own for a moment.
    record.done("ours", 112);
    assert!(
        !record
            .sees("crm", 112, &json!({ "name": "Ada L." }))
            .is_news
    );
    record.done("back", 114);
    record.done("theirs", 114);
    for system in ["crm", "ghl"] {
        let said = json!({ "name": "Ada Lovelace" });
        assert_eq!(record.sees(system, 114, &said), Seen::default());
        assert_eq!(record.lacks(system), json!({}));
    }
}

#[test]
fn an_older_change_that_comes_late_is_dropped_and_its_system_lacks_the_newer() {
    let mut record = Record::default();
    record.sees(
        "crm",
        200,
        &json!({ "name": "Ada Lovelace", "city": "London" }),
    );
    let older = record.sees("ghl", 100, &json!({ "name": "Ada", "phone": "+1" }));
    assert_eq!(
        (older.is_news, older.conflicts),
        (true, 1),
        "fields are decided one by one"
    );
    assert_eq!(record.memory.lacks_of_its_own("ghl"), ["name"]);
    assert_eq!(
        record.lacks("ghl"),
        json!({ "name": "Ada Lovelace", "city": "London" })
    );
    assert_eq!(record.conflicts(), [("crm", "ghl")]);
}

/// Of a system that tells of what people do, and not of what is written to it.
#[test]
fn a_change_back_to_what_was_there_before_is_a_change() {
    let mut record = settled(&json!({ "name": "A" }));
    for (name, second) in [("B", 100), ("C", 110)] {
        record.sees("ghl", second, &json!({ "name": name }));
        record.tells("crm", second, name);
        record.done(name, second + 1);
    }
    // It says when that was: a little after the other had arrived.
    assert!(record.sees("crm", 150, &json!({ "name": "B" })).is_news);
    assert_eq!(record.lacks("ghl"), json!({ "name": "B" }));
}

/// It does not say when: it may have been before the other arrived, and what counts is told again, and the conflict kept.
#[test]
fn what_may_be_a_change_back_is_overruled_and_that_is_a_conflict() {
    let mut record = settled(&json!({ "name": "A" }));
    for (name, second) in [("B", 100), ("C", 110)] {
        record.sees("ghl", second, &json!({ "name": name }));
        record.tells("crm", second, name);
        record.done(name, second + 1);
    }
    let seen = record.sees_it("crm", 150, &json!({ "name": "B" }), false);
    assert_eq!((seen.is_news, seen.conflicts), (false, 1));
    assert_eq!(record.conflicts(), [("ghl", "crm")]);
    assert_eq!(record.memory.lacks_of_its_own("crm"), ["name"]);
}

/// Webhooks come in whichever order.
#[test]
fn what_a_system_has_changed_since_is_no_news() {
    let mut record = Record::default();
    record.sees("ghl", 200, &json!({ "name": "Ada Lovelace" }));
    let before = record.sees("ghl", 100, &json!({ "name": "Ada", "city": "Paris" }));
    assert!(before.is_news);
    assert_eq!(record.memory.values()["name"], "Ada Lovelace");
    assert_eq!(record.memory.values()["city"], "Paris");
    assert_eq!(record.conflicts(), []);
}

/// An event that is handled again has its jobs planned again: those that are stored, and no others.
#[test]
fn what_is_written_for_an_event_stays_what_it_was() {
    let mut record = settled(&json!({ "name": "Ada" }));
    record.sees("ghl", 100, &json!({ "name": "Augusta" }));
    record.tells("crm", 100, "event");
    assert_eq!(record.memory.written_for("crm", "event"), ["name"]);
    record.done("event", 101);
    record.sees("ghl", 102, &json!({ "name": "Augusta" }));
    assert_eq!(record.memory.written_for("crm", "event"), ["name"]);
}

/// A write whose job was never stored, for the worker died and its event is dead, is none.
#[test]
fn what_was_never_stored_is_lacked_again() {
    let mut record = settled(&json!({ "name": "Ada" }));
    record.sees("ghl", 100, &json!({ "name": "Augusta" }));
    record.tells("crm", 100, "lost");
    record.fates.insert("lost".to_owned(), Fate::Unknown);
    record.sees("ghl", 130, &json!({ "name": "Augusta" }));
    assert_eq!(record.lacks("crm"), json!({}), "it may still be stored");
    record.sees("ghl", 1000, &json!({ "name": "Augusta" }));
    assert_eq!(record.lacks("crm"), json!({ "name": "Augusta" }));
}

/// However much people write, and however little of it arrives.
#[test]
fn what_is_remembered_is_bounded() {
    let mut record = settled(&json!({ "text": "" }));
    for second in 0..500 {
        let text = format!("{second} {}", "x".repeat(10_000));
        record.sees("ghl", 100 + second, &json!({ "text": text }));
        if record.memory.is_full("crm") {
            break;
        }
        record.tells("crm", 100 + second, &second.to_string());
    }
    assert!(record.memory.is_full("crm"));
    assert!(serde_json::to_string(&record.memory).unwrap().len() < 300_000);
    for second in 0..500 {
        let text = format!("{second} {}", "y".repeat(10_000));
        record.sees("ghl", 1_000 + second, &json!({ "text": text }));
        record.tells("crm", 1_000 + second, &second.to_string());
        record.done(&second.to_string(), 1_000 + second);
    }
    assert!(serde_json::to_string(&record.memory).unwrap().len() < 300_000);
}

#[test]
fn two_memories_of_one_record_become_one() {
    let (mut one, mut other) = (Record::default(), Record::default());
    one.sees("ghl", 1, &json!({ "name": "Ada", "city": "Paris" }));
    other.sees("crm", 2, &json!({ "name": "Ada L." }));
    one.memory.merge(other.memory);
    let values = json!({ "name": "Ada L.", "city": "Paris" });
    assert_eq!(Value::Object(one.memory.values()), values);
    assert_eq!(one.lacks("ghl"), json!({ "name": "Ada L." }));
}

mod creations {
    use super::*;

    /// What is asked of a person as long as the record is being made, or nothing; `None` if another may be.
    fn made(maker: Fate, linker: Fate, second: i64) -> Option<String> {
        let mut memory = Memory::default();
        memory.create("crm", Creation::new("event", "maker", "linker", at(0)));
        let fates = [("maker".to_owned(), maker), ("linker".to_owned(), linker)];
        memory.settle(&fates.into(), at(second), KEPT);
        let creation = memory.creation("crm");
        creation.map(|creation| creation.question().unwrap_or_default())
    }

    fn dead(cause: &str) -> Fate {
        let (at, cause) = (at(1), cause.to_owned());
        Fate::Dead { at, cause }
    }

    #[test]
    fn as_long_as_a_record_is_being_made_no_other_is() {
        let (day, some) = (86_400, Some(String::new()));
        assert_eq!(made(Fate::Open, Fate::Open, day), some);
        assert_eq!(made(Fate::Done(at(1)), Fate::Open, day), some);
        assert_eq!(
            made(Fate::Unknown, Fate::Unknown, 60),
            some,
            "not stored yet"
        );
        assert_eq!(
            made(Fate::Unknown, Fate::Unknown, day),
            None,
            "never stored"
        );
        assert_eq!(made(Fate::Done(at(1)), Fate::Done(at(2)), 3), None);
        assert_eq!(
            made(dead("rejected"), dead("parent-dead"), 3),
            None,
            "it was refused"
        );
    }

    #[test]
    fn where_nobody_knows_whether_it_was_made_a_person_decides() {
        let day = 86_400;
        for linker in [Fate::Open, dead("parent-dead")] {
            let question = made(dead("ambiguous"), linker, day).unwrap();
            assert!(question.contains("resolve"), "{question}");
        }
        for maker in [Fate::Done(at(1)), Fate::Unknown] {
            let question = made(maker, dead("rejected"), day).unwrap();
            assert!(question.contains("LinkRecord"), "{question}");
        }
    }
}
