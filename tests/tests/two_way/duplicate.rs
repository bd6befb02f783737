//! Contacts that share a number: the list has one row for it, which is the first's.

use penstock_shared::queue::links::RecordName;
use serde_json::{Value, json};

use crate::stage::{TENANT, World};

const NUMBER: &str = "+33612345678";
const OTHER: &str = "+33687654321";

/// GHL tells of a contact, and all that follows is done.
async fn tell(world: &World, kind: &str, contact: &Value) {
    world.ghl(kind, contact.clone()).await;
    assert_eq!(world.rest().await, 0, "{kind} {contact}");
}

/// What the list calls the contact.
async fn row_of(world: &World, contact: &str) -> Option<String> {
    let name = RecordName::new("ghl", contact);
    let link = world.queue.known_link(TENANT, &name).await.unwrap();
    link?.records.remove("smsfactor")
}

#[tokio::test]
async fn a_row_stays_the_first_contacts_whatever_is_done_with_the_other() {
    let world = World::start().await;
    let ann = json!({ "id": "a", "firstName": "Ann", "lastName": "Lee", "phone": NUMBER, "city": "Paris" });
    let mut bob = json!({ "id": "b", "firstName": "Bob", "phone": NUMBER });
    world.seeded(ann.clone());
    world.seeded(bob.clone());
    tell(&world, "ContactCreate", &ann).await;
    let row = world.rows().await;
    let id = row[0]["id"].as_str().map(str::to_owned);
    tell(&world, "ContactCreate", &bob).await;
    bob["city"] = json!("Nice");
    tell(&world, "ContactUpdate", &bob).await;
    assert_eq!(world.rows().await, row);
    assert_eq!(row_of(&world, "b").await, None);
    tell(&world, "ContactDelete", &bob).await;
    assert_eq!(world.rows().await, row);
    assert_eq!(row_of(&world, "a").await, id);
    tell(&world, "ContactDelete", &ann).await;
    assert_eq!(world.rows().await, Vec::<Value>::new());
}

#[tokio::test]
async fn who_comes_to_a_number_of_another_leaves_that_row_alone() {
    let world = World::start().await;
    let mut ann = json!({ "id": "a", "firstName": "Ann", "phone": NUMBER });
    let bob = json!({ "id": "b", "firstName": "Bob", "phone": OTHER });
    world.seeded(ann.clone());
    world.seeded(bob.clone());
    tell(&world, "ContactCreate", &ann).await;
    tell(&world, "ContactCreate", &bob).await;
    let of_bob = world.rows().await[1].clone();
    ann["phone"] = json!(OTHER);
    tell(&world, "ContactUpdate", &ann).await;
    // None is left with the number that Ann had.
    assert_eq!(world.rows().await, std::slice::from_ref(&of_bob));
    assert_eq!(row_of(&world, "b").await.as_deref(), of_bob["id"].as_str());
    // With one of her own she is in the list again.
    ann["phone"] = json!("+33611111111");
    tell(&world, "ContactUpdate", &ann).await;
    let rows = world.rows().await;
    assert_eq!((rows.len(), &rows[0]), (2, &of_bob));
    assert_eq!(rows[1]["info1"], "Ann");
    assert_eq!(row_of(&world, "a").await.as_deref(), rows[1]["id"].as_str());
    tell(&world, "ContactDelete", &bob).await;
    assert_eq!(world.rows().await, rows[1..]);
}
