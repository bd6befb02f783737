//! `SMSFactor`: webhooks.

use std::time::Duration;

use penstock_tests::smsfactor::{Account, Options};
use penstock_tests::stand::{Delivery, Fate, Scheme};
use serde_json::{Value, json};

use crate::client::Client;
use crate::receiver::{Next, Receiver};
use crate::smsfactor::{NUMBER, client, generous, sms, with};

async fn register(client: &Client<Account>, kind: &str, url: &str) -> Value {
    let body = json!({"webhook": {"type": kind, "url": url, "signature": "mysignature123"}});
    let (_, told) = client.post("/webhook", body).await;
    assert_eq!(told["status"], 1);
    told["webhook"].clone()
}

fn reply(client: &Client<Account>, message: &str) {
    let reply = json!({"from": NUMBER, "message": message});
    client.running.steer("replies", &reply).unwrap();
}

#[tokio::test]
async fn webhooks_are_registered_as_documented() {
    let client = client().await;
    let made = register(&client, "DLR", "https://yourserverurl.com").await;
    let id = made["webhook_id"].as_str().unwrap();
    assert_eq!(
        made,
        json!({
            "webhook_id": id, "type": "DLR", "url": "https://yourserverurl.com", "signature": "mysignature123", "status": "live",
            "last_http_code": null,
        })
    );
    let path = format!("/webhook/{id}");
    let body = json!({"webhook": {"type": "STOP", "url": "https://mywebhook.com/stop", "signature": "mysignature123"}});
    let (_, put) = client.put(&path, body).await;
    assert_eq!(
        (&put["webhook"]["type"], &put["webhook"]["url"]),
        (&json!("STOP"), &json!("https://mywebhook.com/stop"))
    );
    assert_eq!(
        client.get("/webhook").await.1["webhooks"][0],
        put["webhook"]
    );
    assert_eq!(client.delete(&path).await.1["status"], 1);
    assert_eq!(client.delete(&path).await.1["status"], -5);
    for wrong in [
        json!({"type": "SMS", "url": "https://a.example"}),
        json!({"type": "MO", "url": "http://a.example"}),
        json!({"type": "MO"}),
    ] {
        let (_, told) = client.post("/webhook", json!({"webhook": wrong})).await;
        assert_eq!(told["status"], -7);
    }
    for kind in ["CLICKER", "BALANCE_ALERT"] {
        register(&client, kind, "https://a.example").await;
    }
}

