//! What the API does with what it is sent.

use penstock_tests::sandbox::{Options, Unknown};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, LOCATION, told};

fn unauthorised() -> (u16, Value) {
    let body = json!({"statusCode": 401, "message": "Invalid token: access token is invalid", "error": "Unauthorized"});
    (401, body)
}

fn unprocessable(messages: &[&str]) -> (u16, Value) {
    (
        422,
        json!({"statusCode": 422, "message": messages, "error": "Unprocessable Entity"}),
    )
}

#[tokio::test]
async fn upsert_creates_then_updates_the_first_match() {
    let client = Client::generous().await;
    let upsert = async |body: Value| client.post("/contacts/upsert", body).await;
    let (status, first) = upsert(json!({"locationId": LOCATION, "email": "Ann@Deos.com", "name": "Ann Deo", "tags": ["A", "b"]})).await;
    assert_eq!(
        (status, &first["new"], &first["contact"]["tags"]),
        (200, &json!(true), &json!(["a", "b"]))
    );
    let (_, other) = upsert(json!({"locationId": LOCATION, "phone": "+1 888-888-8888"})).await;

    let (_, again) = upsert(json!({"locationId": LOCATION, "email": " ann@deos.COM", "phone": "+18888888888", "tags": ["c"]})).await;
    assert_eq!(
        (&again["new"], &again["contact"]["id"]),
        (&json!(false), &first["contact"]["id"]),
        "the email comes first"
    );
    assert_eq!(
        (&again["contact"]["tags"], again["contact"].get("phone")),
        (&json!(["c"]), None),
        "tags are replaced, the other's phone is left alone"
    );
    assert_eq!(
        again["contact"]["firstName"], "Ann",
        "what is not named stays"
    );

    let (_, by_phone) =
        upsert(json!({"locationId": LOCATION, "phone": "+1 (888) 888-8888", "city": "X"})).await;
    assert_eq!(by_phone["contact"]["id"], other["contact"]["id"]);
    let (_, elsewhere) = upsert(json!({"locationId": "another", "email": "ann@deos.com"})).await;
    assert_eq!(elsewhere["new"], true, "locations do not share contacts");
}

#[tokio::test]
async fn create_refuses_a_twin_and_names_it() {
    let client = Client::generous().await;
    let body = json!({"locationId": LOCATION, "email": "a@b.example", "phone": "+18888888888"});
    let (status, created) = client.post("/contacts/", body.clone()).await;
    assert_eq!(status, 201);
    let meta = |field: &str| json!({"contactId": created["contact"]["id"], "matchingField": field});
    let refusal = |field: &str| {
        (
            400,
            json!({"statusCode": 400, "message": "This location does not allow duplicated contacts.", "meta": meta(field)}),
        )
    };
    assert_eq!(client.post("/contacts/", body).await, refusal("email"));
    assert_eq!(
        client
            .post(
                "/contacts",
                json!({"locationId": LOCATION, "phone": "+1 888 888 8888"})
            )
            .await,
        refusal("phone")
    );
    client.seed("c2");
    assert_eq!(
        client
            .put("/contacts/c2", json!({"email": "a@b.example"}))
            .await,
        refusal("email")
    );
}

#[tokio::test]
async fn duplicates_are_made_where_the_location_allows_them() {
    let mut options = Options {
        allow_duplicates: true,
        ..Options::default()
    };
    options.quota.burst.calls = 1_000;
    let client = Client::of(options).await;
    let body = json!({"locationId": LOCATION, "email": "a@b.example", "createNewIfDuplicateAllowed": true});
    let (_, first) = client.post("/contacts/upsert", body.clone()).await;
    let (_, second) = client.post("/contacts/upsert", body).await;
    assert_ne!(first["contact"]["id"], second["contact"]["id"]);
    let (_, third) = client
        .post(
            "/contacts/upsert",
            json!({"locationId": LOCATION, "email": "a@b.example"}),
        )
        .await;
    assert_eq!(
        third["contact"]["id"], first["contact"]["id"],
        "without the flag the oldest match is updated"
    );
    assert_eq!(client.running.summary().duplicates, 1);
}

