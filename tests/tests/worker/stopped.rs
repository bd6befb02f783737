//! A worker that stands still for longer than its lease.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::job,
    harness::{Program, Proxy, Snapshot, wait_until},
    lab::world::FRAGILE,
};

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

/// A worker that stands still at this point, with the note `a` in hand.
pub(crate) async fn stopped_at(stage: &Stage, point: &str) -> Program {
    let stop = format!("{point}:stop");
    let stopped = stage.begin_of(FRAGILE, &[("PENSTOCK_FAILPOINT", &stop)]);
    stopped.wait_for_line("ready worker=", PATIENCE).await;
    stage.enqueue(&[job("a").contact("c1").note("Once")]).await;
    stopped.wait_for_line(point, PATIENCE).await;
    stopped
}

/// That, and another one that has done it meanwhile.
async fn done_by_another(stage: &Stage, point: &str) -> [Program; 2] {
    let stopped = stopped_at(stage, point).await;
    let other = stage.worker().await;
    stage.until_state("a", State::Done).await;
    [stopped, other]
}

/// Its intent stands, but its lease has ended: that it sees by itself, just before it sends.
#[tokio::test]
async fn it_does_not_send_what_it_was_about_to_send() {
    let stage = Stage::start(&[]).await;
    let [mut stopped, _other] = done_by_another(&stage, "after-intent").await;
    let calls = stage.calls();
    stopped.sigcont();
    stopped.wait_for_line("nothing was written", PATIENCE).await;
    assert_eq!(stage.calls(), calls);
    assert_eq!(stage.sandbox.summary().effects, 1);
}

/// Between the check and the send nothing can be seen. What it makes then is kept, and told whatever becomes of it.
#[tokio::test]
async fn what_it_has_made_too_late_is_told_though_it_dies() {
    let stage = Stage::start(&[]).await;
    let [mut stopped, mut other] = done_by_another(&stage, "before-send").await;
    other.kill9();
    stopped.sigcont();
    stopped.wait_for_line("nothing was written", PATIENCE).await;
    stopped.kill9();
    let _third = stage.worker().await;
    let told = wait_until("the twin to be told", PATIENCE, || async {
        stage.queue.twins(None).await.ok()?.pop()
    })
    .await;
    let (done, _) = stage.status("a").await.done.unwrap();
    assert_eq!((told.id.as_str(), Some(told.kept)), ("a", done.effect));
    assert_eq!((told.twins.len(), told.dead), (1, false));
    assert_eq!(stage.sandbox.summary().effects, 2);
}

/// It runs, and is alone without Redis: another one takes its job over, and need not find out what came of it.
#[tokio::test]
async fn one_that_was_cut_off_says_later_what_its_call_came_to() {
    let stage = Stage::start(&["delay=1s:op=create-note:count=1"]).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let cut_off = stage
        .worker_with(&[("PENSTOCK_REDIS_URL", &proxy.redis_url())])
        .await;
    stage.enqueue(&[job("a").contact("c1").note("Once")]).await;
    stage.until_calls(1).await;
    proxy.refuse(true);
    proxy.cut();
    let _other = stage.worker().await;
    stage
        .until_job("a", "taken over", |job| {
            job.state == State::Scheduled && job.run.deliveries() > 0
        })
        .await;
    proxy.refuse(false);
    cut_off.wait_for_line("nothing was written", PATIENCE).await;
    stage.until_done(1).await;
    let seen = stage.sandbox.summary();
    assert_eq!(
        (seen.calls, seen.effects),
        (1, 1),
        "nobody had to look for it"
    );
}
