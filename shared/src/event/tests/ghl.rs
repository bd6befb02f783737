//! GHL's.

use std::{env, fs, path::PathBuf};

use serde_json::{Value, json};

use super::check;
use crate::event::{Event, GhlEvent, Kind, Source, Unreadable};

fn read(body: &Value) -> GhlEvent {
    read_from(body, None)
}

fn read_from(body: &Value, delivery: Option<&str>) -> GhlEvent {
    let read = Event::from_ghl(body.to_string().as_bytes(), delivery).unwrap();
    check(&read.event);
    read
}

fn contact_create() -> Value {
    json!({
        "type": "ContactCreate", "locationId": "loc", "id": "c1", "email": " Rosan@Deos.com", "phone": "+1 888-888-8888",
        "tags": ["vip"],
    })
}

fn with_envelope(mut body: Value) -> Value {
    body["timestamp"] = json!("2026-12-01T09:00:00.193Z");
    body["webhookId"] = json!("w-1");
    body["appId"] = json!("app");
    body
}

#[test]
fn flat_and_nested_are_one() {
    let flat = read(&with_envelope(contact_create()));
    let mut inner = contact_create();
    inner.as_object_mut().unwrap().remove("type");
    let nested = json!({ "type": "ContactCreate", "locationId": "loc", "data": inner });
    let nested = read(&with_envelope(nested));
    assert_eq!(flat, nested);
    let event = flat.event;
    assert_eq!(event.source, Source::Ghl);
    assert_eq!(event.kind.as_str(), "ContactCreate");
    assert_eq!(event.tenant.as_str(), "loc");
    assert_eq!(event.id.as_str(), "ghl:w-1");
    assert_eq!(
        event.occurred_at,
        Some("2026-12-01T09:00:00.193Z".parse().unwrap())
    );
    assert_eq!(
        serde_json::to_value(&event.contact).unwrap(),
        json!({ "id": "c1", "email": "rosan@deos.com", "phone": "+18888888888" })
    );
    assert_eq!(event.data.members()["tags"], json!(["vip"]));
    assert_eq!(flat.app.as_deref(), Some("app"));
}

#[test]
fn the_envelopes_members_are_its_own() {
    let body = json!({
        "type": "InboundMessage", "locationId": "loc", "webhookId": "w",
        "data": { "type": "SMS", "locationId": "other", "contactId": "c1", "id": "m1" },
    });
    let event = read(&body).event;
    assert_eq!(
        (event.kind.as_str(), event.tenant.as_str()),
        ("InboundMessage", "loc")
    );
    assert_eq!(event.contact.id.unwrap().as_str(), "c1");
    assert_eq!(event.data.members()["id"], "m1");
}

#[test]
fn a_faulty_name_of_a_contact_is_left_out() {
    let mut body = contact_create();
    body["email"] = json!("nobody");
    body["phone"] = json!("555");
    body["id"] = json!(7);
    let event = read(&body).event;
    assert!(event.contact.is_nobody());
    assert_eq!(event.data.members()["phone"], "555");
}

#[test]
fn who_is_meant_depends_on_the_event() {
    for (body, id) in [
        (
            json!({ "type": "NoteCreate", "locationId": "l", "id": "n", "contactId": "c" }),
            Some("c"),
        ),
        (
            json!({ "type": "TaskCreate", "locationId": "l", "id": "t" }),
            None,
        ),
        (
            json!({ "type": "AppointmentCreate", "locationId": "l", "appointment": { "id": "a", "contactId": "c" } }),
            Some("c"),
        ),
        (
            json!({ "type": "SomethingNew", "locationId": "l", "contactId": "c" }),
            Some("c"),
        ),
        (
            json!({ "type": "INSTALL", "locationId": "l", "companyId": "k" }),
            None,
        ),
    ] {
        let event = read(&body).event;
        let found = event.contact.id.as_ref().map(|id| id.as_str().to_owned());
        assert_eq!(found.as_deref(), id, "{body}");
        assert_eq!(event.tenant.as_str(), "l");
        assert_eq!(event.kind.as_str(), body["type"]);
    }
}

#[test]
fn an_agencys_event_is_its_companys() {
    let event = read(&json!({ "type": "UNINSTALL", "appId": "a", "companyId": "k" })).event;
    assert_eq!(
        (event.kind.as_str(), event.tenant.as_str()),
        ("UNINSTALL", "k")
    );
    for nobody in [
        json!({}),
        json!({ "locationId": "../x" }),
        json!({ "locationId": 5 }),
    ] {
        let refused = Event::from_ghl(nobody.to_string().as_bytes(), None);
        assert_eq!(refused, Err(Unreadable::Nobodys), "{nobody}");
    }
    assert!(matches!(
        Event::from_ghl(b"[]", None),
        Err(Unreadable::NotThis(_))
    ));
}

