//! `SMSFactor`: what holds for all of an account's calls, and how a test steers it.

use penstock_tests::smsfactor::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::told;
use crate::smsfactor::{NUMBER, OTHER, client, documented, generous, with};

#[tokio::test]
async fn answers_are_xml_unless_json_is_asked_for() {
    let client = client().await;
    let url = format!("{}/credits", client.running.url());
    let ask = async |accept: Option<&str>| {
        let request = client.http.get(&url).bearer_auth("token");
        let request = accept
            .into_iter()
            .fold(request, |request, accept| request.header("Accept", accept));
        let answer = request.send().await.unwrap();
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (kind, answer.text().await.unwrap())
    };
    for accept in [None, Some("*/*"), Some("application/xml")] {
        let (kind, text) = ask(accept).await;
        assert!(kind.starts_with("application/xml"));
        assert!(text.contains("<response>") && text.contains("<credits>10000</credits>"));
    }
    let (kind, text) = ask(Some("application/json")).await;
    assert!(kind.starts_with("application/json") && text.starts_with('{'));
}

#[tokio::test]
async fn only_known_tokens_are_accepted_and_they_are_made_and_deleted_by_call() {
    let client = with(Options {
        tokens: vec!["token".into()],
        ..generous()
    })
    .await;
    let body = json!({"token": {"name": "Best token ever", "ttl": 2_678_400, "allowed_ips": ["192.168.2.0/24"]}});
    let (_, made) = client.post("/token", body).await;
    let other = |token: &Value| {
        let url = format!("{}/credits", client.running.url());
        let request = client.http.get(url).header("Accept", "application/json");
        request.bearer_auth(token.as_str().unwrap())
    };
    assert_eq!(told(other(&made["token"])).await.1["status"], 1);
    let (_, all) = client.get("/token").await;
    let row = &all["tokens"][1];
    assert_eq!(
        (&row["name"], &row["ttl"], &row["is_active"]),
        (&json!("Best token ever"), &json!(2_678_400), &json!("1"))
    );
    assert!(!all.to_string().contains(made["token"].as_str().unwrap()));
    let path = format!("/token/{}", made["token_id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.1["status"], 1);
    assert_eq!(client.delete(&path).await.1["status"], -5);
    for token in [&made["token"], &json!("guess")] {
        assert_eq!(told(other(token)).await.1["status"], -1);
    }
    let bare = client.http.get(format!("{}/credits", client.running.url()));
    let bare = bare.header("Accept", "application/json");
    assert_eq!(told(bare).await.1["status"], -1);
}

#[tokio::test]
async fn what_there_is_not_is_an_error_without_a_status() {
    let client = client().await;
    for (method, path) in [(Method::GET, "/nothing"), (Method::PATCH, "/send")] {
        let (status, body) = client.call(method, path, None).await;
        assert_eq!(status, 404);
        assert!(body["error"].is_string() && body.get("status").is_none());
    }
    assert_eq!(client.running.calls_after(0)[0].operation, "unknown");
}

#[tokio::test]
async fn a_refusal_may_have_a_status_of_its_own() {
    let client = with(Options {
        error_status: 400,
        ..generous()
    })
    .await;
    let (status, body) = client.delete("/send/1").await;
    assert_eq!((status, &body["status"]), (400, &json!(-5)));
}

#[tokio::test]
async fn the_quota_is_ten_a_second_and_the_accounts() {
    assert_eq!(Options::default().burst.to_string(), "10/1s");
    let client = with(Options {
        burst: "2/1h".parse().unwrap(),
        ..Options::default()
    })
    .await;
    for status in [200, 200, 429, 429] {
        assert_eq!(client.get("/credits").await.0, status);
    }
    let (_, body) = client.get("/credits").await;
    assert_eq!(body, json!({"error": "Too Many Requests"}));
    assert_eq!(client.running.summary().over_quota, 3);
    assert!(client.running.set_quota("burst", "6/1h".parse().unwrap()));
    assert_eq!(client.get("/credits").await.0, 200);
}

#[tokio::test]
async fn it_is_steered_and_asked_from_outside() {
    let client = client().await;
    client.post("/send", documented()).await;
    let (_, ledger) = client.get("/_sandbox/ledger").await;
    let call = &ledger["calls"][0];
    assert_eq!(
        (
            &call["operation"],
            &call["status"],
            &call["code"],
            &call["tenant"]
        ),
        (&json!("send"), &json!(200), &json!(1), &json!("1234"))
    );
    let effect = &call["effects"][0];
    assert_eq!(
        (
            &effect["kind"],
            &effect["order"],
            &effect["contactId"],
            &effect["content"]["gsmsmsid"]
        ),
        (&json!("sms"), &json!(1), &json!(NUMBER), &json!("100"))
    );
    assert_eq!(
        client.get("/_sandbox/ledger?after=1").await.1,
        json!({"calls": []})
    );
    let (_, summary) = client.get("/_sandbox/summary").await;
    assert_eq!(
        (
            &summary["calls"],
            &summary["effectsByKind"]["sms"],
            &summary["codes"]["1"]
        ),
        (&json!(1), &json!(1), &json!(1))
    );
    let (_, messages) = client.get("/_sandbox/messages").await;
    assert_eq!(messages["messages"][0]["gsmsmsid"], "100");
    let (_, quota) = client
        .post(
            "/_sandbox/quota",
            json!({"burst": "3/1s", "window": "fixed"}),
        )
        .await;
    assert_eq!(quota, json!({"burst": "3/1s", "window": "fixed"}));
    for (what, body) in [
        ("quota", json!({"bursts": "3/1s"})),
        ("quota", json!({"burst": "many"})),
        ("faults", json!(["explode"])),
        ("replies", json!({"from": "+33612345678", "message": "hi"})),
        ("reports", json!({"to": NUMBER, "status": 8})),
        ("reports", json!({"to": OTHER, "status": 3})),
        ("deliveries", json!({"again": 1})),
    ] {
        let (status, told) = client.post(&format!("/_sandbox/{what}"), body).await;
        assert_eq!(status, 400, "{what}: {told}");
    }
    let (status, told) = client.get("/_sandbox/nothing").await;
    assert_eq!(status, 404);
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("POST replies, reports")
    );
    assert_eq!(client.running.summary().calls, 1, "none of this is a call");
}
