//! A contact that was deleted stays deleted, whatever comes late and in whichever order.

use penstock_shared::queue::links::RecordName;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{TENANT, World, ago, merge};

const EMAIL: &str = "ann@example.com";

fn ann(more: Value) -> Value {
    let mut ann = json!({ "id": "a", "firstName": "Ann", "lastName": "Lee", "phone": "+33612345678", "email": EMAIL, "city": "Paris" });
    merge(&mut ann, more);
    ann
}

async fn deleted(world: &World) {
    world
        .ask_ghl(Method::DELETE, "/contacts/a", json!({}))
        .await;
}

/// Nobody is in the list, nobody is in GHL, and no link is left.
async fn is_gone(world: &World) {
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.rows().await, Vec::<Value>::new());
    assert_eq!(contact(world).await, Value::Null);
    let name = RecordName::new("ghl", "a");
    let link = world.queue.known_link(TENANT, &name).await.unwrap();
    assert_eq!(link, None);
}

async fn contact(world: &World) -> Value {
    let path = format!("/contacts/search/duplicate?locationId={TENANT}&email={EMAIL}");
    let found = world.ask_ghl(Method::GET, &path, Value::Null).await;
    found["contact"].clone()
}

/// The update waits until the profile is made, and the deletion overtakes it; the CRM tells of the profile that was made for it.
#[tokio::test]
async fn an_update_that_a_deletion_has_overtaken_is_not_followed() {
    let world = World::start().await;
    let li = ann(json!({ "lastName": "Li" }));
    world.ghl("ContactCreate", ann(json!({}))).await;
    world.ghl("ContactUpdate", li.clone()).await;
    world.ghl("ContactDelete", li).await;
    is_gone(&world).await;
}

/// The CRM tells of what was written to it just before. What somebody writes there later is of somebody new.
#[tokio::test]
async fn what_comes_back_of_a_deleted_contact_makes_no_other() {
    let world = World::start().await;
    world.seeded(ann(json!({})));
    world.ghl("ContactCreate", ann(json!({}))).await;
    assert_eq!(world.rest().await, 0);
    let li = ann(json!({ "lastName": "Li" }));
    deleted(&world).await;
    world.ghl("ContactUpdate", li.clone()).await;
    world.ghl("ContactDelete", li).await;
    is_gone(&world).await;
    let profile = world.crm_effects("profile-update", 1).await;
    let edited = json!({ "id": profile[0].change.id, "firstName": "Anna" });
    world.smore.steer("profiles", &edited).unwrap();
    let again = world
        .contact(("email", EMAIL), "another contact", |_| true)
        .await;
    assert_eq!(
        (&again["firstName"], &again["lastName"]),
        (&json!("Anna"), &json!("Li"))
    );
    assert_eq!(world.rest().await, 0);
}

/// A webhook that comes late, or what was read before, is of one that is gone; one that was restored is there again.
#[tokio::test]
async fn what_was_said_before_a_deletion_is_not_followed_after_it() {
    let world = World::start().await;
    world.ghl("ContactCreate", ann(json!({}))).await;
    assert_eq!(world.rest().await, 0);
    world.ghl("ContactDelete", ann(json!({}))).await;
    is_gone(&world).await;
    world
        .ghl_at("ContactUpdate", ago(60), ann(json!({ "city": "Nice" })))
        .await;
    is_gone(&world).await;
    world.ghl("ContactCreate", ann(json!({}))).await;
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.rows().await.len(), 1);
}
