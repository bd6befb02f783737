//! Smore: webhooks.

use std::time::Duration;

use penstock_tests::smore::{Account, Options};
use penstock_tests::stand::{Delivery, Fate};
use serde_json::{Value, json};

use crate::client::Client;
use crate::forms::{answered, client};
use crate::oauth::text;
use crate::receiver::{Next, Receiver};

const PATH: &str = "/api/v1/forms/f1/webhooks";
/// Five minutes last one millisecond.
const HURRY: u32 = 300_000;

fn hurried() -> Options {
    Options {
        hurry: HURRY,
        ..Options::default()
    }
}

/// Registers the receiver, lets somebody answer the form, and waits until nothing is under way.
async fn told(client: &Client<Account>, receiver: &Receiver) -> (Value, Delivery) {
    let (status, hook) = client.post(PATH, json!({"url": receiver.url})).await;
    assert_eq!(status, 201);
    client.running.steer("responses", &answered()).unwrap();
    let delivery = client.settled(1).await.remove(0);
    (hook, delivery)
}

#[tokio::test]
async fn a_new_response_is_told_as_documented_and_signed() {
    let client = client(Options::default()).await;
    let receiver = Receiver::answering([]).await;
    let (hook, delivery) = told(&client, &receiver).await;
    assert_eq!(delivery.state, Fate::Delivered);
    let message = &receiver.got()[0];
    let body = message.body();
    assert!(body["id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    assert_eq!(body["type"], "responses");
    let response = &body["responses"][0];
    for name in ["id", "token", "submittedAt"] {
        assert!(response[name].is_string());
    }
    assert_eq!(
        response["ending"],
        json!({"name": "Thank you!", "score": null})
    );
    assert_eq!(
        response["customFields"],
        json!([{"name": "source", "value": "xxxxx"}])
    );
    let answers = response["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 6);
    for answer in answers {
        let kind = answer["answerType"].as_str().unwrap();
        assert!(!answer[kind].is_null() && answer["id"].is_string());
    }
    let secret = text(&hook["webhookSecret"]);
    assert_eq!(
        message.header("x-smore-signature"),
        message.mac_hex(&secret)
    );
    let (_, all) = client.get(PATH).await;
    assert!(
        !all.to_string().contains(&secret),
        "the secret is shown once only"
    );
}

#[tokio::test]
async fn what_fails_is_sent_again_five_times_after_the_documented_waits() {
    let client = client(hurried()).await;
    let failing = [
        Next::Status(500),
        Next::Status(501),
        Next::Status(302),
        Next::Status(429),
        Next::Status(503),
        Next::Status(400),
    ];
    let receiver = Receiver::answering(failing).await;
    let (_, delivery) = told(&client, &receiver).await;
    assert_eq!(delivery.state, Fate::GivenUp);
    let statuses: Vec<_> = delivery.attempts.iter().map(|one| one.status).collect();
    assert_eq!(
        statuses,
        [
            Some(500),
            Some(501),
            Some(302),
            Some(429),
            Some(503),
            Some(400)
        ]
    );
    for (pair, minutes) in delivery.attempts.windows(2).zip([5, 15, 35, 75, 155]) {
        let waited = pair[1].at.since(pair[0].at);
        assert!(
            waited >= Duration::from_secs(minutes * 60) / HURRY,
            "{waited:?}"
        );
    }
    let got = receiver.got();
    assert!(got.iter().all(|message| message.raw == got[0].raw));
    assert_eq!(
        client.get(PATH).await.1["webhooks"][0]["enabled"],
        true,
        "failures do not disable it"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_a_failure() {
    assert_eq!(Options::default().hook_timeout, Duration::from_secs(10));
    let client = client(Options {
        hook_timeout: Duration::from_millis(10),
        ..hurried()
    })
    .await;
    let receiver = Receiver::answering([Next::Nothing; 6]).await;
    let (_, delivery) = told(&client, &receiver).await;
    assert_eq!(delivery.state, Fate::GivenUp);
    let statuses: Vec<_> = delivery.attempts.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [None; 6]);
}

#[tokio::test]
async fn it_gets_through_as_soon_as_it_is_taken() {
    let client = client(hurried()).await;
    let receiver =
        Receiver::answering([Next::Status(503), Next::Status(503), Next::Status(204)]).await;
    let (_, delivery) = told(&client, &receiver).await;
    assert_eq!((delivery.state, receiver.got().len()), (Fate::Delivered, 3));
}

#[tokio::test]
async fn not_found_and_gone_disable_it_at_once() {
    for status in [404, 410] {
        let client = client(hurried()).await;
        let receiver = Receiver::answering([Next::Status(status)]).await;
        let (hook, delivery) = told(&client, &receiver).await;
        assert_eq!(
            (delivery.state, delivery.attempts.len()),
            (Fate::Disabled, 1)
        );
        client.running.steer("responses", &answered()).unwrap();
        assert_eq!(client.running.deliveries().len(), 1, "nothing more is sent");
        let (_, all) = client.get(PATH).await;
        assert_eq!(
            (&all["webhooks"][0]["id"], &all["webhooks"][0]["enabled"]),
            (&hook["id"], &json!(false))
        );
    }
}

#[tokio::test]
async fn webhooks_are_of_their_form_and_removed() {
    let client = client(Options::default()).await;
    client
        .running
        .steer("forms", &json!({"id": "f2", "title": "Other"}))
        .unwrap();
    let receiver = Receiver::answering([]).await;
    let (_, hook) = client
        .post("/api/v1/forms/f2/webhooks", json!({"url": receiver.url}))
        .await;
    client.running.steer("responses", &answered()).unwrap();
    assert_eq!(client.running.deliveries().len(), 0);
    let id = text(&hook["id"]);
    assert_eq!(
        client.delete(&format!("{PATH}/{id}")).await.0,
        404,
        "it is another form's"
    );
    assert_eq!(
        client
            .delete(&format!("/api/v1/forms/f2/webhooks/{id}"))
            .await
            .0,
        204
    );
    for (body, status) in [
        (json!({"url": "http://a.example/"}), 422),
        (json!({}), 422),
        (json!({"url": "https://a.example/", "x": 1}), 422),
    ] {
        assert_eq!(client.post(PATH, body).await.0, status);
    }
    assert_eq!(
        client
            .post(
                "/api/v1/forms/none/webhooks",
                json!({"url": "https://a.example/"})
            )
            .await
            .0,
        404
    );
}
