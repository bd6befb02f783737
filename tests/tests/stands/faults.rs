//! Faults, of both stand-ins.

use penstock_tests::smsfactor::Account;
use penstock_tests::{smore, smsfactor as sms_stand};
use reqwest::Method;
use serde_json::json;

use crate::client::Client;
use crate::smsfactor::{NUMBER, OTHER, client, sms};

async fn with(spec: &str) -> Client<Account> {
    let client = client().await;
    client.running.set_faults([spec]).unwrap();
    client
}

fn sending(client: &Client<Account>, to: &str) -> reqwest::RequestBuilder {
    let body = sms(&[("job-1", to)], "Hello");
    client.request(Method::POST, "/send").json(&body)
}

#[tokio::test]
async fn an_answer_is_lost_before_the_effect_or_after() {
    for (fault, effects) in [("cut-before", 0), ("cut-after", 1)] {
        let client = with(fault).await;
        assert!(sending(&client, NUMBER).send().await.is_err());
        client
            .until(|summary| summary.statuses.contains_key("none"))
            .await;
        assert_eq!(client.running.summary().effects, effects, "{fault}");
    }
}

#[tokio::test]
async fn an_effect_comes_after_its_connection_was_closed() {
    let client = with("late=20ms").await;
    assert!(sending(&client, NUMBER).send().await.is_err());
    client.until(|summary| summary.effects == 1).await;
}

#[tokio::test]
async fn an_answer_tells_a_status_in_its_body_with_the_effect_or_without() {
    for (fault, code, effects) in [
        ("code=-8:effect=yes", -8, 1),
        ("code=-3", -3, 0),
        ("code=-99", -99, 0),
    ] {
        let client = with(fault).await;
        let (status, body) = crate::client::told(sending(&client, NUMBER)).await;
        assert_eq!((status, &body["status"]), (200, &json!(code)));
        assert_eq!(client.running.summary().effects, effects, "{fault}");
        assert_eq!(client.running.calls_after(0)[0].code, Some(code));
    }
}

#[tokio::test]
async fn errors_pages_and_spoilt_answers_come() {
    let client = with("503:message=away:retry-after=7").await;
    let answer = sending(&client, NUMBER).send().await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["retry-after"].as_bytes()
        ),
        (503, &b"7"[..])
    );
    assert_eq!(answer.text().await.unwrap(), r#"{"error":"away"}"#);
    let client = with("429").await;
    assert_eq!(sending(&client, NUMBER).send().await.unwrap().status(), 429);
    assert_eq!(
        client.running.summary().over_quota,
        0,
        "a faulted 429 is no breach"
    );
    let client = with("html:status=200").await;
    let answer = sending(&client, NUMBER).send().await.unwrap();
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    for (fault, whole) in [("garbage", true), ("cut-body", false)] {
        let client = with(fault).await;
        let answer = sending(&client, NUMBER).send().await.unwrap();
        let body = answer.bytes().await;
        assert_eq!(body.is_ok(), whole, "{fault}");
        assert!(
            body.is_err() || serde_json::from_slice::<serde_json::Value>(&body.unwrap()).is_err()
        );
        assert_eq!(client.running.summary().effects, 1);
    }
}

#[tokio::test]
async fn a_slow_answer_has_taken_effect_or_not() {
    for (fault, effects) in [("hang-after", 1), ("hang", 0)] {
        let client = with(fault).await;
        let answer = tokio::spawn(sending(&client, NUMBER).send());
        client
            .until(|summary| summary.faults == 1 && summary.effects == effects)
            .await;
        assert!(!answer.is_finished());
        client.running.stop().await;
        assert!(answer.await.unwrap().is_err(), "{fault}");
    }
}

#[tokio::test]
async fn only_the_calls_meant_are_struck() {
    let client = with("503:op=send:contact=33612345677:count=1").await;
    let status = async |to| sending(&client, to).send().await.unwrap().status().as_u16();
    assert_eq!(
        (status(NUMBER).await, client.get("/credits").await.0),
        (200, 200)
    );
    assert_eq!((status(OTHER).await, status(OTHER).await), (503, 200));
    assert_eq!(
        client.running.calls_after(2)[0].fault.as_deref(),
        Some("503:op=send:contact=33612345677:count=1")
    );
}

#[test]
fn what_is_no_fault_of_a_stand_in_is_refused() {
    for spec in [
        "list-lag=2s",
        "search-lag=2s",
        "duplicate=c1",
        "503:op=create-note",
        "code=few",
        "explode",
    ] {
        let error = sms_stand::fault(spec).unwrap_err();
        assert!(error.contains('`'), "{error}");
    }
    assert!(
        smore::fault("code=-8").is_err(),
        "Smore's bodies have no status"
    );
    assert!(
        smore::fault("503:op=crm-create-note").is_ok()
            && sms_stand::fault("code=-8:effect=yes:op=send").is_ok()
    );
}
