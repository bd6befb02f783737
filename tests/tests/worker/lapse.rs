//! A Redis that comes back without its last moments: restarted from a copy of its files.

use std::time::Duration;

use penstock_shared::{job::state::State, queue::dead::Filter};
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Appendfsync, Program, RedisOptions, free_port, until_counted, wait_until},
    sandbox::Call,
};
use serde_json::json;

use crate::{
    stage::{PATIENCE, Stage},
    stopped::stopped_at,
};

const CONTACTS: usize = 40;

async fn always(faults: &[&str]) -> Stage {
    let options = RedisOptions {
        appendfsync: Appendfsync::Always,
        ..RedisOptions::default()
    };
    Stage::on(options, faults).await
}

fn jobs(kind: impl Fn(Draft) -> Draft) -> Vec<Draft> {
    let of = |at: usize| job(&format!("job-{at}")).contact(&format!("c-{at}"));
    (0..CONTACTS).map(|at| kind(of(at))).collect()
}

/// Half of them are made after the copy was taken, and Redis forgets that.
async fn lose_half(stage: &mut Stage, jobs: &[Draft]) {
    let of = |part: usize| u64::try_from(CONTACTS * part / 4).unwrap();
    stage.enqueue(jobs).await;
    stage
        .until_seen("a quarter of them", |seen| seen.effects >= of(1))
        .await;
    let kept = stage.redis.keep_files();
    stage
        .until_seen("three quarters of them", |seen| seen.effects >= of(3))
        .await;
    // As after a loss of power.
    stage.redis.restart_from(&kept).await;
}

/// Slow enough that a test sees the middle of it.
const FEW: [(&str, &str); 2] = [
    ("PENSTOCK_CONCURRENCY", "4"),
    ("PENSTOCK_GHL_BURST", "60/2s"),
];

#[tokio::test]
async fn notes_that_it_has_forgotten_are_found_and_not_sent_again() {
    let mut stage = always(&["delay=100ms"]).await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let counting = [&FEW[..], &[("PENSTOCK_METRICS_LISTEN", &metrics)]].concat();
    let mut workers = [
        stage.worker_with(&counting).await,
        stage.worker_with(&FEW).await,
    ];
    lose_half(&mut stage, &jobs(|job| job.note("Once"))).await;
    let all = u64::try_from(CONTACTS).unwrap();
    stage.until_done(all).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (all, 0));
    let noticed = "Redis has lost what it had acknowledged";
    let told = workers.iter().map(Program::stderr);
    assert!(told.flatten().any(|line| line.contains(noticed)));
    until_counted(&metrics, "penstock_lapses_total 1", PATIENCE).await;
    for worker in &mut workers {
        assert!(worker.exited().is_none());
    }
}

/// A task cannot be told from an equal one that is older: it is sent once, or a person is told.
#[tokio::test]
async fn tasks_that_it_has_forgotten_are_found_and_reported() {
    let mut stage = always(&["delay=100ms"]).await;
    let _worker = stage.worker_with(&FEW).await;
    lose_half(&mut stage, &jobs(|job| job.task("Once"))).await;
    let all = u64::try_from(CONTACTS).unwrap();
    wait_until("all jobs to end", PATIENCE, || async {
        let stats = stage.queue.stats().await.ok()?;
        (stats.done_total + stats.dead == all).then_some(())
    })
    .await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (all, 0));
    let letters = stage.queue.dead(&Filter::default(), 1000, None).await;
    for letter in letters.unwrap() {
        assert_eq!(letter.cause, "ambiguous");
    }
}

/// Whatever it has forgotten of the calls of a window, the API is asked no more often than it may be.
#[tokio::test]
async fn no_call_is_one_too_many() {
    let mut stage = always(&["delay=100ms"]).await;
    let settings = [
        ("PENSTOCK_GHL_BURST", "40/10s"),
        ("PENSTOCK_CONCURRENCY", "4"),
    ];
    let _workers = (
        stage.worker_with(&settings).await,
        stage.worker_with(&settings).await,
    );
    lose_half(&mut stage, &jobs(|job| job.tag("vip"))).await;
    stage.until_done(u64::try_from(CONTACTS).unwrap()).await;
    let calls = stage.calls();
    assert!(calls.len() > CONTACTS, "some are made again");
    for pair in calls.windows(41) {
        let apart = pair[40].at.since(pair[0].at);
        assert!(apart >= Duration::from_secs(10), "41 calls in {apart:?}");
    }
}

/// What it has forgotten of an idempotent job is simply sent again; but the call before may still be applied, over what comes next.
const PATIENT: [(&str, &str); 2] = [
    ("PENSTOCK_GHL_BURST", "1000/1s"),
    ("PENSTOCK_QUARANTINE", "6s"),
];

