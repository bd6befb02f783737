//! Messages: what is sent, and every answer that the API has.

use penstock_shared::job::state::State;
use serde_json::{Value, json};

use crate::stage::{ANN, ANN_THERE, Stage, sms};

#[tokio::test]
async fn a_message_is_sent_once_under_the_jobs_id() {
    let stage = Stage::start().await;
    // Its moment must not be lost on a machine whose table of time zones has not that of Paris. An empty one would not be taken for a table.
    let zones = tempfile::tempdir().unwrap();
    std::fs::write(zones.path().join("Nowhere"), "TZif2").unwrap();
    let settings = [("TZDIR", zones.path().to_str().unwrap())];
    let _worker = stage.worker_with(&stage.connections(), &settings).await;
    let more = json!({
        "sender": "Acme", "pushType": "alert", "sendAt": "2030-07-01T10:00:00Z", "unicode": true,
    });
    stage.enqueue(&[sms("m1", more)]).await;
    let result = stage.result("m1").await;
    assert!(result["ticket"].is_string(), "{result}");
    assert_eq!(
        (&result["cost"], &result["credits"]),
        (&json!(1), &json!(9_999))
    );
    let sent = stage.sms_effects("sms");
    assert_eq!(sent.len(), 1);
    let content = Value::Object(sent[0].change.content.clone());
    let expected = json!({
        "to": ANN_THERE, "text": "Your table is ready", "gsmsmsid": "m1", "simulated": false,
        "sender": "Acme", "pushtype": "alert", "delay": "2030-07-01 12:00:00",
    });
    assert_eq!(content, expected);
}

#[tokio::test]
async fn a_message_whose_moment_has_passed_is_sent_at_once() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    let passed = json!({ "sendAt": "2020-07-01T10:00:00Z" });
    let mut tried = passed.clone();
    tried["simulate"] = true.into();
    stage.enqueue(&[sms("m1", passed), sms("m2", tried)]).await;
    assert!(stage.result("m1").await["ticket"].is_string());
    assert_eq!(stage.result("m2").await["simulated"], true);
    let sent = &stage.sms_effects("sms")[0];
    assert_eq!(sent.change.content["delay"], Value::Null);
}

#[tokio::test]
async fn a_simulated_message_is_sent_to_nobody() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[sms("m1", json!({ "simulate": true }))])
        .await;
    let result = stage.result("m1").await;
    assert_eq!(result["simulated"], true);
    assert_eq!(result.get("ticket"), None);
    assert_eq!(stage.sms_effects("sms").len(), 0);
    assert_eq!(stage.sms_effects("sms-simulated").len(), 1);
}

#[tokio::test]
async fn a_number_on_the_blacklist_is_refused_with_the_reason() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    let stop = json!({ "from": ANN_THERE, "message": "STOP" });
    stage.sms.steer("replies", &stop).unwrap();
    stage.enqueue(&[sms("m1", json!({}))]).await;
    let dead = stage.dead("m1").await;
    assert_eq!(dead.cause, "rejected");
    let error = dead.run.text("error").unwrap();
    assert!(error.contains("on the blacklist"), "{error}");
    assert!(!error.contains(ANN_THERE) && !error.contains(ANN));
}

#[tokio::test]
async fn what_is_under_moderation_is_accepted_and_never_sent_again() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage
        .sms
        .set_faults(["code=-8:effect=yes:op=send"])
        .unwrap();
    stage.enqueue(&[sms("m1", json!({}))]).await;
    assert_eq!(stage.result("m1").await["moderated"], true);
    assert_eq!(stage.sms_calls("send"), 1);
}

#[tokio::test]
async fn without_credits_the_tenant_waits_and_goes_on_when_there_are_some() {
    let stage = Stage::with(|sms| sms.credits = 0, |_| {}).await;
    let _worker = stage.worker().await;
    stage.enqueue(&[sms("m1", json!({}))]).await;
    stage.until_held("smsfactor", "no-credits").await;
    assert!(stage.whys("m1").await.contains(&"no-credits".to_owned()));
    let job = stage.status("m1").await;
    assert_eq!((job.state, job.attempts()), (State::Ready, 0));
    stage
        .sms
        .steer("account", &json!({ "credits": 5 }))
        .unwrap();
    stage.ask(&["tenant", "resume", "acme"]).await;
    assert_eq!(stage.result("m1").await["credits"], 4);
}

#[tokio::test]
async fn a_token_that_is_refused_holds_the_tenant_until_a_worker_has_another() {
    let stage = Stage::with(|sms| sms.tokens = vec!["the-right-one".into()], |_| {}).await;
    let first = stage.worker().await;
    stage.enqueue(&[sms("m1", json!({}))]).await;
    stage.until_held("smsfactor", "needs-authorisation").await;
    drop(first);
    let right = stage.connections().replace("sms-token", "the-right-one");
    let _second = stage.worker_with(&right, &[]).await;
    stage.result("m1").await;
    assert_eq!(stage.status("m1").await.attempts(), 0);
}

#[tokio::test]
async fn a_tenant_without_a_token_of_its_own_waits_for_one() {
    let stage = Stage::start().await;
    let of_another = stage.connections().replace("acme", "other");
    let _worker = stage.worker_with(&of_another, &[]).await;
    stage.enqueue(&[sms("m1", json!({}))]).await;
    stage.until_held("smsfactor", "needs-authorisation").await;
    assert_eq!(stage.sms_calls("send"), 0);
}
