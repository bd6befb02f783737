//! What a contact is tied to: followers, a business, campaigns, workflows and appointments.

use penstock_tests::sandbox::{Kind, Seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, LOCATION};

/// The kind, id and contact of every effect so far, in order.
fn effects(client: &Client) -> Vec<(Kind, Option<String>, Option<String>)> {
    let calls = client.running.calls_after(0).into_iter();
    let changes = calls.filter_map(|call| call.effect.map(|effect| effect.change));
    changes
        .map(|change| (change.kind, change.id, change.contact_id))
        .collect()
}

fn effect(kind: Kind, id: &str) -> (Kind, Option<String>, Option<String>) {
    (kind, Some(id.to_owned()), Some("c1".to_owned()))
}

fn unknown(what: &str, id: &str) -> (u16, Value) {
    let message = format!("{what} with id {id} not found");
    (400, json!({"statusCode": 400, "message": message}))
}

async fn remove(client: &Client, path: &str, body: Value) -> (u16, Value) {
    client.call(Method::DELETE, path, Some(body)).await
}

#[tokio::test]
async fn followers_are_added_and_removed_and_shown() {
    let client = Client::generous().await;
    client.seed("c1");
    let path = "/contacts/c1/followers";
    assert_eq!(
        client.post(path, json!({"followers": ["u1", "u2"]})).await,
        (
            201,
            json!({"followers": ["u1", "u2"], "followersAdded": ["u1", "u2"]})
        )
    );
    assert_eq!(
        client
            .post(path, json!({"followers": ["u2", "u3"]}))
            .await
            .1["followersAdded"],
        json!(["u3"])
    );
    assert_eq!(
        remove(&client, path, json!({"followers": ["u1", "u9"]})).await,
        (
            200,
            json!({"followers": ["u2", "u3"], "followersRemoved": ["u1"]})
        )
    );
    let (_, read) = client.get("/contacts/c1").await;
    assert_eq!(read["contact"]["followers"], json!(["u2", "u3"]));
    assert!(read["contact"]["dateAdded"].is_string());
    assert_eq!(client.post(path, json!({"users": []})).await.0, 422);
    let added = effect(Kind::Followers, "c1");
    assert_eq!(
        effects(&client),
        [added.clone(), added, effect(Kind::FollowersRemoved, "c1")]
    );
    assert_eq!(client.running.summary().duplicates, 0);
}

#[tokio::test]
async fn every_enrolment_is_an_effect_of_its_own() {
    let client = Client::generous().await;
    client.seed("c1");
    let done = json!({"succeded": true});
    let campaign = "/contacts/c1/campaigns/k1";
    for _ in 0..2 {
        assert_eq!(client.post(campaign, json!({})).await, (201, done.clone()));
    }
    let start = json!({"eventStartTime": "2021-06-23T03:30:00+01:00"});
    let workflow = "/contacts/c1/workflow/w1";
    assert_eq!(
        client.post(workflow, start.clone()).await,
        (200, done.clone())
    );
    assert_eq!(client.post(workflow, json!({})).await, (200, done.clone()));
    assert_eq!(remove(&client, workflow, start).await, (200, done.clone()));
    assert_eq!(client.delete(campaign).await, (200, done.clone()));
    assert_eq!(
        client.delete("/contacts/c1/campaigns/removeAll").await,
        (200, done)
    );
    assert_eq!(
        effects(&client),
        [
            effect(Kind::Campaign, "k1"),
            effect(Kind::Campaign, "k1"),
            effect(Kind::Workflow, "w1"),
            effect(Kind::Workflow, "w1"),
            effect(Kind::WorkflowRemoved, "w1"),
            effect(Kind::CampaignRemoved, "k1"),
            effect(Kind::CampaignsRemoved, "c1"),
        ]
    );
    let summary = client.running.summary();
    assert_eq!(
        summary.duplicates, 1,
        "one workflow at two times is no repetition; one campaign twice is"
    );
    let repeated = summary.duplicated().next().unwrap();
    assert_eq!((repeated.kind, repeated.ids.len()), (Kind::Campaign, 2));
}

#[tokio::test]
async fn enrolments_are_strict_about_what_they_take() {
    let client = Client::generous().await;
    client.seed("c1");
    for (path, body, complaint) in [
        (
            "/contacts/c1/campaigns/k1",
            json!({"x": 1}),
            "property x should not exist",
        ),
        (
            "/contacts/c1/workflow/w1",
            json!({"at": "x"}),
            "property at should not exist",
        ),
        (
            "/contacts/c1/workflow/w1",
            json!({"eventStartTime": "soon"}),
            "eventStartTime must be a valid ISO 8601 date string",
        ),
    ] {
        let (status, told) = client.post(path, body).await;
        assert_eq!((status, &told["message"]), (422, &json!([complaint])));
    }
    let nobody = "/contacts/c9/campaigns/k1";
    assert_eq!(
        client.post(nobody, json!({})).await,
        unknown("Contact", "c9")
    );
    assert_eq!(client.running.summary().effects, 0);
}