#[tokio::test]
async fn what_follows_an_upsert_that_it_has_forgotten_waits_for_it() {
    tokio::join!(upserts("off"), upserts("on"));
}

/// Nor does what follows go with it in one call.
async fn upserts(coalesce: &str) {
    let mut stage = always(&["late=5s:op=upsert-contact:count=1"]).await;
    let upsert = |id: &str, name: &str| {
        job(id).upsert_of(json!({ "email": "ann@example.com", "firstName": name }))
    };
    stage
        .enqueue(&[upsert("first", "Ann"), upsert("next", "Bea")])
        .await;
    let kept = stage.redis.keep_files();
    let settings = [&PATIENT[..], &[("PENSTOCK_COALESCE", coalesce)]].concat();
    let _worker = stage.worker_with(&settings).await;
    stage.until_calls(1).await;
    stage.redis.restart_from(&kept).await;
    stage.until_done(2).await;
    let calls = stage.calls();
    let [late, .., next] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    let came = |call: &Call| call.effect.as_ref().map(|effect| effect.order);
    assert!(came(late) < came(next), "{calls:#?}");
    assert!(came(late).is_some(), "{calls:#?}");
}

/// The same of those that went with others in one call.
#[tokio::test]
async fn what_follows_a_bulk_call_that_it_has_forgotten_waits_for_it() {
    let mut stage = always(&[]).await;
    let of = |name: &str, at: usize| job(&format!("{name}-{at}")).contact(&format!("c-{at}"));
    let tags: Vec<_> = (0..4).map(|at| of("tag", at).tag("vip")).collect();
    stage.enqueue(&tags).await;
    let kept = stage.redis.keep_files();
    let together = [&PATIENT[..], &[("PENSTOCK_COALESCE", "on")]].concat();
    let worker = stage.worker_with(&together).await;
    stage.until_calls(1).await;
    stage.redis.restart_from(&kept).await;
    worker
        .wait_for_line("Redis has lost what it had acknowledged", PATIENCE)
        .await;
    // Of these it has forgotten nothing.
    let notes: Vec<_> = (0..4).map(|at| of("note", at).note("Hello")).collect();
    stage.enqueue_stubbornly(&notes).await;
    stage.until_done(8).await;
    let calls = stage.calls();
    let of = |operation| move |call: &&Call| call.operation == operation;
    let bulk: Vec<_> = calls.iter().filter(of("create-association")).collect();
    assert_eq!(bulk.len(), 2, "{calls:#?}");
    for note in calls.iter().filter(of("create-note")) {
        let waited = note.at.since(bulk[1].at);
        assert!(waited >= Duration::from_secs(6), "{waited:?}: {calls:#?}");
    }
}

/// The worker that made it was stopped for longer than its lease, and says so when it goes on.
#[tokio::test]
async fn what_came_of_a_call_is_told_to_who_has_the_job_next() {
    let stage = Stage::start(&["delay=1s:op=create-task:count=1"]).await;
    let mut stopped = stage.worker().await;
    stage.enqueue(&[job("a").contact("c").task("Once")]).await;
    stage.until_calls(1).await;
    stopped.sigstop();
    // It takes the job over, and would have to ask a person what became of the call.
    let _other = stage
        .worker_with(&[("PENSTOCK_QUARANTINE", "5s"), ("PENSTOCK_RETENTION", "1h")])
        .await;
    stage
        .until_job("a", "taken over", |job| {
            job.state == State::Scheduled && job.run.deliveries() > 0
        })
        .await;
    stopped.sigcont();
    stopped.wait_for_line("nothing was written", PATIENCE).await;
    let done = stage.until_state("a", State::Done).await;
    let (done, _) = done.done.expect("it is done");
    assert!(done.effect.is_some(), "{done:?}");
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (1, 0));
    assert_eq!(seen.calls, 1, "nobody had to look for it");
}

/// Another one has made it while it stood still, which is forgotten; and then it goes on, and makes it too.
#[tokio::test]
async fn what_a_stopped_worker_makes_beside_what_is_forgotten_is_told() {
    let mut stage = always(&[]).await;
    let mut stopped = stopped_at(&stage, "before-send").await;
    let kept = stage.redis.keep_files();
    let _other = stage.worker().await;
    stage.until_state("a", State::Done).await;
    stage.redis.restart_from(&kept).await;
    stopped.sigcont();
    stopped
        .wait_for_line("it is looked for again", PATIENCE)
        .await;
    let letter = stage.until_state("a", State::Dead).await;
    assert_eq!(letter.run.text("cause"), Some("ambiguous"));
    assert_eq!(stage.sandbox.summary().effects, 2);
    wait_until("the late effect to be told", PATIENCE, || async {
        let twins = stage.queue.twins(None).await.ok()?.pop()?;
        (twins.id == "a" && twins.dead).then_some(())
    })
    .await;
}