/// A header is under no signature: it counts only where the body has nothing to be known by.
#[test]
fn an_event_is_known_by_what_is_signed() {
    let id = |body: &Value, delivery| read_from(body, delivery).event.id;
    let whole = with_envelope(contact_create());
    assert_eq!(id(&whole, Some("d1")), id(&whole, Some("d2")));
    let mut dated = whole.clone();
    dated.as_object_mut().unwrap().remove("webhookId");
    assert_eq!(id(&dated, Some("d1")), id(&dated, Some("d2")));
    let bare = contact_create();
    assert_eq!(id(&bare, Some("d1")).as_str(), "ghl:delivery-d1");
    assert_ne!(id(&bare, Some("d1")), id(&bare, Some("d2")));
    assert_eq!(id(&bare, None), id(&bare, None));
    let mut other = bare.clone();
    other["city"] = json!("Berlin");
    assert_ne!(id(&bare, None), id(&other, None));
}

#[test]
fn moments_are_read_in_several_ways() {
    for (given, read_as) in [
        (
            json!("2026-12-01T10:00:00+01:00"),
            Some("2026-12-01T09:00:00Z"),
        ),
        (json!(1_796_115_600_000_i64), Some("2026-12-01T09:00:00Z")),
        (json!(1_796_115_600), Some("2026-12-01T09:00:00Z")),
        (json!("1796115600"), Some("2026-12-01T09:00:00Z")),
        (json!("yesterday"), None),
        (json!(-5), None),
        (json!(i64::MAX), None),
        (json!(1.5), None),
        (json!(null), None),
    ] {
        let body = json!({ "type": "T", "locationId": "l", "timestamp": given });
        let expected = read_as.map(|moment| moment.parse().unwrap());
        assert_eq!(read(&body).event.occurred_at, expected, "{given}");
    }
}

/// The examples of the official pages, where they are at hand.
#[test]
fn every_documented_example_is_an_event() {
    let Some(specification) = env::var_os("PENSTOCK_GHL_SPEC").map(PathBuf::from) else {
        eprintln!(
            "not checked: PENSTOCK_GHL_SPEC does not name the folder of the official documents"
        );
        return;
    };
    let pages = fs::read_dir(specification.with_file_name("ghl-webhooks")).unwrap();
    let mut examples = 0;
    for page in pages {
        let text = fs::read_to_string(page.unwrap().path()).unwrap();
        for block in text.split("```json\n").skip(1) {
            let body: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
            let event = read(&body).event;
            assert_eq!(event.kind.as_str(), body["type"]);
            let names_somebody = !body["type"].as_str().unwrap().ends_with("INSTALL");
            assert_eq!(event.contact.id.is_some(), names_somebody, "{body}");
            assert!(!event.truncated);
            examples += 1;
        }
    }
    assert!(examples >= 20, "{examples}");
}

/// A contact that was met has the names of one that an event tells of.
#[test]
fn a_contact_that_is_listed_becomes_an_event() {
    let of = |contact: Value, by: &str| {
        let (tenant, by) = ("loc".parse().unwrap(), by.parse().unwrap());
        Event::from_contact(contact, &tenant, &by, Kind::named("contact.pulled")).unwrap()
    };
    let listed = json!({
        "id": "c1", "locationId": "loc", "email": "Rosan@Deos.com", "phone": "+1 888-888-8888", "firstName": "Rosan", "lastName": "Deo",
        "firstNameLowerCase": "rosan", "address": "3535 1st St N", "city": null, "tags": ["vip"], "searchAfter": [1, "c1"],
        "dateUpdated": "2026-12-01T09:00:00.193Z", "customFields": [{ "id": "f", "value": 1.0 }],
    });
    let event = of(listed.clone(), "pull-1");
    check(&event);
    assert_eq!(event.id.as_str(), "pull-1/c1");
    assert_eq!(event.kind.as_str(), "contact.pulled");
    let at = "2026-12-01T09:00:00.193Z".parse().unwrap();
    assert_eq!(event.occurred_at, Some(at));
    let person = json!({ "id": "c1", "email": "rosan@deos.com", "phone": "+18888888888" });
    assert_eq!(serde_json::to_value(&event.contact).unwrap(), person);
    let expected = json!({
        "id": "c1", "locationId": "loc", "email": "Rosan@Deos.com", "phone": "+1 888-888-8888", "firstName": "Rosan", "lastName": "Deo",
        "name": "Rosan Deo", "address1": "3535 1st St N", "tags": ["vip"], "dateUpdated": "2026-12-01T09:00:00.193Z",
        "customFields": [{ "id": "f", "value": 1 }],
    });
    assert_eq!(Value::Object(event.data.members().clone()), expected);
    // Met again it is the same event; by another job, another.
    let long = "x".repeat(128);
    let again = of(listed.clone(), &long);
    assert_eq!(again.id, of(listed.clone(), &long).id);
    assert!(again.id.as_str().starts_with("ghl:sha256-"), "{}", again.id);
    assert_ne!(again.id, of(listed, &"y".repeat(128)).id);
    let named = of(json!({ "id": "c2", "contactName": "Ada" }), "p");
    assert_eq!(named.data.members()["name"], "Ada");
}
