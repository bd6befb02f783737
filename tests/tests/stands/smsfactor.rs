//! `SMSFactor`: sending, refusing, and what the account has.

use penstock_tests::smsfactor::{Account, Options, SmsFactor};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, told};

pub(crate) const NUMBER: &str = "33612345678";
pub(crate) const OTHER: &str = "33612345677";

pub(crate) async fn with(options: Options) -> Client<Account> {
    Client::of(SmsFactor::start(options).await.unwrap(), "token")
}

/// With a quota that no test reaches by accident.
pub(crate) async fn client() -> Client<Account> {
    with(generous()).await
}

pub(crate) fn generous() -> Options {
    Options {
        burst: "100000/1s".parse().unwrap(),
        ..Options::default()
    }
}

pub(crate) fn sms(to: &[(&str, &str)], text: &str) -> Value {
    let gsm: Vec<_> = to
        .iter()
        .map(|(id, number)| json!({"gsmsmsid": id, "value": number}))
        .collect();
    json!({"sms": {"message": {"text": text}, "recipients": {"gsm": gsm}}})
}

/// The request of the vendor's page, whose delay has passed meanwhile.
pub(crate) fn documented() -> Value {
    json!({"sms": {
        "message": {"text": "Message via API", "pushtype": "alert", "sender": "Illidan", "delay": "2100-08-06 10:06:05", "unicode": 0},
        "recipients": {"gsm": [{"gsmsmsid": "100", "value": "33612345678"}]},
    }})
}

#[tokio::test]
async fn a_campaign_is_sent_as_documented() {
    let client = with(Options {
        credits: 643,
        ..generous()
    })
    .await;
    let (status, mut body) = client.post("/send", documented()).await;
    let ticket = body["ticket"].take();
    assert!(ticket.as_str().unwrap().parse::<u64>().is_ok());
    assert_eq!(
        (status, body),
        (
            200,
            json!({
                "status": 1, "message": "OK", "ticket": null, "cost": 1, "credits": 642, "total": 1, "sent": 1, "blacklisted": 0,
                "duplicated": 0, "invalid": 0, "npai": 0,
            })
        )
    );
    let effect = &client.running.effects()[0].change;
    assert_eq!(
        (effect.kind, effect.contact_id.as_deref()),
        ("sms", Some(NUMBER))
    );
    for (name, value) in [
        ("to", json!(NUMBER)),
        ("text", json!("Message via API")),
        ("gsmsmsid", json!("100")),
        ("simulated", json!(false)),
    ] {
        assert_eq!(effect.content[name], value);
    }
}

#[tokio::test]
async fn a_simulation_sends_nothing_and_has_no_ticket() {
    let client = client().await;
    let list = seeded(&client);
    let to_list = json!({"sms": {"message": {"text": "Hello"}, "lists": [{"value": list}]}});
    for (path, body) in [
        ("/send/simulate", documented()),
        ("/send/lists/simulate", to_list),
    ] {
        let (_, body) = client.post(path, body).await;
        assert_eq!((&body["status"], &body["sent"]), (&json!(1), &json!(1)));
        assert!(body.get("ticket").is_none(), "{path}");
    }
    assert_eq!(client.kinds(), ["sms-simulated", "sms-simulated"]);
    let (_, credits) = client.get("/credits").await;
    assert_eq!(credits["credits"], "10000");
    assert_eq!(client.running.summary().duplicates, 0);
}

fn seeded(client: &Client<Account>) -> Value {
    let list = json!({"name": "A", "contacts": [{"value": NUMBER, "info1": "Louis"}]});
    client.running.steer("lists", &list).unwrap()["id"].take()
}

#[tokio::test]
async fn a_campaign_to_a_list_says_what_is_known_of_each() {
    let client = client().await;
    let list = seeded(&client);
    let text = "Hello [info1][info2]!";
    let body = json!({"sms": {"message": {"text": text}, "lists": [{"value": list}]}});
    assert_eq!(client.post("/send/lists", body).await.1["sent"], 1);
    let effect = &client.running.effects()[0].change;
    assert_eq!(effect.content["text"], "Hello Louis!");
    let unknown = json!({"sms": {"message": {"text": "a"}, "lists": [{"value": "none"}]}});
    assert_eq!(client.post("/send/lists", unknown).await.1["status"], -5);
}

