//! What goes wrong in the middle: nothing is lost, and nobody else is harmed.

use std::fs;

use penstock_shared::{outcome::Cause, queue::dead::Filter};
use serde_json::json;

use crate::stage::{World, shipped_flows};

/// A flow that loads, and fails as it runs.
const BROKEN: &str = r#"
[[flow]]
name = "broken"
on = "sms.reply"
do = [{ job = "AddTags", payload = { contact = "{{ person.ref }}", tags = ["{{ data.message | plus('1d') }}"] } }]
"#;

/// Its event is a dead letter, with all that it said; what the other flows make is made.
#[tokio::test]
async fn a_flow_that_fails_keeps_its_event_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.toml");
    let text = shipped_flows();
    fs::write(&path, format!("{text}{BROKEN}")).unwrap();
    let world = World::with(&path).await;
    world.replies("33612345678", "Please call me");
    world.sms.until_delivered(|all| all.len() == 1).await;
    assert_eq!(world.rest().await, 1);
    let dead = world
        .queue
        .dead(&Filter::default(), 10, None)
        .await
        .unwrap();
    assert_eq!(dead[0].cause, Cause::FlowFailed.as_str());
    let job = dead[0].job.as_ref().unwrap();
    let event = job.payload.to_value()["event"].clone();
    assert_eq!(event["data"]["message"], "Please call me");
    let contact = world
        .contact(("number", "+33612345678"), "the contact", |_| true)
        .await;
    let id = contact["id"].as_str().unwrap();
    assert_eq!(world.notes(id, 1).await.len(), 1);
    assert_eq!(world.listed(id, "tasks", 1).await.len(), 1);
}

/// A webhook that is sent again, as senders do that have heard no answer.
#[tokio::test]
async fn what_is_sent_twice_is_done_once() {
    let world = World::start().await;
    let contact = world.seeded(json!({ "phone": "+33612345678" }));
    let note = json!({ "type": "NoteCreate", "locationId": crate::stage::TENANT, "webhookId": "once", "timestamp": crate::stage::ago(1).to_string(), "id": "n1", "contactId": contact["id"], "body": "SMS: Hello" });
    for _ in 0..3 {
        world.ghl_says(&note).await;
    }
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.sms_effects("sms", 1).await.len(), 1);
}
