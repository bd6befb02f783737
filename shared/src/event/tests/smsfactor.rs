//! `SMSFactor`'s.

use serde_json::{Map, Value, json};

use super::{check, tenant};
use crate::{
    event::{Change, Event, ListChange, MessageType, Unreadable},
    job::{Job, Phone},
    smsfactor::Row,
};

fn read(body: &Value, told: Option<&str>) -> Event {
    let told: Option<MessageType> = told.map(|told| told.parse().unwrap());
    let bytes = body.to_string();
    let mut events = Event::from_smsfactor(bytes.as_bytes(), &tenant(), told.as_ref()).unwrap();
    events.iter().for_each(check);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn reply(message: &str) -> Value {
    json!({
        "date": "2024-11-21T09:42:27+01:00", "message": message, "from": "33612345678", "account_id": "1234",
        "last_message_id": "job-1",
    })
}

fn report(status: i64) -> Value {
    json!({
        "date": "2024-11-21T09:42:27+01:00", "status": status, "destination": "33612345678", "message_id": "job-1",
        "campaign_id": "7", "country_code": "FR",
    })
}

#[test]
fn a_reply_names_its_writer_and_the_message_before() {
    let event = read(&reply("Call me"), None);
    assert_eq!(event.kind.as_str(), "sms.reply");
    assert_eq!(event.contact.phone.unwrap().as_str(), "+33612345678");
    assert_eq!(
        event.occurred_at,
        Some("2024-11-21T08:42:27Z".parse().unwrap())
    );
    let data = event.data.members();
    assert_eq!(
        (&data["message"], &data["messageId"]),
        (&json!("Call me"), &json!("job-1"))
    );
    assert_eq!(
        (&data["phone"], &data["from"]),
        (&json!("+33612345678"), &json!("33612345678"))
    );
}

/// The message that it answers may be the very one that the reply would wait for.
#[test]
fn what_a_reply_says_of_a_message_is_heard_in_nobodys_order() {
    for (body, told) in [(reply("Call me"), None), (reply("no more"), Some("STOP"))] {
        let event = read(&body, told);
        let word = event.word().unwrap();
        assert_eq!(word.id.unwrap().as_str(), format!("{}~word", event.id));
        assert_eq!(word.payload.contact_refs(), []);
        let written =
            json!({ "type": "HandleEvent", "tenant": "t", "payload": word.payload.to_value() });
        assert_eq!(Job::from_value(written).unwrap().payload, word.payload);
        assert_eq!(event.into_job().payload.contact_refs().len(), 1);
    }
    // A report is in nobody's order itself, and there is none without a message.
    assert_eq!(read(&report(3), None).word(), None);
    let mut unasked = reply("Hello");
    unasked.as_object_mut().unwrap().remove("last_message_id");
    assert_eq!(read(&unasked, None).word(), None);
}

#[test]
fn stop_is_heard_wherever_it_is_sent() {
    for (message, told, kind) in [
        ("Stop SMS", None, "sms.stop"),
        (" STOP", Some("MO"), "sms.stop"),
        ("«stop»", None, "sms.stop"),
        ("Whatever", Some("STOP"), "sms.stop"),
        ("Don't stop", None, "sms.reply"),
        ("Stopover", None, "sms.reply"),
        ("", None, "sms.reply"),
    ] {
        assert_eq!(read(&reply(message), told).kind.as_str(), kind, "{message}");
    }
    // Told of through both webhooks, it is one event.
    assert_eq!(
        read(&reply("STOP"), Some("MO")).id,
        read(&reply("STOP"), Some("stop")).id
    );
}

#[test]
fn a_report_says_what_became_of_a_message() {
    for (status, name) in [
        (0, "NOT_SENT"),
        (3, "DELIVERED"),
        (9, "REJECTED"),
        (12, "EXPIRED"),
    ] {
        let event = read(&report(status), None);
        assert_eq!(event.kind.as_str(), "sms.delivery");
        assert_eq!(event.data.members()["statusName"], name);
        assert_eq!(event.data.members()["messageId"], "job-1");
        assert_eq!(event.contact.phone.unwrap().as_str(), "+33612345678");
    }
    let unknown = read(&report(8), None);
    assert!(!unknown.data.members().contains_key("statusName"));
}

#[test]
fn the_same_is_known_again_and_another_is_not() {
    let first = read(&report(3), None);
    assert_eq!(first.id, read(&report(3), Some("DLR")).id);
    assert_ne!(first.id, read(&report(4), None).id);
    for (member, other) in [
        ("date", json!("2024-11-21T09:42:28+01:00")),
        ("destination", json!("33612345679")),
        ("message_id", json!("job-2")),
    ] {
        let mut body = report(3);
        body[member] = other;
        assert_ne!(first.id, read(&body, None).id, "{member}");
    }
    assert!(first.id.as_str().starts_with("smsfactor:"));
}

#[test]
fn types_are_told_by_the_address_or_the_body() {
    let bare = json!({ "anything": 1 });
    for (body, told, kind) in [
        (&bare, None, "sms.event"),
        (&bare, Some("CLICKER"), "sms.click"),
        (&bare, Some("BALANCE_ALERT"), "sms.balance"),
        (&bare, Some("tomorrow"), "sms.tomorrow"),
        (&json!({ "type": "DLR" }), None, "sms.delivery"),
        (&json!({ "type": "?" }), None, "sms.event"),
    ] {
        assert_eq!(read(body, told).kind.as_str(), kind, "{body}");
    }
    assert!("not a type".parse::<MessageType>().is_err());
}

#[test]
fn numbers_and_dates_are_read_with_good_will() {
    for (from, phone) in [
        (json!(33_612_345_678_u64), Some("+33612345678")),
        (json!("+33612345678"), Some("+33612345678")),
        (json!("0033612345678"), Some("+33612345678")),
        (json!("0612345678"), None),
        (json!("36180"), None),
        (json!(""), None),
    ] {
        let mut body = reply("x");
        body["from"] = from;
        let found = read(&body, None).contact.phone;
        assert_eq!(found.as_ref().map(Phone::as_str), phone);
    }
    let mut local = reply("x");
    local["date"] = json!("2024-07-21 09:42:27");
    assert_eq!(
        read(&local, None).occurred_at,
        Some("2024-07-21T07:42:27Z".parse().unwrap())
    );
    local["date"] = json!("soon");
    assert_eq!(read(&local, None).occurred_at, None);
}

#[test]
fn several_may_come_together() {
    let body = json!([reply("a"), report(3)]).to_string();
    let events = Event::from_smsfactor(body.as_bytes(), &tenant(), None).unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["sms.reply", "sms.delivery"]);
    let many = json!(vec![report(3); 257]).to_string();
    let refused = Event::from_smsfactor(many.as_bytes(), &tenant(), None);
    assert_eq!(refused, Err(Unreadable::TooMany));
    for body in ["[1]", "1", "null"] {
        let refused = Event::from_smsfactor(body.as_bytes(), &tenant(), None);
        assert!(matches!(refused, Err(Unreadable::NotThis(_))), "{body}");
    }
}

