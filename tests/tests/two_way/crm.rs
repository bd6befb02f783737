//! GHL and a CRM by the generic connector.

use std::fs;

use penstock_shared::{outcome::Cause, queue::links::RecordName};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{TENANT, World, content, door::job, unscheduled_flows};

/// A contact of GHL's that has a profile at the CRM; both ids.
async fn known(world: &World) -> (String, String) {
    let contact = world.seeded(json!({ "firstName": "Ada", "lastName": "Løve", "email": "ada@example.com", "phone": "+33612345678" }));
    let fields = json!({ "id": contact["id"], "firstName": "Ada", "lastName": "Løve", "email": "ada@example.com", "phone": "+33612345678" });
    world.ghl("ContactCreate", fields).await;
    let made = world.crm_effects("profile", 1).await;
    let written = content(&made[0]);
    assert_eq!(
        (
            &written["firstName"],
            &written["lastName"],
            &written["email"],
            &written["externalId"]
        ),
        (
            &json!("Ada"),
            &json!("Løve"),
            &json!("ada@example.com"),
            &contact["id"]
        )
    );
    assert_eq!(world.rest().await, 0);
    (
        contact["id"].as_str().unwrap().to_owned(),
        made[0].change.id.clone(),
    )
}

/// The profile's echo comes back by a webhook of the CRM's, and changes nothing.
#[tokio::test]
async fn a_contact_is_a_profile_and_what_changes_is_changed_there() {
    let world = World::start().await;
    let (contact, profile) = known(&world).await;
    world
        .ghl(
            "ContactUpdate",
            json!({ "id": contact, "firstName": "Augusta", "lastName": "Løve" }),
        )
        .await;
    let changed = world.crm_effects("profile-update", 1).await;
    assert_eq!(changed[0].change.id, profile);
    assert_eq!(
        Value::Object(content(&changed[0]).clone()),
        json!({ "firstName": "Augusta" })
    );
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.crm_effects("profile", 1).await.len(), 1);
    assert_eq!(world.crm_effects("profile-update", 1).await.len(), 1);
    let writes = world.sandbox.calls_after(0);
    assert!(
        writes.iter().all(|call| call.effect.is_none()),
        "GHL was told what it has told"
    );
}

#[tokio::test]
async fn tasks_and_notes_are_records_milestones_and_entries() {
    let world = World::start().await;
    let (contact, profile) = known(&world).await;
    let task = json!({ "id": "t1", "contactId": contact, "title": "Visit", "dueDate": "2026-12-01T09:00:00Z" });
    world.ghl("TaskCreate", task.clone()).await;
    world.ghl("TaskComplete", task).await;
    world
        .ghl(
            "NoteCreate",
            json!({ "id": "n1", "contactId": contact, "body": "Called 📞" }),
        )
        .await;
    let record = world.crm_effects("record", 1).await;
    assert_eq!(
        record[0].change.contact_id.as_deref(),
        Some(profile.as_str())
    );
    assert_eq!(
        content(&record[0])["data"],
        json!({ "id": "t1", "due": "2026-12-01T09:00:00Z" })
    );
    let milestone = world.crm_effects("milestone", 1).await;
    assert_eq!(content(&milestone[0])["title"], "Visit");
    let entry = world.crm_effects("timeline-entry", 1).await;
    assert_eq!(content(&entry[0])["text"], "Called 📞");
    // Of a contact that is nobody there, nothing is told there.
    world
        .ghl(
            "NoteCreate",
            json!({ "id": "n2", "contactId": "stranger", "body": "?" }),
        )
        .await;
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.crm_effects("timeline-entry", 1).await.len(), 1);
}

