//! To begin with: all contacts that a location has.

use serde_json::{Value, json};

use crate::stage::{TENANT, World};

/// Whoever has replied STOP before gets no message though he is in the list from now on.
#[tokio::test]
async fn who_is_not_to_be_disturbed_is_not_by_the_first_number_either() {
    let world = World::start().await;
    let stopped =
        json!({ "SMS": { "status": "active", "message": "STOP by SMS", "code": "STOP" } });
    world.seeded(json!({ "phone": "+33612345671", "dndSettings": stopped }));
    world.seeded(json!({ "phone": "+33612345672", "dnd": true }));
    world.seeded(json!({ "phone": "+33612345673" }));
    let pull =
        format!(r#"{{"type":"PullContacts","tenant":"{TENANT}","id":"initial","payload":{{}}}}"#);
    world.pipe(&pull).await;
    world.result("initial").await;
    assert_eq!(world.rest().await, 0);
    assert_eq!(world.rows().await.len(), 3);
    let made = world.seeded(json!({ "phone": "+33612345674", "dndSettings": stopped }));
    // This event does not tell it.
    let told = json!({ "id": made["id"], "phone": made["phone"], "dnd": false });
    world.ghl("ContactCreate", told).await;
    assert_eq!(world.rest().await, 0);
    let left_alone = world.sms_effects("blacklist", 3).await.into_iter();
    let mut left_alone: Vec<_> = left_alone.filter_map(|one| one.change.contact_id).collect();
    left_alone.sort();
    assert_eq!(left_alone, ["33612345671", "33612345672", "33612345674"]);
}

#[tokio::test]
async fn the_contacts_of_a_location_are_in_the_list_and_at_the_crm_by_one_command() {
    const COUNT: usize = 5;
    let world = World::start().await;
    for number in 0..COUNT {
        world.seeded(json!({
            "firstName": format!("F{number}"), "phone": format!("+3361234567{number}"), "email": format!("f{number}@example.com"),
        }));
    }
    let pull = |id: &str| {
        format!(
            r#"{{"type":"PullContacts","tenant":"{TENANT}","id":"{id}","payload":{{"pageLimit":2}}}}"#
        )
    };
    world.pipe(&pull("initial")).await;
    let result = world.result("initial").await;
    assert_eq!(result["contacts"], COUNT);
    assert_eq!(world.rest().await, 0);
    let names = |all: Vec<Value>, name: &str| {
        let mut names: Vec<_> = all
            .iter()
            .map(|one| one[name].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let expected: Vec<_> = (0..COUNT).map(|number| format!("F{number}")).collect();
    assert_eq!(names(world.rows().await, "info1"), expected);
    let profiles = world.crm_effects("profile", COUNT).await;
    let profiles = profiles
        .into_iter()
        .map(|made| Value::Object(made.change.content));
    assert_eq!(names(profiles.collect(), "firstName"), expected);
    // Once more it tells nothing that is not known.
    let written = || (world.sms.effects().len(), world.smore.effects().len());
    let before = written();
    world.pipe(&pull("again")).await;
    world.result("again").await;
    assert_eq!(world.rest().await, 0);
    assert_eq!(written(), before);
}
