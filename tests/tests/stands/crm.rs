//! The CRM beside Smore.

use penstock_tests::smore::{Account, Options};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::oauth::{text, with};
use crate::receiver::Receiver;

const PROFILES: &str = "/crm/v1/profiles";

async fn profile(client: &Client<Account>) -> String {
    let body = json!({"firstName": "Ada", "email": "ada@a.example", "externalId": "contact-1"});
    let (status, made) = client.post(PROFILES, body).await;
    assert_eq!(status, 201);
    text(&made["id"])
}

#[tokio::test]
async fn profiles_are_made_found_changed_and_removed() {
    let client = with(Options::default()).await;
    let id = profile(&client).await;
    let path = format!("{PROFILES}/{id}");
    let (status, conflict) = client
        .post(PROFILES, json!({"email": "ADA@a.example"}))
        .await;
    assert_eq!((status, &conflict["id"]), (409, &json!(id)));
    for query in [
        "email=ada@a.example",
        "externalId=contact-1",
        "externalId=contact-1&email=ada@a.example",
    ] {
        let (_, found) = client.get(&format!("{PROFILES}?{query}")).await;
        assert_eq!(found["profiles"][0]["id"], json!(id), "{query}");
    }
    assert_eq!(
        client.get(&format!("{PROFILES}?phone=1")).await.1,
        json!({"profiles": []})
    );
    let change = json!({"status": "won", "attributes": {"size": "L"}});
    let (_, changed) = client.call(Method::PATCH, &path, Some(change)).await;
    assert_eq!(
        (
            &changed["status"],
            &changed["firstName"],
            &changed["attributes"]
        ),
        (&json!("won"), &json!("Ada"), &json!({"size": "L"}))
    );
    assert_eq!(client.get(&path).await.1, changed);
    assert_eq!(client.delete(&path).await.0, 204);
    assert_eq!(client.get(&path).await.0, 404);
    assert_eq!(
        client.kinds(),
        ["profile", "profile-update", "profile-delete"]
    );
}

#[tokio::test]
async fn what_is_kept_about_a_profile_is_written_and_listed() {
    let client = with(Options::default()).await;
    let id = profile(&client).await;
    for (name, body) in [
        ("notes", json!({"body": "Called"})),
        (
            "records",
            json!({"type": "deal", "title": "Boat", "data": {"price": 5}}),
        ),
        (
            "milestones",
            json!({"title": "Signed", "date": "2026-12-01"}),
        ),
        ("timeline", json!({"text": "Wrote an SMS", "type": "sms"})),
    ] {
        let path = format!("{PROFILES}/{id}/{name}");
        let (status, made) = client.post(&path, body.clone()).await;
        assert_eq!(status, 201, "{made}");
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(&made[field], value);
        }
        assert_eq!(client.get(&path).await.1, json!({name: [made]}));
    }
    assert_eq!(
        client.kinds(),
        ["profile", "note", "record", "milestone", "timeline-entry"]
    );
    let effect = &client.running.effects()[1].change;
    assert_eq!(
        (effect.contact_id.as_deref(), &effect.content["body"]),
        (Some(id.as_str()), &json!("Called"))
    );
    client
        .post(&format!("{PROFILES}/{id}/notes"), json!({"body": "Called"}))
        .await;
    assert_eq!(client.running.summary().duplicates, 1);
}

#[tokio::test]
async fn tags_are_added_and_removed() {
    let client = with(Options::default()).await;
    let id = profile(&client).await;
    let path = format!("{PROFILES}/{id}/tags");
    client.post(&path, json!({"tags": ["vip", "sms"]})).await;
    let (_, shown) = client.post(&path, json!({"tags": ["vip"]})).await;
    assert_eq!(shown["tags"], json!(["vip", "sms"]));
    let (_, shown) = client
        .call(Method::DELETE, &path, Some(json!({"tags": ["vip"]})))
        .await;
    assert_eq!(shown["tags"], json!(["sms"]));
}