#[tokio::test]
async fn what_somebody_does_at_the_crm_is_done_in_ghl() {
    let world = World::start().await;
    let (contact, profile) = known(&world).await;
    world
        .smore
        .steer("profiles", &json!({ "id": profile, "status": "won" }))
        .unwrap();
    world
        .smore
        .steer(
            "tags",
            &json!({ "profileId": profile, "add": ["vip", "gold"] }),
        )
        .unwrap();
    // Two webhooks may overtake each other on their way.
    assert_eq!(world.rest().await, 0);
    world
        .smore
        .steer("tags", &json!({ "profileId": profile, "remove": ["gold"] }))
        .unwrap();
    world
        .smore
        .steer(
            "notes",
            &json!({ "profileId": profile, "body": "Met in Kraków" }),
        )
        .unwrap();
    let notes = world.notes(&contact, 1).await;
    assert_eq!(notes, ["CRM: Met in Kraków"]);
    assert_eq!(world.rest().await, 0);
    let there = world.ghl_contact(&contact).await;
    assert_eq!(there["tags"], json!(["vip"]));
    assert_eq!(
        there["customFields"],
        json!([{ "id": "crm_status", "value": "won" }])
    );
    // GHL tells of the note that has come from there: it does not go back.
    world
        .ghl(
            "NoteCreate",
            json!({ "id": "n1", "contactId": contact, "body": notes[0] }),
        )
        .await;
    assert_eq!(world.rest().await, 0);
    assert!(world.crm_effects("timeline-entry", 0).await.is_empty());
}

/// And the other way round: a profile that somebody makes becomes a contact.
#[tokio::test]
async fn a_profile_is_a_contact_and_what_changes_is_changed_there() {
    let world = World::start().await;
    let made = json!({ "id": "p1", "firstName": "Bo", "email": "Bo@Example.com", "phone": "06 87 65 43 21" });
    world.smore.steer("profiles", &made).unwrap();
    let contact = world
        .contact(("email", "bo@example.com"), "the contact", |_| true)
        .await;
    assert_eq!(
        (&contact["phone"], &contact["source"]),
        (&json!("+33687654321"), &json!("CRM"))
    );
    assert_eq!(world.rest().await, 0);
    world
        .smore
        .steer("profiles", &json!({ "id": "p1", "firstName": "Boris" }))
        .unwrap();
    let id = contact["id"].as_str().unwrap();
    world
        .contact(("email", "bo@example.com"), "another name", |contact| {
            contact["firstName"] == "Boris"
        })
        .await;
    // A task of that contact finds its profile.
    world
        .ghl(
            "TaskCreate",
            json!({ "id": "t1", "contactId": id, "title": "Visit" }),
        )
        .await;
    world.crm_effects("record", 1).await;
    assert_eq!(world.rest().await, 0);
    let contacts = world
        .ask_ghl(Method::GET, &format!("/contacts/{id}"), Value::Null)
        .await;
    assert_eq!(contacts["contact"]["email"], "bo@example.com");
    assert!(
        world.crm_effects("profile-update", 0).await.is_empty(),
        "the CRM was told what it has told"
    );
}

/// Whoever has neither address nor number yet is a profile by the contact's id, and gets them as soon as they are known.
#[tokio::test]
async fn a_contact_without_address_is_a_profile_too() {
    let world = World::start().await;
    let contact = world.seeded(json!({ "firstName": "Ann" }));
    let id = &contact["id"];
    world
        .ghl("ContactCreate", json!({ "id": id, "firstName": "Ann" }))
        .await;
    world
        .ghl(
            "ContactUpdate",
            json!({ "id": id, "firstName": "Ann", "email": "ann@example.com" }),
        )
        .await;
    let changed = world.crm_effects("profile-update", 1).await;
    let made = world.crm_effects("profile", 1).await;
    assert_eq!(content(&made[0])["externalId"], *id);
    assert_eq!(changed[0].change.id, made[0].change.id);
    assert_eq!(content(&changed[0])["email"], "ann@example.com");
    assert_eq!(world.rest().await, 0);
}

