//! 5xx: repeated with back-off, counted, and at last dead; an outage opens the breaker, and costs what is held nothing.

use std::time::Duration;

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::wait_until,
    sandbox::Call,
};
use serde_json::json;

use crate::stage::{ACME, PATIENCE, Stage};

/// Failures in a row that open the breaker.
const OPENS: usize = 5;
/// Between two probes, less what clocks differ by.
const PROBES_APART: Duration = Duration::from_millis(4_950);

#[tokio::test]
async fn a_failing_job_is_repeated_and_each_attempt_is_counted() {
    let stage = Stage::start(&["503:op=add-tags:count=2"]).await;
    let _worker = stage.worker().await;
    stage.enqueue(&[job("tags").contact("c1")]).await;
    stage.until_done(1).await;
    assert_eq!(stage.status("tags").await.attempts(), 2);
    assert_eq!(stage.operations_on("c1"), ["add-tags"; 3]);
}

#[tokio::test]
async fn a_job_without_attempts_left_is_dead_and_says_how_it_failed() {
    let stage = Stage::start(&["503:contact=c1:message=upstream is gone"]).await;
    let _worker = stage.worker().await;
    let of = |id: &str| job(id).contact("c1");
    stage
        .enqueue(&[of("dies").max_attempts(3), of("next").max_attempts(1)])
        .await;
    stage.until_state("next", State::Dead).await;
    for (id, attempts) in [("dies", 3), ("next", 1)] {
        let dead = stage.dead(id).await;
        assert_eq!(
            (dead.cause.as_str(), dead.run.attempts()),
            ("exhausted", attempts)
        );
        assert_eq!(dead.run.text("httpStatus"), Some("503"));
        let error = dead.run.text("error").unwrap_or_default();
        assert!(error.contains("upstream is gone"), "{error}");
        let history = stage.queue.history(ACME, id).await.unwrap();
        assert_eq!(history.len(), usize::try_from(attempts).unwrap());
        assert!(history.iter().all(|attempt| attempt["httpStatus"] == 503));
    }
    assert_eq!(stage.calls_on("c1").len(), 4, "no call but the attempts");
}

#[tokio::test]
async fn the_retry_after_of_a_5xx_is_the_least_delay() {
    let stage = Stage::start(&["503:retry-after=3:count=1"]).await;
    let _worker = stage.worker().await;
    stage.enqueue(&[job("tags").contact("c1")]).await;
    stage.until_done(1).await;
    let calls = stage.calls_on("c1");
    let waited = calls[1].at.since(calls[0].done_at.unwrap());
    assert!(
        waited >= Duration::from_millis(2_950),
        "called after {waited:?}"
    );
}

/// The API fails for one tenant, whose jobs are `of`; returns once the breaker has let two probes through.
async fn outage(of: impl Fn(String) -> Draft) -> Stage {
    let stage = Stage::start(&["503:tenant=acme"]).await;
    let first: Vec<_> = (0..OPENS).map(|at| of(format!("first-{at}"))).collect();
    stage.enqueue(&first).await;
    stage
}

async fn until_open(stage: &Stage) {
    wait_until("the breaker to open", PATIENCE, || async {
        stage.lane(ACME).await.breaker_open.then_some(())
    })
    .await;
}

/// The calls are one at a time and the least time apart.
fn are_probes(calls: &[Call]) {
    for pair in calls.windows(2) {
        let ended = pair[0].done_at.expect("the one before has ended");
        let apart = pair[1].at.since(ended);
        assert!(apart >= PROBES_APART, "{apart:?} after the one before");
    }
}

async fn attempts(stage: &Stage, ids: impl Iterator<Item = String>) -> u32 {
    let mut attempts = 0;
    for id in ids {
        attempts += stage.status(&id).await.attempts();
    }
    attempts
}