#[tokio::test]
async fn a_contact_is_read_changed_and_deleted() {
    let client = Client::generous().await;
    client.seed("c1");
    let (status, changed) = client
        .put(
            "/contacts/c1",
            json!({"firstName": "Ann", "email": "a@b.example", "tags": ["X"]}),
        )
        .await;
    assert_eq!(
        (status, &changed["succeded"], &changed["contact"]["tags"]),
        (200, &json!(true), &json!(["x"]))
    );
    let (_, read) = client.get("/contacts/c1").await;
    assert_eq!(read["contact"], changed["contact"]);
    let path = format!("/contacts/search/duplicate?locationId={LOCATION}&email=A%40b.example");
    assert_eq!(client.get(&path).await.1["contact"]["id"], "c1");
    assert_eq!(
        client.delete("/contacts/c1").await,
        (200, json!({"succeded": true}))
    );
    assert_eq!(
        client.get(&path).await,
        (200, json!({"contact": null})),
        "its email is forgotten with it"
    );
    let gone = (
        400,
        json!({"statusCode": 400, "message": "Contact with id c1 not found"}),
    );
    for path in ["/contacts/c1", "/contacts/c1/notes", "/contacts/c1/tasks"] {
        assert_eq!(client.get(path).await, gone, "{path}");
    }
}

#[tokio::test]
async fn search_duplicate_finds_by_email_then_by_number() {
    let client = Client::generous().await;
    client
        .running
        .seed_contact(&json!({"id": "c1", "locationId": LOCATION, "email": "a@b.example"}))
        .unwrap();
    client
        .running
        .seed_contact(&json!({"id": "c2", "locationId": LOCATION, "phone": "+18888888888"}))
        .unwrap();
    for (query, found) in [
        ("email=a%40b.example", Some("c1")),
        ("number=%2B18888888888", Some("c2")),
        ("number=+18888888888", None),
        ("email=a%40b.example&number=%2B18888888888", Some("c1")),
        ("email=x%40b.example&number=%2B18888888888", Some("c2")),
        ("", None),
    ] {
        let (status, body) = client
            .get(&format!(
                "/contacts/search/duplicate?locationId={LOCATION}&{query}"
            ))
            .await;
        assert_eq!(
            (status, body["contact"]["id"].as_str()),
            (200, found),
            "{query}"
        );
    }
    assert_eq!(
        client
            .get("/contacts/search/duplicate?locationId=l&x=1")
            .await,
        unprocessable(&["property x should not exist"])
    );
    let missing = [
        "locationId should not be empty",
        "locationId must be a string",
    ];
    assert_eq!(
        client.get("/contacts/search/duplicate").await,
        unprocessable(&missing)
    );
}

