//! To begin with: all contacts that a location has.

use serde_json::{Value, json};

use crate::stage::{TENANT, World};

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
