//! `SMSFactor`'s.

use serde_json::{Value, json};

use super::{check, tenant};
use crate::{
    event::{Event, MessageType, Unreadable},
    job::Phone,
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
