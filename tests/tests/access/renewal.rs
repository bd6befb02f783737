//! Tokens that end, and refresh tokens that work once: whatever happens in between, no job is lost, and one call renews.

use std::time::Duration;

use penstock_shared::{ghl::GrantState, job::state::State};
use penstock_tests::{
    fixture::{Draft, job},
    harness::wait_until,
};

use crate::stage::{ACME, PATIENCE, Stage};

const LOST: &str = "cut-after:op=get-access-token:count=1";

fn jobs(count: usize) -> Vec<Draft> {
    let one = |at| {
        job(&format!("note-{at}"))
            .contact(&format!("c-{at}"))
            .note("Once")
    };
    (0..count).map(one).collect()
}

#[tokio::test]
async fn a_herd_of_workers_whose_token_has_ended_renews_it_once() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.marketplace().expire(ACME);
    stage.enqueue(&jobs(60)).await;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(stage.worker().await);
    }
    stage.until_done(60).await;
    let installed = stage.installed();
    assert_eq!((installed.refreshes, installed.reuses), (1, 0));
    let seen = stage.sandbox.summary();
    assert_eq!(seen.duplicates, 0, "a refused call is no effect");
}

#[tokio::test]
async fn tokens_are_renewed_ahead_of_their_end_by_one_of_many() {
    let stage = Stage::start().await;
    stage.marketplace().set_token_life(Duration::from_secs(4));
    stage.connect(ACME).await;
    let _workers = [stage.worker().await, stage.worker().await];
    stage
        .until_grant(ACME, "renewed twice", |listed| listed.version >= 3)
        .await;
    stage.enqueue(&jobs(5)).await;
    stage.until_done(5).await;
    assert_eq!(stage.installed().reuses, 0);
    let refused = stage.sandbox.calls_after(0).into_iter();
    let refused: Vec<_> = refused.filter(|call| call.status == Some(401)).collect();
    assert!(
        refused.is_empty(),
        "no call had a token that had ended: {refused:?}"
    );
}

#[tokio::test]
async fn an_answer_of_a_server_that_did_nothing_is_asked_for_once_more() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.marketplace().expire(ACME);
    stage.faults(&["503:op=get-access-token:count=1"]);
    stage.enqueue(&jobs(1)).await;
    let _worker = stage.worker().await;
    stage.until_done(1).await;
    let installed = stage.installed();
    assert_eq!((installed.refreshes, installed.reuses), (1, 0));
}

#[tokio::test]
async fn a_lost_answer_costs_the_grant_and_no_job() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.marketplace().expire(ACME);
    stage.faults(&[LOST]);
    stage.enqueue(&jobs(3)).await;
    let worker = stage.worker().await;
    stage.until_held(ACME, "needs-authorisation").await;
    let told = worker
        .wait_for_line("needs a new authorisation", PATIENCE)
        .await;
    assert!(
        told.contains("was lost") && told.contains("/oauth/install"),
        "{told}"
    );
    let installed = stage.installed();
    assert_eq!(
        (installed.refreshes, installed.reuses),
        (1, 1),
        "once more, and no more"
    );
    let held = stage.until_state("note-0", State::Ready).await;
    assert_eq!(held.attempts(), 0);
    let why = stage.ask(&["job", "why", "note-0"]).await.to_string();
    assert!(why.contains("needs-authorisation"), "{why}");
    // Whoever connects the account anew lets all go on.
    stage.connect(ACME).await;
    stage.until_done(3).await;
}

#[tokio::test]
async fn a_worker_that_is_killed_with_the_answer_costs_the_grant_and_no_job() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.marketplace().expire(ACME);
    stage.enqueue(&jobs(1)).await;
    let mut killed = stage.failing("after-renewal:abort").await;
    killed.wait_exit(PATIENCE).await;
    let _next = stage.worker().await;
    stage
        .until_grant(ACME, "given up", |listed| {
            listed.state == GrantState::NeedsAuthorisation
        })
        .await;
    stage.until_held(ACME, "needs-authorisation").await;
    stage.connect(ACME).await;
    stage.until_done(1).await;
}

/// The answer in its hand is the only one that is good: it counts, though another was the refresher by then, and has given up.
#[tokio::test]
async fn a_worker_that_stood_still_with_the_answer_brings_it_all_the_same() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.marketplace().expire(ACME);
    stage.enqueue(&jobs(1)).await;
    let mut stopped = stage.failing("after-renewal:stop").await;
    stopped.wait_for_line("failpoint", PATIENCE).await;
    let next = stage.worker().await;
    next.wait_for_line("needs a new authorisation", PATIENCE)
        .await;
    stopped.sigcont();
    stage
        .until_grant(ACME, "active again", |listed| {
            listed.state == GrantState::Active
        })
        .await;
    stage.until_done(1).await;
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_hears_out_what_it_has_asked_for() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.marketplace().set_token_life(Duration::from_secs(600));
    stage.faults(&["delay=1s:op=get-access-token:count=1"]);
    let name = crate::stage::granted(ACME);
    let stamp = stage
        .queue
        .grant(&name)
        .await
        .unwrap()
        .unwrap()
        .grant
        .stamp();
    let mut worker = stage.worker().await;
    assert!(stage.queue.hasten_grant(&name, &stamp).await.unwrap());
    stage
        .sandbox
        .until(|seen| seen.by_operation.get("get-access-token") == Some(&2))
        .await;
    worker.sigterm();
    assert_eq!(worker.wait_exit(PATIENCE).await.code(), Some(0));
    let listed = stage
        .until_grant(ACME, "renewed", |listed| listed.version == 2)
        .await;
    assert_ne!(listed.stamp, stamp);
}

#[tokio::test]
async fn a_worker_that_has_nothing_to_renew_finishes_its_calls_when_it_is_told_to_stop() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.faults(&["delay=1s:op=create-note"]);
    let mut worker = stage.worker().await;
    stage.enqueue(&jobs(1)).await;
    wait_until("the call to be under way", PATIENCE, || async {
        (stage.calls_of("create-note").len() == 1).then_some(())
    })
    .await;
    worker.sigterm();
    assert_eq!(worker.wait_exit(PATIENCE).await.code(), Some(0));
    let job = stage.status("note-0").await;
    assert_eq!(job.state, State::Done, "{job:?}");
    assert_eq!(stage.calls_of("create-note").len(), 1);
}

#[tokio::test]
async fn an_app_that_is_refused_costs_no_grant() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.marketplace().expire(ACME);
    stage.enqueue(&jobs(1)).await;
    let wrong = stage
        .worker_with(&[("PENSTOCK_GHL_CLIENT_SECRET", "wrong")])
        .await;
    wrong.wait_for_line("the app is refused", PATIENCE).await;
    stage.until_held(ACME, "needs-authorisation").await;
    stage
        .until_grant(ACME, "as before", |listed| {
            listed.state == GrantState::Active && listed.version == 1
        })
        .await;
    drop(wrong);
    let _right = stage.worker().await;
    stage.ask(&["tokens", "rotate", ACME, "--oauth"]).await;
    stage.until_done(1).await;
    assert_eq!(stage.installed().reuses, 0);
}