#[tokio::test]
async fn who_cannot_be_reached_is_counted_and_still_it_is_well() {
    let client = client().await;
    let gsm = |number: &str| json!({"contacts": {"gsm": [{"value": number}]}});
    client
        .post("/blacklist", json!({"blacklist": gsm("33600000001")}))
        .await;
    client
        .post("/npai", json!({"npai": gsm("33600000002")}))
        .await;
    let to = [
        ("1", NUMBER),
        ("2", NUMBER),
        ("3", "33600000001"),
        ("4", "33600000002"),
        ("5", "+33612345677"),
        ("6", "0612345677"),
    ];
    let (_, body) = client.post("/send", sms(&to, "Hello")).await;
    let told = [
        "status",
        "total",
        "sent",
        "blacklisted",
        "npai",
        "duplicated",
        "invalid",
        "cost",
    ];
    assert_eq!(
        told.map(|name| body[name].as_i64().unwrap()),
        [1, 6, 1, 1, 1, 1, 2, 1]
    );
    assert_eq!(client.running.summary().effects_by_kind["sms"], 1);
}

#[tokio::test]
async fn the_same_sms_sent_twice_is_seen() {
    let client = client().await;
    for id in ["job-1", "job-1", "job-2"] {
        client.post("/send", sms(&[(id, NUMBER)], "Hello")).await;
    }
    assert_eq!(client.running.summary().duplicates, 1);
}

#[tokio::test]
async fn what_is_not_due_can_be_cancelled_once() {
    let client = client().await;
    let mut later = sms(&[("1", NUMBER)], "Hello");
    later["sms"]["message"]["delay"] = "2100-01-01 00:00:00".into();
    let (_, later) = client.post("/send", later).await;
    let (_, now) = client.post("/send", sms(&[("2", NUMBER)], "Hello")).await;
    let cancel = async |ticket: &Value| {
        let path = format!("/send/{}", ticket.as_str().unwrap());
        client.delete(&path).await.1["status"].as_i64().unwrap()
    };
    assert_eq!(cancel(&later["ticket"]).await, 1);
    assert_eq!(cancel(&later["ticket"]).await, -5, "it is gone");
    assert_eq!(cancel(&now["ticket"]).await, -7, "it was sent");
    assert_eq!(cancel(&json!("1")).await, -5);
    assert_eq!(client.kinds(), ["sms", "sms", "sms-cancel"]);
}

#[tokio::test]
async fn credits_end() {
    let client = with(Options {
        credits: 3,
        ..generous()
    })
    .await;
    let long = "a".repeat(161);
    assert_eq!(
        client.post("/send", sms(&[("1", NUMBER)], &long)).await.1["cost"],
        2
    );
    let (status, body) = client.post("/send", sms(&[("2", NUMBER)], &long)).await;
    assert_eq!((status, &body["status"]), (200, &json!(-3)));
    assert_eq!(client.running.summary().effects, 1);
    client
        .running
        .steer("account", &json!({"credits": 10}))
        .unwrap();
    assert_eq!(
        client.post("/send", sms(&[("2", NUMBER)], &long)).await.1["status"],
        1
    );
    let (_, account) = client.get("/account").await;
    assert_eq!(account["account"]["credits"], "8");
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let client = client().await;
    let message = |name: &str, value: Value| {
        let mut body = sms(&[("1", NUMBER)], "Hello");
        body["sms"]["message"][name] = value;
        body
    };
    let mut nobody = sms(&[], "Hello");
    for (body, code) in [
        (message("text", json!(" ")), -7),
        (message("pushtype", json!("advert")), -7),
        (message("unicode", json!(2)), -7),
        (message("delay", json!("tomorrow")), -4),
        (message("delay", json!("2026-08-06T10:06:05Z")), -4),
        (message("delay", json!("2024-08-06 10:06:05")), -4),
        (message("texte", json!("Hello")), -7),
        (nobody.clone(), -7),
        (json!({"sms": {"recipients": {"gsm": []}}}), -7),
        (json!([]), -7),
    ] {
        let (status, told) = client.post("/send", body.clone()).await;
        assert_eq!((status, &told["status"]), (200, &json!(code)), "{body}");
        assert!(told["details"].is_string());
    }
    nobody["sms"]["recipients"]["gsm"] = json!([{"value": 33_612_345_678_u64}]);
    assert_eq!(client.post("/send", nobody).await.1["status"], -7);
    let broken = client.request(Method::POST, "/send").body("{\"sms\":");
    let broken = broken.header("Content-Type", "application/json");
    assert_eq!(told(broken).await.1["status"], -6);
    let untyped = client
        .request(Method::POST, "/send")
        .body(documented().to_string());
    assert_eq!(told(untyped).await.1["status"], -2, "it was read as XML");
    assert_eq!(client.running.summary().effects, 0);
}