#[tokio::test]
async fn once_one_was_seeded_others_of_its_kind_are_unknown() {
    let client = Client::generous().await;
    client.seed("c1");
    let seed = |what, id: &str, location: &str| {
        let fields = json!({"id": id, "locationId": location, "name": "N"});
        client.running.seed(what, &fields)
    };
    assert_eq!(
        client.post("/contacts/c1/campaigns/x", json!({})).await.0,
        201
    );
    assert_eq!(
        seed(Seed::Campaign, "k1", LOCATION),
        Ok(json!({"id": "k1", "locationId": LOCATION, "name": "N"}))
    );
    seed(Seed::Campaign, "k2", "another").unwrap();
    seed(Seed::Workflow, "w1", LOCATION).unwrap();
    assert!(
        seed(Seed::Campaign, "k1", "another").is_err(),
        "it is taken"
    );
    for (path, answer) in [
        ("campaigns/k1", (201, json!({"succeded": true}))),
        ("campaigns/k2", unknown("Campaign", "k2")),
        ("campaigns/x", unknown("Campaign", "x")),
        ("workflow/w1", (200, json!({"succeded": true}))),
        ("workflow/x", unknown("Workflow", "x")),
    ] {
        let path = format!("/contacts/c1/{path}");
        assert_eq!(client.post(&path, json!({})).await, answer, "{path}");
    }
}

#[tokio::test]
async fn contacts_are_put_into_a_business_and_taken_out() {
    let client = Client::generous().await;
    for id in ["c1", "c2", "c3"] {
        client.seed(id);
    }
    let foreign = json!({"id": "foreign", "locationId": "another"});
    client.running.seed_contact(&foreign).unwrap();
    let assign = async |ids: Value, business: Value| {
        let body = json!({"locationId": LOCATION, "ids": ids, "businessId": business});
        client.post("/contacts/bulk/business", body).await
    };
    assert_eq!(
        assign(json!(["c1", "c2"]), json!("b1")).await,
        (200, json!({"success": true, "ids": ["c1", "c2"]}))
    );
    assert_eq!(
        assign(json!(["c3", "nobody", "foreign"]), json!("b1")).await,
        (200, json!({"success": false, "ids": ["c3"]})),
        "one that fails does not hinder the others"
    );
    assert_eq!(
        client.get("/contacts/c1").await.1["contact"]["businessId"],
        "b1"
    );
    let members = async |query: &str| {
        let path = format!("/contacts/business/b1?locationId={LOCATION}{query}");
        let (_, told) = client.get(&path).await;
        let contacts = told["contacts"].as_array().unwrap().iter();
        let ids: Vec<_> = contacts.map(|contact| contact["id"].clone()).collect();
        (ids, told["count"].as_u64().unwrap())
    };
    assert_eq!(
        members("").await,
        (vec![json!("c3"), json!("c2"), json!("c1")], 3)
    );
    assert_eq!(members("&limit=1&skip=1").await, (vec![json!("c2")], 3));
    assert_eq!(members("&query=nothing").await, (vec![], 0));
    assign(json!(["c2", "c3"]), Value::Null).await;
    assert_eq!(members("").await, (vec![json!("c1")], 1));
    let calls = client.running.calls_after(0);
    let last = calls
        .iter()
        .rev()
        .find_map(|call| call.effect.as_ref())
        .unwrap();
    assert_eq!(
        (last.change.kind, &last.change.contacts[..]),
        (Kind::Business, &["c2".to_owned(), "c3".to_owned()][..])
    );
}

#[tokio::test]
async fn a_bulk_of_business_is_bounded_and_strict() {
    let client = Client::generous().await;
    client.seed("c1");
    let ids: Vec<String> = (0..51).map(|n| format!("c{n}")).collect();
    for (body, complaint) in [
        (
            json!({"locationId": LOCATION, "ids": ids, "businessId": "b1"}),
            "ids must contain no more than 50 elements",
        ),
        (
            json!({"locationId": LOCATION, "ids": ["c1"]}),
            "businessId should not be empty",
        ),
        (
            json!({"locationId": LOCATION, "ids": [1], "businessId": null}),
            "each value in ids must be a string",
        ),
        (
            json!({"locationId": LOCATION, "ids": ["c1"], "businessId": null, "x": 1}),
            "property x should not exist",
        ),
    ] {
        let (status, told) = client.post("/contacts/bulk/business", body).await;
        assert_eq!((status, &told["message"][0]), (422, &json!(complaint)));
    }
    let business = json!({"id": "b1", "locationId": LOCATION});
    client.running.seed(Seed::Business, &business).unwrap();
    let body = json!({"locationId": LOCATION, "ids": ["c1"], "businessId": "b2"});
    assert_eq!(
        client.post("/contacts/bulk/business", body).await,
        unknown("Business", "b2")
    );
    let path = format!("/contacts/business/b2?locationId={LOCATION}");
    assert_eq!(client.get(&path).await, unknown("Business", "b2"));
    assert_eq!(client.get("/contacts/business/b1").await.0, 422);
    assert_eq!(client.running.summary().effects, 0);
}

#[tokio::test]
async fn appointments_are_listed_as_they_were_seeded() {
    let client = Client::generous().await;
    client.seed("c1");
    let path = "/contacts/c1/appointments";
    assert_eq!(client.get(path).await, (200, json!({"events": []})));
    let event = json!({"contactId": "c1", "id": "e1", "title": "Visit", "startTime": "2021-07-16 11:00:00"});
    let seeded = client.running.seed(Seed::Appointment, &event).unwrap();
    let (_, told) = client.get(path).await;
    assert_eq!(told, json!({"events": [seeded]}));
    let shown = &told["events"][0];
    assert_eq!(
        (&shown["id"], &shown["title"], &shown["locationId"]),
        (&json!("e1"), &json!("Visit"), &json!(LOCATION))
    );
    let nobodys = json!({"contactId": "c9"});
    assert!(client.running.seed(Seed::Appointment, &nobodys).is_err());
    assert_eq!(client.get("/contacts/c9/appointments").await.0, 400);
}
