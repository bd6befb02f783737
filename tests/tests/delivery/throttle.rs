//! 429: the tenant waits, everywhere, and nothing is used up.

use std::time::Duration;

use penstock_shared::job::state::State;
use penstock_tests::fixture::job;

use crate::stage::{ACME, HTTP_TIMEOUT, Stage};

/// Between the clocks of Redis and the sandbox, which both go by milliseconds.
const CLOCKS: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_429_holds_its_tenant_on_every_worker_and_costs_no_attempt() {
    let stage = Stage::start(&["429:retry-after=4:tenant=acme:count=1"]).await;
    let _workers = (stage.worker().await, stage.worker().await);
    stage.enqueue(&[job("first").note("Once")]).await;
    stage.until_held(ACME, "throttled").await;
    let later: Vec<_> = (0..10).map(|at| job(&format!("later-{at}"))).collect();
    stage.enqueue(&later).await;
    stage.enqueue(&[job("elsewhere").of("other")]).await;
    stage
        .until_seen("the other tenant", |seen| {
            seen.by_tenant.contains_key("other")
        })
        .await;
    assert_eq!(
        stage.calls_of(ACME).len(),
        1,
        "the other tenant never notices"
    );

    stage.until_done(12).await;
    let calls = stage.calls_of(ACME);
    let held_from = calls[0].done_at.expect("it was answered");
    for call in &calls[1..] {
        let waited = call.at.since(held_from);
        assert!(
            waited + CLOCKS >= Duration::from_secs(4),
            "called after {waited:?}"
        );
    }
    // A refused call had no effect: nothing is read back.
    let notes: Vec<_> = calls
        .iter()
        .filter(|call| call.operation != "add-tags")
        .collect();
    let of_note: Vec<_> = notes
        .iter()
        .map(|call| (call.operation, call.status))
        .collect();
    assert_eq!(
        of_note,
        [("create-note", Some(429)), ("create-note", Some(201))]
    );
    for id in ["first", "later-0", "later-9"] {
        assert_eq!(stage.status(id).await.attempts(), 0, "{id}");
    }
}

#[tokio::test]
async fn without_a_retry_after_the_tenant_waits_for_one_window() {
    let stage = Stage::start(&["429:count=1"]).await;
    let _worker = stage.worker_with(&[("PENSTOCK_GHL_BURST", "100/3s")]).await;
    stage.enqueue(&[job("one")]).await;
    stage.until_done(1).await;
    let calls = stage.calls();
    assert_eq!(calls.len(), 2);
    let waited = calls[1].at.since(calls[0].done_at.unwrap());
    assert!(
        waited + CLOCKS >= Duration::from_secs(3),
        "called after {waited:?}"
    );
}

#[tokio::test]
async fn an_absurd_retry_after_is_believed_for_an_hour() {
    for absurd in ["99999999999", "Fri\\, 01 Jan 2100 00\\:00\\:00 GMT"] {
        let fault = format!("429:retry-after={}", absurd.replace("\\,", ","));
        let stage = Stage::start(&[&fault]).await;
        let _worker = stage.worker().await;
        let before = stage.queue.now().await.unwrap();
        stage.enqueue(&[job("one")]).await;
        let lane = stage.until_held(ACME, "throttled").await;
        let (until, now) = (
            lane.held_until_ms.unwrap(),
            stage.queue.now().await.unwrap(),
        );
        let hour = 3_600_000;
        assert!(
            (before + hour..=now + hour).contains(&until),
            "{absurd}: {until}"
        );
        let job = stage.until_state("one", State::Ready).await;
        assert_eq!((job.attempts(), stage.calls().len()), (0, 1));
    }
}

/// Who stands before the API may answer for it, and pass the call on all the same: it counts when it comes.
#[tokio::test]
async fn what_a_gateway_has_given_up_may_still_be_counted() {
    let stage = Stage::start(&["504:count=1"]).await;
    let settings = [
        ("PENSTOCK_GHL_BURST", "1/1s"),
        ("PENSTOCK_QUARANTINE", "2s"),
    ];
    let _worker = stage.worker_with(&settings).await;
    stage
        .enqueue(&[job("a").contact("c1"), job("b").contact("c2")])
        .await;
    stage.until_done(2).await;
    let calls = stage.calls_of(ACME);
    let waited = calls[1].at.since(calls[0].done_at.unwrap());
    let least = HTTP_TIMEOUT + Duration::from_secs(2 + 1);
    assert!(waited + CLOCKS >= least, "called after {waited:?}");
}