/// The CRM says so of a second one with its address: from then on they are one, though nobody has told of it before.
#[tokio::test]
async fn a_profile_that_is_there_already_is_the_contacts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flows.toml");
    let text = unscheduled_flows();
    let told = r#"on = ["crm.profile.created", "crm.profile.updated"]"#;
    assert!(text.contains(told));
    fs::write(&path, text.replace(told, r#"on = "crm.profile.updated""#)).unwrap();
    let world = World::with(&path).await;
    let made = json!({ "id": "p1", "firstName": "Ada", "email": "ADA@example.com" });
    world.smore.steer("profiles", &made).unwrap();
    assert_eq!(world.rest().await, 0);
    let contact = world.seeded(json!({ "firstName": "Ada", "email": "ada@example.com" }));
    let said = |first: &str| json!({ "id": contact["id"], "firstName": first, "email": "ada@example.com" });
    world.ghl("ContactCreate", said("Ada")).await;
    assert_eq!(world.rest().await, 0);
    assert!(world.crm_effects("profile", 0).await.is_empty());
    world.ghl("ContactUpdate", said("Augusta")).await;
    let changed = world.crm_effects("profile-update", 1).await;
    assert_eq!(changed[0].change.id, "p1");
    world
        .smore
        .steer("profiles", &json!({ "id": "p1", "lastName": "King" }))
        .unwrap();
    assert_eq!(world.rest().await, 0);
    let id = contact["id"].as_str().unwrap();
    assert_eq!(world.ghl_contact(id).await["lastName"], "King");
    // Another contact that claims it has it once the first one is unlinked, which goes its own way then.
    let claim = json!({ "contact": { "id": "c2" }, "system": "crm", "record": { "id": "p1" } });
    world.post(&[job("claim", "LinkRecord", &claim)]).await;
    let why = world.until_dead(Cause::Rejected).await;
    assert!(
        why.contains(&format!("another contact, ghl/{id}: merge")),
        "{why}"
    );
    let unlink = json!({ "contact": { "id": id }, "system": "crm", "operation": "unlink" });
    world.post(&[job("unlink", "LinkRecord", &unlink)]).await;
    assert_eq!(world.rest().await, 1);
    world.retry("claim").await;
    world.result("claim").await;
    world
        .ghl(
            "TaskCreate",
            json!({ "id": "t1", "contactId": id, "title": "Mine" }),
        )
        .await;
    world
        .ghl(
            "TaskCreate",
            json!({ "id": "t2", "contactId": "c2", "title": "Yours" }),
        )
        .await;
    let records = world.crm_effects("record", 1).await;
    assert_eq!(world.rest().await, 0);
    assert_eq!(
        (records.len(), &content(&records[0])["title"]),
        (1, &json!("Yours"))
    );
}

/// The profile that was made later is the contact's: one whose making is retried after that does not take its place.
#[tokio::test]
async fn a_profile_that_is_made_late_takes_no_others_place() {
    let world = World::start().await;
    let faults = ["422:op=crm-create-profile:count=1"];
    world.smore.set_faults(faults).unwrap();
    let call = json!({ "connection": "crm", "method": "POST", "path": "/profiles", "contact": { "id": "c" }, "body": { "externalId": "c" }, "result": { "id": "/id" } });
    let link =
        |record: Value| json!({ "contact": { "id": "c" }, "system": "crm", "record": record });
    let made = link(json!({ "job": "make", "pointer": "/id" }));
    let jobs = [
        job("make", "HttpCall", &call),
        job("link", "LinkRecord", &made),
    ];
    world.post(&jobs).await;
    assert_eq!(world.rest().await, 2);
    let later = job("later", "LinkRecord", &link(json!({ "id": "p2" })));
    world.post(&[later]).await;
    assert_eq!(world.rest().await, 2);
    world.retry("make").await;
    assert_eq!(world.rest().await, 1);
    world.retry("link").await;
    let why = world.until_dead(Cause::Rejected).await;
    assert!(why.contains("the contact is crm/p2"), "{why}");
    let name = RecordName::new("ghl", "c");
    let known = world.queue.known_link(TENANT, &name).await.unwrap();
    assert_eq!(known.unwrap().records["crm"], "p2");
}