#[tokio::test]
async fn requests_are_read_strictly() {
    let client = with(Options {
        crm_tokens: vec!["secret".into()],
        ..Options::default()
    })
    .await;
    assert_eq!(client.get(PROFILES).await.0, 401);
    let client = Client {
        token: "secret".to_owned(),
        ..client
    };
    let id = profile(&client).await;
    let notes = format!("{PROFILES}/{id}/notes");
    for (path, body) in [
        (PROFILES, json!({"firstName": "nobody"})),
        (PROFILES, json!({"email": "a@b.example", "mail": "x"})),
        (PROFILES, json!({"email": 1})),
        (&notes, json!({})),
        (&notes, json!({"body": "a", "title": "b"})),
    ] {
        let (status, told) = client.post(path, body).await;
        assert_eq!(status, 422);
        assert!(told["message"].is_string());
    }
    assert_eq!(
        client
            .post(&format!("{PROFILES}/none/notes"), json!({"body": "a"}))
            .await
            .0,
        404
    );
    assert_eq!(client.get(&format!("{PROFILES}?mail=x")).await.0, 422);
    let form = client.request(Method::POST, PROFILES).body("email=a");
    assert_eq!(crate::client::told(form).await.0, 415);
}

#[tokio::test]
async fn it_has_a_quota_of_its_own_and_faults() {
    let client = with(Options {
        crm: "3/1h".parse().unwrap(),
        ..Options::default()
    })
    .await;
    let id = profile(&client).await;
    let notes = format!("{PROFILES}/{id}/notes");
    let fault = format!("503:effect=yes:op=crm-create-note:contact={id}");
    client.running.set_faults([fault.as_str()]).unwrap();
    let (status, told) = client.post(&notes, json!({"body": "a"})).await;
    assert_eq!(
        (status, &told["error"]),
        (503, &json!("service_unavailable"))
    );
    assert_eq!(client.get(&notes).await.1["notes"][0]["body"], "a");
    assert_eq!(client.get(PROFILES).await.0, 429);
    let calls = client.running.calls_after(0);
    assert!(calls.iter().all(|call| &*call.tenant == "crm"));
}

fn steer(client: &Client<Account>, what: &str, body: &Value) -> Value {
    client.running.steer(what, body).unwrap()
}

#[tokio::test]
async fn what_somebody_does_there_is_told_and_signed() {
    let client = with(Options::default()).await;
    let receiver = Receiver::answering([]).await;
    let hook =
        json!({"url": receiver.url, "secret": "s", "header": "X-Crm", "scheme": "hmac-base64"});
    steer(&client, "hooks", &hook);
    let made = steer(
        &client,
        "profiles",
        &json!({"id": "p1", "email": "a@b.example"}),
    );
    assert_eq!(made["id"], "p1");
    steer(&client, "profiles", &json!({"id": "p1", "status": "won"}));
    steer(&client, "tags", &json!({"profileId": "p1", "add": ["vip"]}));
    steer(
        &client,
        "notes",
        &json!({"profileId": "p1", "body": "Called"}),
    );
    let told = client.settled(4).await;
    let kinds: Vec<_> = told.iter().map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [
            "profile.created",
            "profile.updated",
            "profile.tagged",
            "note.created"
        ]
    );
    for message in receiver.got() {
        let body = message.body();
        assert_eq!(
            (&body["origin"], &body["profile"]["id"]),
            (&json!("user"), &json!("p1"))
        );
        assert!(
            body["id"].is_string() && body["occurredAt"].is_string() && body["type"].is_string()
        );
        assert_eq!(message.header("x-crm"), message.mac_base64("s"));
    }
    assert_eq!(told[1].body["changes"], json!({"status": "won"}));
    assert_eq!(told[2].body["tags"], json!({"add": ["vip"], "remove": []}));
    assert_eq!(told[3].body["note"]["body"], "Called");
    assert_eq!(
        client.get("/_sandbox/profiles").await.1["profiles"][0]["tags"],
        json!(["vip"])
    );
    assert_eq!(
        client.running.summary().effects,
        0,
        "none of this was a call"
    );
}

#[tokio::test]
async fn what_a_call_changed_is_told_too_unless_it_shall_not() {
    for (crm_echo, count) in [(true, 1), (false, 0)] {
        let client = with(Options {
            crm_echo,
            ..Options::default()
        })
        .await;
        let receiver = Receiver::answering([]).await;
        let hook = json!({"url": receiver.url, "secret": "s", "kind": "profile.created"});
        steer(&client, "hooks", &hook);
        let id = profile(&client).await;
        client
            .post(&format!("{PROFILES}/{id}/notes"), json!({"body": "a"}))
            .await;
        let told = client.settled(count).await;
        assert!(told.iter().all(|one| one.body["origin"] == "api"));
        if let Some(message) = receiver.got().first() {
            assert_eq!(message.header("x-signature"), message.mac_hex("s"));
        }
    }
}