#[tokio::test]
async fn an_outage_opens_the_breaker_and_costs_what_it_holds_nothing() {
    let stage = outage(|id| job(&id)).await;
    let workers = (stage.worker().await, stage.worker().await);
    until_open(&stage).await;
    // Those that had left before it opened are over with.
    wait_until("nothing to be in flight", PATIENCE, || async {
        (stage.queue.stats().await.ok()?.running == 0).then_some(())
    })
    .await;
    let before = stage.calls_of(ACME).len();
    let held: Vec<_> = (0..30).map(|at| job(&format!("held-{at}"))).collect();
    stage.enqueue(&held).await;
    let elsewhere: Vec<_> = (0..30)
        .map(|at| job(&format!("there-{at}")).of("other"))
        .collect();
    stage.enqueue(&elsewhere).await;

    stage.until_done(30).await;
    assert!(
        stage.lane(ACME).await.breaker_open,
        "only the other tenant goes on"
    );
    wait_until("two probes", PATIENCE, || async {
        let calls = stage.calls_of(ACME);
        let probes = calls.get(before..)?;
        (probes.len() >= 2 && probes[1].done_at.is_some()).then_some(())
    })
    .await;
    let ids = (0..30).map(|at| format!("held-{at}"));
    assert_eq!(attempts(&stage, ids).await, 0, "what is held pays nothing");
    let first = (0..OPENS).map(|at| format!("first-{at}"));
    let paid = attempts(&stage, first.clone()).await;
    assert_eq!(
        u32::try_from(before).unwrap(),
        paid,
        "each call before it opened, none after"
    );
    stage.faults(&[]);
    stage.until_done(30 + 30 + 5).await;
    let lane = stage.lane(ACME).await;
    assert!(!lane.breaker_open && lane.why.is_none());
    let probes: Vec<_> = stage.calls_of(ACME).into_iter().skip(before).collect();
    let failed = probes
        .iter()
        .take_while(|call| call.status == Some(503))
        .count();
    are_probes(&probes[..=failed]);
    assert_eq!(
        probes.len(),
        failed + OPENS + 30,
        "none but probes while it was open"
    );
    let (one, other) = &workers;
    let told = async |line| {
        tokio::select! {
            said = one.wait_for_line(line, PATIENCE) => said,
            said = other.wait_for_line(line, PATIENCE) => said,
        }
    };
    let failed = told("the API failed the probe: the breaker stays open").await;
    assert!(failed.contains("status=503"), "{failed}");
    told("the API answered the probe: the breaker is closed").await;
}

#[tokio::test]
async fn an_outage_for_notes_opens_the_breaker_too_and_is_probed_with_a_read() {
    let stage = outage(|id| job(&id).note("Once")).await;
    let _worker = stage.worker().await;
    until_open(&stage).await;
    let before = stage.calls_of(ACME).len();
    wait_until("a probe", PATIENCE, || async {
        (stage.calls_of(ACME).len() > before).then_some(())
    })
    .await;
    let probe = stage.calls_of(ACME).swap_remove(before);
    assert_eq!(
        probe.operation, "get-contact",
        "a call that repeats nothing"
    );
    stage.faults(&[]);
    stage.until_done(5).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (5, 0));
}

/// It would be in doubt each time, and so a dead letter.
#[tokio::test]
async fn an_upsert_that_makes_a_second_contact_is_probed_with_a_look_up() {
    let stage = Stage::start(&["503"]).await;
    let _worker = stage
        .worker_with(&[("PENSTOCK_BACKOFF", "50ms..50ms")])
        .await;
    // It opens the breaker, and is out of the way then.
    let fails = u32::try_from(OPENS).unwrap();
    let first = job("first").contact("c1").max_attempts(fails);
    stage.enqueue(&[first]).await;
    stage.until_state("first", State::Dead).await;
    let second = json!({ "email": "second@example.com", "createNewIfDuplicateAllowed": true });
    stage.enqueue(&[job("second").upsert_of(second)]).await;
    wait_until("two probes", PATIENCE, || async {
        (stage.calls_of(ACME).len() >= OPENS + 2).then_some(())
    })
    .await;
    stage.faults(&[]);
    stage.until_state("second", State::Done).await;
    let calls = stage.calls_of(ACME).split_off(OPENS);
    let (last, looks) = calls.split_last().unwrap();
    assert_eq!(last.operation, "upsert-contact");
    assert!(
        looks
            .iter()
            .all(|call| call.operation == "get-duplicate-contact"),
        "{looks:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_back_for_now_counts_as_failing() {
    let stage = Stage::start(&["cut-before:op=create-note", "503:op=get-all-notes"]).await;
    let _worker = stage.worker().await;
    // Too few to open it by themselves.
    let notes: Vec<_> = (0..OPENS - 2)
        .map(|at| job(&format!("{at}")).note("Once"))
        .collect();
    stage.enqueue(&notes).await;
    until_open(&stage).await;
    let ids = (0..OPENS - 2).map(|at| at.to_string());
    assert_eq!(attempts(&stage, ids).await, 3, "reading costs no attempt");
}

/// The probe reads the contact with the only permit there is, and its own call must wait for the next: by then the API is known to be up.
#[tokio::test]
async fn a_quota_of_one_call_recovers_too() {
    let stage = Stage::start(&["503:op=add-tags"]).await;
    let _worker = stage
        .worker_with(&[
            ("PENSTOCK_GHL_BURST", "1/1s"),
            ("PENSTOCK_BACKOFF", "50ms..50ms"),
        ])
        .await;
    // It opens the breaker, and is out of the way then.
    let fails = u32::try_from(OPENS).unwrap();
    stage
        .enqueue(&[job("tags").contact("c0").max_attempts(fails)])
        .await;
    stage.until_state("tags", State::Dead).await;
    assert!(stage.lane(ACME).await.breaker_open);
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage.until_state("note", State::Done).await;
    assert_eq!(stage.operations_on("c1"), ["get-contact", "create-note"]);
}