/// The same as `/messages/mo` lists it.
fn listed(message: &str) -> Map<String, Value> {
    let row = json!({
        "message_id": "job-1", "campaign_id": "7", "destination": "33612345678", "message": message, "info1": null,
        "date": "2024-11-21 09:42:27",
    });
    row.as_object().unwrap().clone()
}

fn polled(row: Map<String, Value>) -> Event {
    let event = Event::from_smsfactor_reply(row, &tenant());
    check(&event);
    event
}

#[test]
fn a_reply_is_the_same_whether_it_is_told_or_polled() {
    for message in ["Call me", "STOP", " Stop SMS", ""] {
        let (told, found) = (read(&reply(message), None), polled(listed(message)));
        assert_eq!(found.id, told.id, "{message}");
        assert_eq!(found.kind, told.kind);
        assert_eq!(found.contact, told.contact);
        assert_eq!(found.occurred_at, told.occurred_at);
        for name in ["from", "phone", "date", "messageId", "last_message_id"] {
            assert_eq!(
                found.data.members()[name],
                told.data.members()[name],
                "{name}"
            );
        }
    }
    // The hook may be that of STOP, and the offset another way to write the same moment.
    let mut utc = reply("STOP");
    utc["date"] = json!("2024-11-21T08:42:27.250Z");
    utc["from"] = json!("+33612345678");
    assert_eq!(read(&utc, Some("STOP")).id, polled(listed("STOP")).id);
    // By Paris' clocks there is one half past two of that night for a poll, whichever it was.
    let mut night = listed("Call me");
    night["date"] = json!("2026-10-25 02:30:00");
    for moment in ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"] {
        let mut told = reply("Call me");
        told["date"] = json!(moment);
        assert_eq!(read(&told, None).id, polled(night.clone()).id, "{moment}");
    }
}

#[test]
fn replies_that_differ_are_told_apart() {
    let first = polled(listed("Call me"));
    for (member, other) in [
        ("date", json!("2024-11-21 09:42:28")),
        ("destination", json!("33612345679")),
        ("message", json!("Call us")),
    ] {
        let mut row = listed("Call me");
        row[member] = other;
        assert_ne!(first.id, polled(row).id, "{member}");
    }
    // What cannot be read is told all the same.
    let empty = polled(Map::new());
    assert_eq!(empty.kind.as_str(), "sms.reply");
    let mut odd = listed("x");
    odd["date"] = json!("soon");
    assert_eq!(polled(odd).data.members()["date"], "soon");
}

#[test]
fn what_becomes_of_a_listed_contact_is_told_once() {
    let row = Row {
        id: "991".to_owned(),
        number: "33612345678".to_owned(),
        infos: [Some("Ann".to_owned()), None, None, Some("gold".to_owned())],
    };
    let change = ListChange {
        list: "5a03",
        round: 3,
        change: Change::Changed,
        row: &row,
        before: None,
    };
    let event = Event::from_list_change(&tenant(), &change);
    check(&event);
    let expected = json!({
        "listId": "5a03", "id": "991", "change": "changed", "phone": "+33612345678", "info1": "Ann", "info4": "gold",
    });
    assert_eq!(serde_json::to_value(&event.data).unwrap(), expected);
    assert_eq!(event, Event::from_list_change(&tenant(), &change));
    let later = ListChange { round: 4, ..change };
    assert_ne!(event.id, Event::from_list_change(&tenant(), &later).id);
    // What was said of it and is cleared is told as nothing; what was never said is not told.
    let before = Row {
        infos: [Some("Ann".to_owned()), Some("Lee".to_owned()), None, None],
        ..row.clone()
    };
    let cleared = ListChange {
        before: Some(&before),
        ..change
    };
    let cleared = Event::from_list_change(&tenant(), &cleared);
    check(&cleared);
    let members = cleared.data.members();
    assert_eq!(members["info2"], "");
    assert!(!members.contains_key("info3"));
    let odd = Row {
        number: "not a number".to_owned(),
        ..row.clone()
    };
    let change = ListChange {
        row: &odd,
        ..change
    };
    let event = Event::from_list_change(&tenant(), &change);
    check(&event);
    assert!(!event.data.members().contains_key("phone"));
    assert!(event.contact.is_nobody());
}
