//! Quotas, 429 and the breaker: each destination has its own.

use std::time::Duration;

use penstock_tests::{fixture::job, harness::wait_until};
use serde_json::json;

use crate::stage::{PATIENCE, Stage, call, sms};

#[tokio::test]
async fn two_workers_keep_to_the_quota_together() {
    const MESSAGES: usize = 16;
    let stage = Stage::with(|sms| sms.burst.calls = 5, |_| {}).await;
    let five = stage.connections().replace("1000/1s", "5/1s");
    let _first = stage.worker_with(&five, &[]).await;
    let _second = stage.worker_with(&five, &[]).await;
    let messages: Vec<_> = (0..MESSAGES)
        .map(|at| sms(&format!("m{at}"), json!({ "to": format!("+336{at:08}") })))
        .collect();
    stage.enqueue(&messages).await;
    for at in 0..MESSAGES {
        stage.result(&format!("m{at}")).await;
    }
    let seen = stage.sms.summary();
    assert_eq!((seen.calls, seen.over_quota), (16, 0));
}

#[tokio::test]
async fn a_429_holds_its_destination_alone_and_costs_no_attempt() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage.sms.set_faults(["429:retry-after=2:count=1"]).unwrap();
    stage.enqueue(&[sms("m1", json!({}))]).await;
    stage.until_held("smsfactor", "throttled").await;
    stage
        .enqueue(&[call("read", "GET", "/profiles", json!({}))])
        .await;
    stage.result("read").await;
    stage.result("m1").await;
    assert_eq!(stage.status("m1").await.attempts(), 0);
    let calls = stage.sms.calls_after(0);
    let waited = calls[1].at.since(calls[0].done_at.unwrap());
    assert!(waited + Duration::from_millis(20) >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_destination_that_fails_has_a_breaker_of_its_own() {
    let stage = Stage::start().await;
    let _worker = stage
        .worker_with(&stage.connections(), &[("PENSTOCK_MAX_ATTEMPTS", "1000")])
        .await;
    stage.sms.set_faults(["503:op=post-blacklist"]).unwrap();
    let numbers: Vec<_> = (0..6)
        .map(|at| {
            let number = json!({ "phone": format!("+336{at:08}") });
            job(&format!("b{at}")).what("SmsBlacklist", number)
        })
        .collect();
    stage.enqueue(&numbers).await;
    wait_until("the breaker to open", PATIENCE, || async {
        stage.lane("smsfactor").await.breaker_open.then_some(())
    })
    .await;
    stage
        .enqueue(&[call("read", "GET", "/profiles", json!({}))])
        .await;
    stage.result("read").await;
    assert!(!stage.lane("crm").await.breaker_open);
    stage.sms.set_faults([]).unwrap();
    for at in 0..6 {
        stage.result(&format!("b{at}")).await;
    }
    assert!(!stage.lane("smsfactor").await.breaker_open);
}
