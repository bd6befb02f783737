//! A worker that stands still for longer than its lease.

use penstock_shared::job::state::State;
use penstock_tests::{fixture::job, harness::Snapshot};

use crate::stage::{PATIENCE, Stage};

const EMAIL: &str = "jane@example.com";

/// All but what every living worker writes all the time.
async fn state(stage: &Stage) -> Snapshot {
    let keys = stage.queue.keys(0);
    let pulse = [keys.config(), keys.workers(), keys.wake()];
    let worker = keys.worker("");
    let snapshot = stage.redis.snapshot().await;
    snapshot.without(|key| pulse.iter().any(|own| own == key) || key.starts_with(&worker))
}

#[tokio::test]
async fn it_writes_and_sends_nothing_when_it_wakes() {
    let stage = Stage::start(&[
        "delay=1s:op=create-note:count=1",
        "delay=1s:op=get-duplicate-contact:count=1",
    ])
    .await;
    stage.person(EMAIL);
    // Its calls are answered while it stands still: it wakes with the answers before it, though their time is over.
    let mut stopped = stage.worker().await;
    stage
        .enqueue(&[
            job("answered").contact("c1").note("Once"),
            job("between").email(EMAIL).tag("once"),
        ])
        .await;
    stage.until_calls(2).await;
    stopped.sigstop();
    let _other = stage.worker().await;
    for id in ["answered", "between"] {
        stage.until_state(id, State::Done).await;
    }
    let (calls, before) = (stage.calls(), state(&stage).await);

    stopped.sigcont();
    stopped.wait_for_line("nothing was written", PATIENCE).await;
    stopped.wait_for_line("end=\"returned\"", PATIENCE).await;
    assert_eq!(stage.calls(), calls);
    assert_eq!(state(&stage).await, before);
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (2, 0));

    // It lives, and serves again.
    stage.enqueue(&[job("new").contact("c2")]).await;
    stage.until_done(3).await;
    assert!(stopped.exited().is_none());
}
