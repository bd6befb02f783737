//! What no webhook tells of is found on a cadence.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{World, shipped_flows, unscheduled_flows};

#[tokio::test]
async fn replies_and_changes_in_a_list_are_found_though_nobody_tells_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.toml");
    // Without those on a cadence at first, so that their first moment is once all of this has happened.
    fs::write(&path, unscheduled_flows()).unwrap();
    let world = World::with(&path).await;
    let ann = world.seeded(json!({ "firstName": "Ann", "phone": "+33612345678" }));
    let told = json!({ "id": ann["id"], "firstName": "Ann", "phone": "+33612345678" });
    world.ghl("ContactCreate", told).await;
    world.sms_effects("list-contact", 1).await;
    world.poll_list("known").await;
    assert_eq!(world.rest().await, 0);
    let hooks = world.ask_sms(Method::GET, "/webhook", &Value::Null).await;
    for hook in hooks["webhooks"].as_array().unwrap() {
        let path = format!("/webhook/{}", hook["webhook_id"].as_str().unwrap());
        world.ask_sms(Method::DELETE, &path, &Value::Null).await;
    }
    world.replies("33687654321", "Hello");
    let row = &world.rows().await[0];
    world.edit_row(row, json!({ "info1": "Anna" })).await;
    assert_eq!(world.rest().await, 0);
    fs::write(&path, shipped_flows()).unwrap();
    let bob = ("number", "+33687654321");
    let bob = world.contact(bob, "who has replied", |_| true).await;
    assert_eq!(bob["source"], "SMS");
    let notes = world.notes(bob["id"].as_str().unwrap(), 1).await;
    assert!(notes[0].ends_with("Hello"), "{notes:?}");
    world
        .contact(("number", "+33612345678"), "the change", |contact| {
            contact["firstName"] == "Anna"
        })
        .await;
    assert_eq!(world.rest().await, 0);
}
