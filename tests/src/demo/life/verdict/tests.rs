use penstock_shared::link::Conflict;
use serde_json::{Value, json};

use super::*;
use crate::demo::life::portrait::Portrait;

fn counts(counts: &[(&str, u64)]) -> Counts {
    let counts = counts.iter();
    counts
        .map(|(what, count)| ((*what).to_owned(), *count))
        .collect()
}

/// As it should be.
fn good() -> Books {
    let before = Portrait {
        contact: json!({
            "firstName": "A", "lastName": "B", "email": "a@b.example", "phone": "+331", "tags": TAGS,
            "dndSettings": { "SMS": { "status": "active" } },
        }),
        listed: json!({ "info1": "A", "info2": "B" }),
        profile: json!({ "firstName": "A", "lastName": "B", "email": "a@b.example", "phone": "+331" }),
        is_blacklisted: true,
    };
    let after = Portrait {
        contact: Value::Null,
        listed: Value::Null,
        ..before.clone()
    };
    let (field, kept, dropped) = CONFLICT;
    let mut books = Books {
        before,
        after,
        messages: counts(&[("to alerts", 1), ("to her", 1), ("to staff", 1)]),
        conflicts: vec![Conflict {
            field: field.to_owned(),
            kept: kept.to_owned(),
            dropped: dropped.to_owned(),
            at: jiff::Timestamp::UNIX_EPOCH,
        }],
        webhooks: 40,
        ..Books::default()
    };
    books.stats.done_total = 100;
    books.ledgers = WRITTEN.map(|written| Ledger {
        written: counts(written),
        ..Ledger::default()
    });
    books
}

#[test]
fn a_life_as_it_should_be_is_good() {
    let promises = judge(&good());
    assert!(promises.are_kept(), "{promises}");
}

/// A fault, and what brings it about.
type Spoilt = (&'static str, fn(&mut Books));

#[test]
fn each_fault_is_found() {
    let spoilt: [Spoilt; 17] = [
        ("another name at the CRM", |books| {
            books.before.profile["firstName"] = json!("C");
        }),
        ("another name in the list", |books| {
            books.before.listed["info2"] = json!("C");
        }),
        ("no name at all", |books| {
            let her = &mut books.before;
            her.contact["firstName"] = Value::Null;
            her.listed["info1"] = Value::Null;
            her.profile["firstName"] = Value::Null;
        }),
        ("another number at the CRM", |books| {
            books.before.profile["phone"] = json!("+332");
        }),
        ("the older edit won", |books| {
            books.conflicts[0].kept = "ghl".to_owned();
        }),
        ("a note too many", |books| {
            books.ledgers[0].written.insert("note".to_owned(), 6);
        }),
        ("no record", |books| {
            books.ledgers[2].written.remove("record");
        }),
        ("an SMS after STOP", |books| {
            books.messages.insert("to her".to_owned(), 2);
        }),
        ("an SMS to somebody else", |books| {
            books.messages.insert("to others".to_owned(), 1);
        }),
        ("disturbed", |books| {
            books.before.contact["dndSettings"] = Value::Null;
        }),
        ("a tag is missing", |books| {
            books.before.contact["tags"] = json!(["smore"]);
        }),
        ("still in the list", |books| {
            books.after.listed = json!({ "info1": "A" });
        }),
        ("a duplicate", |books| books.ledgers[1].duplicates = 1),
        ("over the quota", |books| books.ledgers[2].over_quota = 1),
        ("an open job", |books| books.stats.running = 1),
        ("a dead letter", |books| books.stats.dead = 1),
        ("what is told again moves something", |books| {
            books.moved = 1;
        }),
    ];
    for (fault, spoil) in spoilt {
        let mut books = good();
        spoil(&mut books);
        assert!(!judge(&books).are_kept(), "{fault}");
    }
}
