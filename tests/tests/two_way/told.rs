//! GHL to `SMSFactor`.

use penstock_shared::queue::links::RecordName;
use serde_json::json;

use crate::stage::{LIST, STAFF, TENANT, World, content};

const ANN: &str = "33612345678";

#[tokio::test]
async fn a_contact_is_in_the_list_until_it_is_deleted() {
    let world = World::start().await;
    let contact = json!({ "id": "c1", "phone": "06 12 34 56 78", "firstName": "Ann", "lastName": "Ōe", "city": "القاهرة" });
    // The CRM tells of the profile that it gets, maybe before it is known whose that is.
    world.seeded(json!({ "id": "c1", "phone": "+33612345678" }));
    world.ghl("ContactCreate", contact.clone()).await;
    let listed = world.sms_effects("list-contact", 1).await;
    assert_eq!(listed[0].change.contact_id.as_deref(), Some(ANN));
    let written = content(&listed[0]);
    assert_eq!(
        (
            &written["listId"],
            &written["info1"],
            &written["info2"],
            &written["info3"]
        ),
        (&json!(LIST), &json!("Ann"), &json!("Ōe"), &json!("القاهرة"))
    );
    let mut moved = contact.clone();
    moved["city"] = json!("Paris");
    world.ghl("ContactUpdate", moved).await;
    let changed = world.sms_effects("list-contact-update", 1).await;
    assert_eq!(content(&changed[0])["info3"], "Paris");
    // Without a number there is nothing to list.
    world
        .ghl("ContactUpdate", json!({ "id": "c2", "firstName": "Bob" }))
        .await;
    assert_eq!(world.rest().await, 0);
    let known = async || {
        let name = RecordName::new("ghl", "c1");
        world.queue.known_link(TENANT, &name).await.unwrap()
    };
    assert!(known().await.is_some());
    world.ghl("ContactDelete", contact).await;
    let gone = world.sms_effects("list-contact-delete", 1).await;
    assert_eq!(gone[0].change.contact_id.as_deref(), Some(ANN));
    assert_eq!(world.rest().await, 0);
    assert_eq!(known().await, None);
    assert_eq!(world.sms_effects("list-contact", 1).await.len(), 1);
}

#[tokio::test]
async fn a_task_is_told_to_staff_and_a_note_to_the_contact() {
    let world = World::start().await;
    let contact = world.seeded(json!({ "phone": "+33612345678", "firstName": "Ann" }));
    let id = &contact["id"];
    world
        .ghl(
            "TaskCreate",
            json!({ "id": "t1", "contactId": id, "title": "Call Ann", "assignedTo": STAFF.0 }),
        )
        .await;
    let told = world.sms_effects("sms", 1).await;
    assert_eq!(told[0].change.contact_id.as_deref(), Some(STAFF.1));
    assert_eq!(content(&told[0])["text"], "New task: Call Ann");
    // GHL may leave out all but the title; nobody is told, and nothing fails.
    world
        .ghl("TaskCreate", json!({ "id": "t2", "title": "Whose?" }))
        .await;
    for (note, body) in [
        ("n1", "SMS: Your table is ready, Ann 🍽"),
        ("n2", "Called about the SMS: no answer"),
    ] {
        world
            .ghl(
                "NoteCreate",
                json!({ "id": note, "contactId": id, "body": body }),
            )
            .await;
    }
    let told = world.sms_effects("sms", 2).await;
    assert_eq!(told[1].change.contact_id.as_deref(), Some(ANN));
    assert_eq!(content(&told[1])["text"], "Your table is ready, Ann 🍽");
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.sms_effects("sms", 2).await.len(), 2);
}

#[tokio::test]
async fn do_not_disturb_is_the_blacklist_and_off_again() {
    let world = World::start().await;
    let contact = world.seeded(json!({ "phone": "+33612345678" }));
    let dnd = |status: &str| json!({ "id": contact["id"], "dnd": false, "dndSettings": { "SMS": { "status": status } } });
    // Its number is read back: this event does not tell it.
    world.ghl("ContactDndUpdate", dnd("active")).await;
    let on = world.sms_effects("blacklist", 1).await;
    assert_eq!(on[0].change.contact_id.as_deref(), Some(ANN));
    world.ghl("ContactDndUpdate", dnd("inactive")).await;
    let off = world.sms_effects("blacklist-delete", 1).await;
    assert_eq!(off[0].change.contact_id.as_deref(), Some(ANN));
    assert_eq!(world.rest().await, 0);
}

/// An event that does not tell what is disturbed is no reason to write to somebody again: the contact tells it.
#[tokio::test]
async fn what_an_event_leaves_out_of_do_not_disturb_the_contact_tells() {
    let world = World::start().await;
    let settings = json!({ "SMS": { "status": "active" } });
    let contact = world.seeded(json!({ "phone": "+33612345678", "dndSettings": settings }));
    let bare = || json!({ "id": contact["id"], "phone": contact["phone"] });
    world.ghl("ContactDndUpdate", bare()).await;
    world.sms_effects("blacklist", 1).await;
    world
        .ghl("ContactDndUpdate", json!({ "id": contact["id"], "dnd": false, "dndSettings": { "Email": { "status": "inactive" } } }))
        .await;
    assert_eq!(world.rest().await, 0);
    assert!(world.sms_effects("blacklist-delete", 0).await.is_empty());
}