#[tokio::test]
async fn notes_are_kept_with_their_date() {
    let client = Client::generous().await;
    client.seed("c1");
    let (status, created) = client
        .post(
            "/contacts/c1/notes",
            json!({"body": "first", "pinned": true}),
        )
        .await;
    let note = &created["note"];
    assert_eq!(
        (status, &note["body"], &note["contactId"], &note["pinned"]),
        (201, &json!("first"), &json!("c1"), &json!(true))
    );
    assert!(
        note["dateAdded"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    let path = format!("/contacts/c1/notes/{}", note["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await, (200, json!({"note": note})));
    client
        .post("/contacts/c1/notes", json!({"body": "second"}))
        .await;
    let bodies = async || {
        client.get("/contacts/c1/notes").await.1["notes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|note| note["body"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(bodies().await, ["second", "first"]);
    assert_eq!(
        client.put(&path, json!({"body": "changed"})).await.1["note"]["pinned"],
        true
    );
    assert_eq!(bodies().await, ["second", "changed"]);
    assert_eq!(client.delete(&path).await, (200, json!({"succeded": true})));
    assert_eq!(client.get(&path).await.0, 400);
    assert_eq!(bodies().await, ["second"]);
}

#[tokio::test]
async fn tasks_are_kept_without_a_date_of_their_own() {
    let client = Client::generous().await;
    client.seed("c1");
    let body = json!({"title": "Call", "dueDate": "2026-12-01T10:00:00+01:00", "completed": false});
    let (status, created) = client.post("/contacts/c1/tasks", body).await;
    let id = created["task"]["id"].as_str().unwrap();
    let task = json!({"id": id, "contactId": "c1", "title": "Call", "dueDate": "2026-12-01T09:00:00.000Z", "completed": false});
    assert_eq!((status, &created), (201, &json!({"task": task})));
    let path = format!("/contacts/c1/tasks/{id}");
    assert_eq!(
        client
            .put(&format!("{path}/completed"), json!({"completed": true}))
            .await
            .1["task"]["completed"],
        true
    );
    assert_eq!(
        client.put(&path, json!({"title": "Visit"})).await.1["task"]["completed"],
        true
    );
    let (_, list) = client.get("/contacts/c1/tasks").await;
    assert_eq!(
        (
            list["tasks"].as_array().unwrap().len(),
            &list["tasks"][0]["title"]
        ),
        (1, &json!("Visit"))
    );
    assert_eq!(client.delete(&path).await.0, 200);
    assert_eq!(client.get(&path).await.0, 400);
}

#[tokio::test]
async fn tags_are_lower_cased_and_each_kept_once() {
    let client = Client::generous().await;
    client.seed("c1");
    let (status, added) = client
        .post("/contacts/c1/tags", json!({"tags": ["VIP", "New "]}))
        .await;
    assert_eq!((status, &added["tags"]), (201, &json!(["vip", "new"])));
    assert_eq!(
        client
            .post("/contacts/c1/tags", json!({"tags": ["vip", "x"]}))
            .await
            .1,
        json!({"tags": ["vip", "new", "x"], "tagsAdded": ["x"]})
    );
    let (status, removed) = client
        .call(
            Method::DELETE,
            "/contacts/c1/tags",
            Some(json!({"tags": ["VIP", "y"]})),
        )
        .await;
    assert_eq!(
        (status, removed),
        (200, json!({"tags": ["new", "x"], "tagsRemoved": ["vip"]}))
    );
}

#[tokio::test]
async fn bulk_tags_answer_for_each_contact() {
    let client = Client::generous().await;
    client.seed("c1");
    client.seed("c2");
    client
        .running
        .seed_contact(&json!({"id": "foreign", "locationId": "another"}))
        .unwrap();
    client.delete("/contacts/c2").await;
    let body = json!({"contacts": ["c1", "nobody", "c2", "foreign"], "tags": ["T"], "locationId": LOCATION});
    let (status, answer) = client
        .post("/contacts/bulk/tags/update/add", body.clone())
        .await;
    assert_eq!(status, 201);
    let failed =
        |id: &str, message: &str| json!({"contactId": id, "message": message, "type": "error"});
    assert_eq!(
        answer,
        json!({"succeded": false, "errorCount": 3, "responses": [
            {"contactId": "c1", "message": "Tags updated", "type": "success", "oldTags": [], "tagsAdded": ["t"], "tagsRemoved": []},
            failed("nobody", "contact id is not a valid firebase id"),
            failed("c2", "contact is deleted"),
            failed("foreign", "contact does not belong to location"),
        ]})
    );
    let all =
        json!({"contacts": ["c1"], "tags": [], "locationId": LOCATION, "removeAllTags": true});
    assert_eq!(
        client
            .post("/contacts/bulk/tags/update/remove", all)
            .await
            .1["responses"][0]["tagsRemoved"],
        json!(["t"])
    );
    assert_eq!(
        client.post("/contacts/bulk/tags/update/swap", body).await.0,
        422
    );
}

#[tokio::test]
async fn the_list_of_contacts_is_paged_newest_first() {
    let client = Client::generous().await;
    (1..=5).for_each(|n| client.seed(&format!("c{n}")));
    let page = async |query: &str| {
        let (_, page) = client
            .get(&format!("/contacts/?locationId={LOCATION}&{query}"))
            .await;
        let ids: Vec<String> = page["contacts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|contact| contact["id"].as_str().unwrap().to_owned())
            .collect();
        (
            ids,
            page["meta"]["startAfterId"].as_str().map(str::to_owned),
        )
    };
    let (ids, next) = page("limit=3").await;
    assert_eq!(ids, ["c5", "c4", "c3"]);
    assert_eq!(
        page(&format!("limit=3&startAfterId={}", next.unwrap()))
            .await
            .0,
        ["c2", "c1"]
    );
    for (limit, complaint) in [
        ("0", "limit must not be less than 1"),
        ("101", "limit must not be greater than 100"),
    ] {
        assert_eq!(
            client
                .get(&format!("/contacts/?locationId=l&limit={limit}"))
                .await,
            unprocessable(&[complaint])
        );
    }
}

#[tokio::test]
async fn who_may_not_call_is_told_so() {
    let options = Options {
        tokens: vec!["pit-test".into()],
        ..Options::default()
    };
    let client = Client::of(options).await;
    client.seed("c1");
    assert_eq!(client.get("/contacts/c1").await.0, 200);
    let url = format!("{}/contacts/c1", client.running.url());
    let get = async |headers: &[(&'static str, &'static str)]| {
        let request = headers
            .iter()
            .fold(client.http.get(&url), |request, (name, value)| {
                request.header(*name, *value)
            });
        told(request.send().await.unwrap()).await
    };
    assert_eq!(get(&[("Version", "2021-07-28")]).await, unauthorised());
    assert_eq!(
        get(&[("Version", "2021-07-28"), ("Authorization", "Bearer other")]).await,
        unauthorised()
    );
    assert_eq!(
        get(&[("Version", "2021-07-28"), ("Authorization", "pit-test")]).await,
        unauthorised()
    );
    let no_version = (
        401,
        json!({"statusCode": 401, "message": "version header was not found."}),
    );
    assert_eq!(
        get(&[("Authorization", "Bearer pit-test")]).await,
        no_version
    );
    assert_eq!(
        get(&[("Version", "v3"), ("Authorization", "Bearer pit-test")]).await,
        no_version
    );
}

#[tokio::test]
async fn bad_bodies_are_refused_and_change_nothing() {
    let client = Client::generous().await;
    client.seed("c1");
    let raw = async |body: Vec<u8>| {
        told(
            client
                .request(Method::POST, "/contacts/c1/notes")
                .body(body)
                .send()
                .await
                .unwrap(),
        )
        .await
        .0
    };
    assert_eq!(raw(b"{\"body\":".to_vec()).await, 400);
    assert_eq!(raw(b"{\"body\":\"\xff\"}".to_vec()).await, 400);
    assert_eq!(raw(b"[1]".to_vec()).await, 422);
    assert_eq!(raw(b"".to_vec()).await, 422);
    assert_eq!(raw(vec![b'['; 100_000]).await, 400);
    assert_eq!(raw(vec![b' '; 2_000_000]).await, 413);
    assert_eq!(
        client
            .post("/contacts/c1/notes", json!({"body": "b", "x": 1}))
            .await,
        unprocessable(&["property x should not exist"])
    );
    assert_eq!(
        client
            .post(
                "/contacts/upsert",
                json!({"locationId": LOCATION, "email": "a@rejected.example"})
            )
            .await,
        unprocessable(&["email must be an email"])
    );
    assert_eq!(
        client.call(Method::PATCH, "/contacts/c1", None).await.0,
        404
    );
    assert_eq!(client.running.summary().effects, 0);
}

#[tokio::test]
async fn what_is_unknown_may_be_404() {
    let client = Client::of(Options {
        unknown: Unknown::NotFound,
        ..Options::default()
    })
    .await;
    client.seed("c1");
    for path in [
        "/contacts/x",
        "/contacts/c1/notes/x",
        "/contacts/c1/tasks/x",
    ] {
        let (status, body) = client.get(path).await;
        assert_eq!((status, &body["statusCode"]), (404, &json!(404)), "{path}");
    }
}

#[tokio::test]
async fn ids_depend_on_the_seed_alone() {
    let ids = async |seed: u64, fault: &str| {
        let faults = vec![fault.parse().unwrap()];
        let client = Client::of(Options {
            seed,
            faults,
            ..Options::default()
        })
        .await;
        client
            .post("/contacts/upsert", json!({"locationId": LOCATION}))
            .await
            .1["contact"]["id"]
            .clone()
    };
    assert_eq!(ids(7, "delay=0ms").await, ids(7, "503:p=0").await);
    assert_ne!(ids(7, "delay=0ms").await, ids(8, "delay=0ms").await);
}
