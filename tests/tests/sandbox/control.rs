//! How a test steers a sandbox in another process, and asks it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, LOCATION};

async fn ask(client: &Client, method: Method, what: &str, body: Option<Value>) -> (u16, Value) {
    let request = client
        .http
        .request(method, format!("{}/_sandbox/{what}", client.running.url()));
    let request = body
        .into_iter()
        .fold(request, |request, body| request.json(&body));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_ledger_tells_what_came_after() {
    let client = Client::generous().await;
    client.seed("c1");
    for n in 0..3 {
        client
            .post("/contacts/c1/notes", json!({"body": format!("{n}")}))
            .await;
    }
    client.get("/contacts/?locationId=other").await;
    let seqs = async |query: &str| {
        let (_, ledger) = ask(&client, Method::GET, &format!("ledger{query}"), None).await;
        ledger["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["seq"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(seqs("").await, [1, 2, 3, 4]);
    assert_eq!(seqs("?after=2").await, [3, 4]);
    assert_eq!(seqs(&format!("?after=1&tenant={LOCATION}")).await, [2, 3]);
    assert_eq!(seqs("?tenant=other").await, [4]);
    assert_eq!(seqs("?after=4").await, Vec::<u64>::new());
    let (_, ledger) = ask(
        &client,
        Method::GET,
        "ledger?after=2&tenant=ve9EPM428h8vShlRW1KT",
        None,
    )
    .await;
    let call = &ledger["calls"][0];
    assert_eq!(
        (&call["operation"], &call["status"], &call["path"]),
        (
            &json!("create-note"),
            &json!(201),
            &json!("/contacts/c1/notes")
        )
    );
    assert_eq!(
        (
            &call["effect"]["kind"],
            &call["effect"]["order"],
            &call["effect"]["contactId"]
        ),
        (&json!("note"), &json!(3), &json!("c1"))
    );
    for query in ["?after=x", "?seq=1"] {
        assert_eq!(
            ask(&client, Method::GET, &format!("ledger{query}"), None)
                .await
                .0,
            400
        );
    }
}

#[tokio::test]
async fn a_long_ledger_is_one_document() {
    let client = Client::generous().await;
    // Two pages and a little.
    for _ in 0..41 {
        futures::future::join_all((0..100).map(|_| client.get("/contacts/?locationId=l"))).await;
    }
    let (_, ledger) = ask(&client, Method::GET, "ledger", None).await;
    let seqs: Vec<u64> = ledger["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=4_100).collect::<Vec<_>>());
    assert_eq!(
        ask(&client, Method::GET, "ledger?tenant=nobody", None)
            .await
            .1,
        json!({"calls": []})
    );
}

#[tokio::test]
async fn faults_are_put_and_removed() {
    let client = Client::generous().await;
    client.seed("c1");
    let (status, told) = ask(
        &client,
        Method::POST,
        "faults",
        Some(json!(["503:count=1", "delay=1ms:op=create-note"])),
    )
    .await;
    assert_eq!(
        (status, &told["faults"][0]),
        (
            200,
            &json!({"spec": "503:count=1", "matched": 0, "struck": 0})
        )
    );
    assert_eq!(client.get("/contacts/c1").await.0, 503);
    assert_eq!(
        ask(&client, Method::GET, "faults", None).await.1["faults"][0]["struck"],
        1
    );
    let (status, told) = ask(&client, Method::POST, "faults", Some(json!(["nonsense"]))).await;
    assert_eq!(status, 400);
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("`nonsense` is no kind of fault")
    );
    assert_eq!(
        ask(&client, Method::DELETE, "faults", None).await,
        (200, json!({"faults": []}))
    );
}

#[tokio::test]
async fn the_quota_is_changed_in_part() {
    let client = Client::generous().await;
    let (_, terms) = ask(
        &client,
        Method::POST,
        "quota",
        Some(json!({"burst": "1/1h"})),
    )
    .await;
    assert_eq!(
        terms,
        json!({"burst": "1/1h", "daily": "200000/1d", "window": "sliding"})
    );
    let (_, terms) = ask(
        &client,
        Method::POST,
        "quota",
        Some(json!({"daily": 5, "window": "fixed"})),
    )
    .await;
    assert_eq!(
        terms,
        json!({"burst": "1/1h", "daily": "5/1d", "window": "fixed"})
    );
    for wrong in [
        json!({"burst": "0/1h"}),
        json!({"daily": 0}),
        json!({"windows": "fixed"}),
        json!([]),
    ] {
        assert_eq!(
            ask(&client, Method::POST, "quota", Some(wrong)).await.0,
            400
        );
    }
    assert_eq!(ask(&client, Method::GET, "quota", None).await.1, terms);
}

#[tokio::test]
async fn contacts_are_seeded_with_ids_of_the_tests_choice() {
    let client = Client::generous().await;
    let body = json!({"id": "c1", "locationId": LOCATION, "email": "a@b.example"});
    let (status, told) = ask(&client, Method::POST, "contacts", Some(body.clone())).await;
    assert_eq!((status, &told["contact"]["id"]), (201, &json!("c1")));
    assert_eq!(
        client.get("/contacts/c1").await.1["contact"],
        told["contact"]
    );
    assert_eq!(
        ask(&client, Method::POST, "contacts", Some(body)).await.0,
        400,
        "its id is taken"
    );
    assert_eq!(
        ask(&client, Method::POST, "contacts", Some(json!({"x": 1})))
            .await
            .0,
        400
    );
    assert_eq!(client.running.summary().effects, 0);
}

#[tokio::test]
async fn what_locations_have_is_seeded_too() {
    let client = Client::generous().await;
    client.seed("c1");
    for (what, name, body) in [
        (
            "businesses",
            "business",
            json!({"id": "b1", "locationId": LOCATION}),
        ),
        (
            "campaigns",
            "campaign",
            json!({"id": "k1", "locationId": LOCATION, "name": "Spring"}),
        ),
        (
            "workflows",
            "workflow",
            json!({"id": "w1", "locationId": LOCATION}),
        ),
        (
            "appointments",
            "appointment",
            json!({"id": "e1", "contactId": "c1", "title": "Visit"}),
        ),
    ] {
        let (status, told) = ask(&client, Method::POST, what, Some(body.clone())).await;
        assert_eq!((status, &told[name]["id"]), (201, &body["id"]));
        let (status, told) = ask(&client, Method::POST, what, Some(json!({"x": 1}))).await;
        assert_eq!(status, 400);
        assert!(
            told["error"]
                .as_str()
                .unwrap()
                .contains("property x should not exist")
        );
    }
    assert_eq!(
        client
            .post("/contacts/c1/campaigns/other", json!({}))
            .await
            .0,
        400
    );
    assert_eq!(
        client.get("/contacts/c1/appointments").await.1["events"][0]["title"],
        "Visit"
    );
    assert_eq!(client.running.summary().effects, 0);
}

#[tokio::test]
async fn who_has_the_app_is_steered_and_told_without_a_token() {
    let client = Client::with_oauth().await;
    let body = json!({"expiresIn": 5, "pick": {"location": LOCATION}, "location": "bare"});
    let (status, told) = ask(&client, Method::POST, "oauth", Some(body)).await;
    assert_eq!(
        (status, &told["expiresIn"], &told["pick"]),
        (200, &json!(5), &json!({"location": LOCATION}))
    );
    let body = json!({"locationId": LOCATION, "scope": "contacts.readonly"});
    let (status, told) = ask(&client, Method::POST, "oauth/install", Some(body)).await;
    assert_eq!(status, 201);
    let given = client.exchanged(told["code"].as_str().unwrap()).await;
    assert_eq!(
        (&given["expires_in"], &given["scope"]),
        (&json!(5), &json!("contacts.readonly"))
    );
    let company = ask(&client, Method::POST, "oauth/install", Some(json!({}))).await;
    assert_eq!(company.0, 201);
    for (what, body, status) in [
        (
            "oauth/revoke",
            json!({"token": given["refresh_token"]}),
            200,
        ),
        ("oauth/revoke", json!({"token": "never-given"}), 404),
        ("oauth/expire", json!({"locationId": LOCATION}), 200),
        ("oauth/uninstall", json!({"locationId": LOCATION}), 200),
        ("oauth/uninstall", json!({"location": LOCATION}), 400),
        ("oauth/reinstall", json!({}), 404),
        ("oauth", json!({"expiresIn": 0}), 400),
        ("oauth", json!({"pick": "nobody"}), 400),
    ] {
        let told = ask(&client, Method::POST, what, Some(body)).await;
        assert_eq!(told.0, status, "{what}: {}", told.1);
    }
    let (_, told) = ask(&client, Method::GET, "oauth", None).await;
    assert_eq!(told["grants"][0]["revoked"], true);
    assert_eq!(told["grants"][1]["userType"], "Company");
    let location = |id: &str| {
        let all = told["locations"].as_array().unwrap();
        let found = all.iter().find(|location| location["id"] == id);
        found.unwrap()["installedAt"].clone()
    };
    assert_eq!(location(LOCATION), Value::Null);
    assert!(location("bare").is_string(), "the company took it along");
    for secret in ["access_token", "refresh_token"] {
        assert!(!told.to_string().contains(given[secret].as_str().unwrap()));
    }
    let off = Client::generous().await;
    let (status, told) = ask(&off, Method::GET, "oauth", None).await;
    assert_eq!(status, 404);
    assert!(told["error"].as_str().unwrap().contains("OAuth is off"));
}

#[tokio::test]
async fn it_says_that_it_lives_and_what_there_is() {
    let client = Client::generous().await;
    assert_eq!(
        ask(&client, Method::GET, "health", None).await,
        (200, json!({"status": "ok"}))
    );
    let (_, summary) = ask(&client, Method::GET, "summary", None).await;
    assert_eq!(
        (
            &summary["calls"],
            &summary["overQuota"],
            &summary["duplicates"]
        ),
        (&json!(0), &json!(0), &json!(0)),
        "none of this counts as a call"
    );
    let (status, told) = ask(&client, Method::GET, "nothing", None).await;
    assert_eq!(status, 404);
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("there are GET health")
    );
}
