//! Redis' clock is set while the API may still apply a call.

use std::time::Duration;

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::job,
    harness::{Direction, Flow, Program, Proxy, RedisOptions, wait_until},
    sandbox::Options,
};

use crate::stage::{PATIENCE, Stage};

/// Much more than the quarantine.
const HOUR: i64 = 3_600_000;
const QUARANTINE: [(&str, &str); 1] = [("PENSTOCK_QUARANTINE", "8s")];

fn own_clock() -> RedisOptions {
    RedisOptions {
        own_clock: true,
        ..RedisOptions::default()
    }
}

async fn stage() -> Stage {
    let sandbox = Options {
        faults: vec!["late=7s:op=create-note:count=1".parse().unwrap()],
        ..Options::default()
    };
    Stage::on(own_clock(), sandbox).await
}

/// Its note has no answer, and is not there yet.
async fn in_doubt(stage: &Stage) {
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage
        .until_job("note", "in quarantine", |job| {
            job.state == State::Scheduled && job.run.text("unanswered").is_some()
        })
        .await;
}

/// Sets Redis' clock, and waits until the worker has noticed.
async fn set_clock(stage: &Stage, worker: &Program, by: i64) {
    let told = worker.stderr().len();
    stage.redis.set_clock(by);
    worker
        .wait_for_line_from(told, "clock was set", PATIENCE)
        .await;
}

/// The API has applied the call, late, and the job has found that.
async fn was_found(stage: &Stage) {
    stage.until_done(1).await;
    let operations = stage.operations_on("c1");
    let made = operations.iter().filter(|name| **name == "create-note");
    assert_eq!(made.count(), 1, "{operations:?}");
    assert_eq!(stage.sandbox.summary().effects, 1);
}

#[tokio::test]
async fn set_ahead_and_ahead_it_ends_no_quarantine() {
    let stage = stage().await;
    let worker = stage.worker_with(&QUARANTINE).await;
    in_doubt(&stage).await;
    // Enough for both looks, and the call after them.
    for _ in 0..4 {
        set_clock(&stage, &worker, HOUR).await;
    }
    was_found(&stage).await;
}

#[tokio::test]
async fn set_back_and_right_again_it_ends_no_quarantine() {
    let stage = stage().await;
    let worker = stage.worker_with(&QUARANTINE).await;
    in_doubt(&stage).await;
    // Never ahead: what is put off then waits an hour longer.
    for by in [-HOUR, HOUR, -HOUR, HOUR] {
        set_clock(&stage, &worker, by).await;
    }
    was_found(&stage).await;
}

/// Nobody can tell a clock that was set from time that has passed.
#[tokio::test]
async fn set_ahead_while_no_worker_lives_it_ends_no_quarantine() {
    let stage = stage().await;
    let mut worker = stage.worker_with(&QUARANTINE).await;
    in_doubt(&stage).await;
    // For each look another one.
    for _ in 0..3 {
        worker.sigterm();
        worker.wait_exit(PATIENCE).await;
        stage.redis.set_clock(HOUR);
        let asked = stage.status("note").await.run;
        worker = stage.worker_with(&QUARANTINE).await;
        stage
            .until_job("note", "put off once more", |job| {
                job.state == State::Scheduled && job.run != asked || job.state == State::Done
            })
            .await;
    }
    was_found(&stage).await;
}

/// Nobody takes it for a sign that permits have come back.
#[tokio::test]
async fn set_ahead_it_sends_no_more_than_the_quota() {
    const BURST: u64 = 10;
    let mut quota = Options::default();
    (quota.quota.burst.calls, quota.quota.burst.window) = (10, Duration::from_secs(4));
    let stage = Stage::on(own_clock(), quota).await;
    let settings = [("PENSTOCK_GHL_BURST", "10/4s")];
    let workers = [
        stage.worker_with(&settings).await,
        stage.worker_with(&settings).await,
    ];
    let jobs: Vec<_> = (0..3 * BURST).map(|at| job(&at.to_string())).collect();
    stage.enqueue(&jobs).await;
    for windows in 1..3 {
        stage.until_done(windows * BURST).await;
        stage.redis.set_clock(HOUR);
        // A producer may be the first to look at the lane.
        stage.enqueue(&[job(&format!("since-{windows}"))]).await;
    }
    stage.until_done(3 * BURST + 2).await;
    let lines = workers.iter().flat_map(Program::stderr);
    let noticed = lines.filter(|line| line.contains("clock was set")).count();
    assert!(noticed >= 2, "{noticed}");
    let summary = stage.sandbox.summary();
    assert_eq!((summary.calls, summary.over_quota), (3 * BURST + 2, 0));
}

/// One that has no free slot claims nothing, and tells that it lives all the same: those that have just started are to believe it.
#[tokio::test]
async fn a_slow_link_of_a_busy_worker_keeps_nothing_from_new_ones() {
    // Two of its heartbeats come within two thirds of that.
    const LEASE: (&str, &str) = ("PENSTOCK_LEASE", "6s");
    let sandbox = Options {
        faults: vec!["delay=40s:op=add-tags:count=1".parse().unwrap()],
        ..Options::default()
    };
    let stage = Stage::on(RedisOptions::default(), sandbox).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let url = proxy.redis_url();
    let busy = [
        ("PENSTOCK_REDIS_URL", url.as_str()),
        ("PENSTOCK_CONCURRENCY", "1"),
        ("PENSTOCK_HTTP_TIMEOUT", "60s"),
        LEASE,
    ];
    let _busy = stage.worker_with(&busy).await;
    stage.enqueue(&[job("long")]).await;
    stage
        .until_job("long", "under way", |job| job.state == State::Running)
        .await;
    proxy.set(Direction::ToServer, Flow::Delay(Duration::from_secs(1)));
    let config = stage.queue.keys(0).config();
    wait_until("its clock to seem slow", PATIENCE, || async {
        let seems: bool = stage.redis.get(["HEXISTS", &config, "ahead"]).await;
        seems.then_some(())
    })
    .await;
    let _new = stage.worker_with(&[LEASE]).await;
    stage.enqueue(&[job("next").contact("other")]).await;
    stage.until_done(1).await;
    assert_eq!(stage.status("long").await.state, State::Running);
}

/// It is not taken for a clock that was set, but once.
#[tokio::test]
async fn a_link_that_has_become_slow_keeps_nothing_back() {
    let stage = Stage::start(&[]).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let url = proxy.redis_url();
    let worker = stage.worker_with(&[("PENSTOCK_REDIS_URL", &url)]).await;
    stage.enqueue(&[job("quick")]).await;
    stage.until_done(1).await;
    proxy.set(Direction::ToServer, Flow::Delay(Duration::from_secs(1)));
    for done in 2..4 {
        stage.enqueue(&[job(&format!("slow-{done}"))]).await;
        stage.until_done(done).await;
    }
    let lines = worker.stderr();
    assert!(!lines.iter().any(|line| line.contains("clock was set")));
}