#[tokio::test]
async fn replies_and_stop_are_told_to_those_who_asked_for_them() {
    let client = client().await;
    let (replies, stops) = (Receiver::answering([]).await, Receiver::answering([]).await);
    register(&client, "MO", &replies.url).await;
    register(&client, "STOP", &stops.url).await;
    client
        .post("/send", sms(&[("job-1", NUMBER)], "Hello"))
        .await;
    reply(&client, "call me");
    reply(&client, " stop SMS");
    client.settled(2).await;
    for (receiver, message) in [(&replies, "call me"), (&stops, " stop SMS")] {
        let got = receiver.got();
        assert_eq!(got.len(), 1);
        let mut body = got[0].body();
        let date = body["date"].take();
        assert!(date.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(
            body,
            json!({"date": null, "message": message, "from": NUMBER, "account_id": "1234", "last_message_id": "job-1"})
        );
        assert_eq!(got[0].header("content-type"), "application/json");
    }
    let (_, told) = client
        .post("/send", sms(&[("job-2", NUMBER)], "Hello"))
        .await;
    assert_eq!(
        (&told["sent"], &told["blacklisted"]),
        (&json!(0), &json!(1))
    );
}

#[tokio::test]
async fn a_delivery_report_carries_the_callers_id() {
    let client = client().await;
    let receiver = Receiver::answering([]).await;
    register(&client, "DLR", &receiver.url).await;
    for id in ["job-1", "job-2"] {
        client.post("/send", sms(&[(id, NUMBER)], "Hello")).await;
    }
    for report in [
        json!({"gsmsmsid": "job-1", "status": 5}),
        json!({"to": NUMBER, "status": 3}),
    ] {
        client.running.steer("reports", &report).unwrap();
    }
    client.settled(2).await;
    let mut told: Vec<_> = receiver
        .got()
        .iter()
        .map(|message| {
            let body = message.body();
            assert_eq!(
                (&body["destination"], &body["country_code"]),
                (&json!(NUMBER), &json!("FR"))
            );
            assert!(body["campaign_id"].is_string() && body["date"].is_string());
            (
                body["message_id"].as_str().unwrap().to_owned(),
                body["status"].as_u64().unwrap(),
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("job-1".to_owned(), 5), ("job-2".to_owned(), 3)]);
}

#[tokio::test]
async fn messages_are_signed_by_the_chosen_scheme() {
    for scheme in [Scheme::Literal, Scheme::HmacHex, Scheme::HmacBase64] {
        let client = with(Options {
            scheme,
            ..generous()
        })
        .await;
        let receiver = Receiver::answering([]).await;
        register(&client, "MO", &receiver.url).await;
        reply(&client, "é — call me");
        client.settled(1).await;
        let message = &receiver.got()[0];
        let wanted = match scheme {
            Scheme::Literal => "mysignature123".to_owned(),
            Scheme::HmacHex => message.mac_hex("mysignature123"),
            Scheme::HmacBase64 => message.mac_base64("mysignature123"),
        };
        assert_eq!(message.header("x-smsfactor-signature"), wanted);
    }
}

#[tokio::test]
async fn a_webhook_without_a_secret_goes_unsigned() {
    let client = client().await;
    let receiver = Receiver::answering([]).await;
    let body = json!({"webhook": {"type": "MO", "url": receiver.url}});
    client.post("/webhook", body).await;
    reply(&client, "hello");
    client.settled(1).await;
    assert!(
        !receiver.got()[0]
            .headers
            .contains_key("x-smsfactor-signature")
    );
}

#[tokio::test]
async fn what_is_not_taken_is_lost_unless_retries_are_set() {
    let failing = [Next::Status(500), Next::Status(404)];
    let client = client().await;
    let receiver = Receiver::answering(failing).await;
    register(&client, "MO", &receiver.url).await;
    reply(&client, "hello");
    client.settled(1).await;
    assert_eq!(client.running.deliveries()[0].state, Fate::GivenUp);
    let (_, told) = client.get("/webhook").await;
    assert_eq!(told["webhooks"][0]["last_http_code"], 500);

    let client = with(Options {
        retries: vec![Duration::from_millis(1); 3],
        ..generous()
    })
    .await;
    let receiver = Receiver::answering(failing).await;
    register(&client, "MO", &receiver.url).await;
    reply(&client, "hello");
    client.settled(1).await;
    let delivery = &client.running.deliveries()[0];
    let statuses: Vec<_> = delivery.attempts.iter().map(|one| one.status).collect();
    assert_eq!(
        (delivery.state, statuses),
        (Fate::Delivered, vec![Some(500), Some(404), Some(200)])
    );
    let got = receiver.got();
    assert!(
        got.iter().all(|message| message.raw == got[0].raw),
        "the same bytes each time"
    );
}

#[tokio::test]
async fn a_message_is_repeated_on_order_byte_by_byte() {
    let client = client().await;
    let receiver = Receiver::answering([]).await;
    register(&client, "MO", &receiver.url).await;
    reply(&client, "hello");
    client.settled(1).await;
    let (status, _) = client
        .post("/_sandbox/deliveries", json!({"again": 1}))
        .await;
    assert_eq!(status, 200);
    let twice = |all: &[&Delivery]| all[0].attempts.len() == 2;
    client.until_delivered(twice).await;
    let got = receiver.got();
    assert_eq!(
        (&got[0].raw, got[0].header("x-smsfactor-signature")),
        (&got[1].raw, got[1].header("x-smsfactor-signature"))
    );
    let (_, told) = client.get("/_sandbox/deliveries").await;
    let delivery = &told["deliveries"][0];
    assert_eq!(
        (
            &delivery["kind"],
            &delivery["state"],
            &delivery["attempts"][1]["status"]
        ),
        (&json!("MO"), &json!("delivered"), &json!(200))
    );
}
