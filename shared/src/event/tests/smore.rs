//! Smore's.

use serde_json::{Value, json};

use super::{check, tenant};
use crate::event::{Event, Unreadable};

fn read(body: &Value) -> Vec<Event> {
    let events = Event::from_smore(body.to_string().as_bytes(), &tenant()).unwrap();
    events.iter().for_each(check);
    events
}

fn response(id: &str) -> Value {
    json!({
        "id": id, "token": "t", "submittedAt": "2026-12-01T09:00:00Z", "ending": { "name": "Thanks", "score": 7 },
        "metadata": { "page": "home" }, "customFields": [{ "name": "campaign", "value": "spring" }],
        "answers": [
            { "id": "q1", "question": "Your e-mail?", "questionType": "input-email", "answerType": "email", "email": "Rosan@Deos.com" },
            { "id": "q2", "question": "And your phone?", "questionType": "input-phone", "answerType": "phone", "phone": "+18888888888" },
            { "id": "q3", "question": "How many?", "questionType": "input-number", "answerType": "integer", "integer": 3 },
        ],
    })
}

fn webhook(responses: &[Value]) -> Value {
    json!({ "id": "b7e1", "type": "responses", "responses": responses })
}

#[test]
fn each_response_is_an_event() {
    let events = read(&webhook(&[response("r1"), response("r2")]));
    let ids: Vec<_> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["smore:r1", "smore:r2"]);
    let event = &events[0];
    assert_eq!(event.kind.as_str(), "smore.response");
    assert_eq!(
        event.occurred_at,
        Some("2026-12-01T09:00:00Z".parse().unwrap())
    );
    assert_eq!(
        serde_json::to_value(&event.contact).unwrap(),
        json!({ "email": "rosan@deos.com", "phone": "+18888888888" })
    );
    let data = event.data.members();
    assert_eq!(
        (&data["endingName"], &data["endingScore"]),
        (&json!("Thanks"), &json!(7))
    );
    assert_eq!(data["email"], "rosan@deos.com");
    assert_eq!(data["customFields"], json!({ "campaign": "spring" }));
    assert_eq!(
        data["answers"][2],
        json!({ "id": "q3", "question": "How many?", "type": "integer", "value": 3 })
    );
}

#[test]
fn a_response_is_known_again_in_another_webhook() {
    let mut other = webhook(&[response("r1")]);
    other["id"] = json!("c000");
    assert_eq!(read(&webhook(&[response("r1")]))[0].id, read(&other)[0].id);
}

#[test]
fn without_an_id_it_is_known_by_its_webhook_or_its_text() {
    let mut nameless = response("");
    nameless.as_object_mut().unwrap().remove("id");
    let events = read(&webhook(&[nameless.clone(), nameless.clone()]));
    assert_eq!(events[1].id.as_str(), "smore:b7e1-1");
    let bare = read(&json!({ "responses": [nameless.clone()] }));
    assert_eq!(bare[0].id, read(&json!({ "responses": [nameless] }))[0].id);
}

#[test]
fn what_is_missing_is_left_out() {
    let events =
        read(&json!({ "responses": [{}, { "answers": 1, "customFields": 2, "ending": 3 }] }));
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.contact.is_nobody()));
    // A field of the form's own may hold what no answer says.
    let fields =
        json!([{ "name": "Email", "value": "a@b.io" }, { "name": "phone", "value": "?" }, 5]);
    let event = &read(&json!({ "responses": [{ "customFields": fields }] }))[0];
    assert_eq!(event.contact.email.as_ref().unwrap().as_str(), "a@b.io");
    assert_eq!(event.contact.phone, None);
}

#[test]
fn an_answer_under_another_name_is_found() {
    let answer = json!({ "id": "q", "question": "?", "questionType": "x", "answerType": "rating", "value": 4 });
    let event = &read(&json!({ "responses": [{ "id": "r", "answers": [answer] }] }))[0];
    assert_eq!(event.data.members()["answers"][0]["value"], 4);
}

#[test]
fn another_type_is_told_as_it_came() {
    let event = &read(&json!({ "id": "x", "type": "form.published", "form": "f" }))[0];
    assert_eq!(
        (event.kind.as_str(), event.id.as_str()),
        ("smore.form.published", "smore:x")
    );
    assert_eq!(event.data.members()["form"], "f");
    assert_eq!(read(&webhook(&[])), []);
}

#[test]
fn what_is_no_webhook_of_smores_is_refused() {
    let refused = |body: &Value| Event::from_smore(body.to_string().as_bytes(), &tenant());
    assert!(matches!(refused(&json!([])), Err(Unreadable::NotThis(_))));
    assert!(matches!(
        refused(&json!({ "responses": [1] })),
        Err(Unreadable::NotThis(_))
    ));
    let many = webhook(&vec![json!({}); 257]);
    assert_eq!(refused(&many), Err(Unreadable::TooMany));
}
