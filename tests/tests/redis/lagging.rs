//! A replica that lags and takes over: what it never got was acknowledged, and is forgotten. That is noticed, and nothing is made twice.

use std::time::Duration;

use penstock_shared::queue::{dead::Filter, enqueue::Admission};
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Program, RedisOptions, RedisSentinels, wait_until},
};

use crate::stage::{FORGOTTEN, PATIENCE, Stage};

/// So many notes, and so many tasks.
const EACH: usize = 20;
const ALL: u64 = 2 * EACH as u64;
/// Slow enough that the middle of it can be seen; a window that a test can wait for.
const SETTINGS: [(&str, &str); 3] = [
    ("PENSTOCK_CONCURRENCY", "2"),
    ("PENSTOCK_GHL_BURST", "1000/1s"),
    ("PENSTOCK_HTTP_TIMEOUT", "2s"),
];

/// A note or a task for each contact.
fn jobs() -> Vec<Draft> {
    let of = |kind: &str, at: usize| {
        let name = format!("{kind}-{at}");
        job(&name).of("tenant-0").contact(&name)
    };
    let pair = |at| [of("note", at).note("Once"), of("task", at).task("Once")];
    (0..EACH).flat_map(pair).collect()
}

/// Both servers go on, and the replica can follow no more: it has a password that its primary does not know.
async fn part(redis: &RedisSentinels, primary: usize) {
    let replica = &redis.servers[1 - primary];
    replica
        .cli(["CONFIG", "SET", "masterauth", "outdated"])
        .await;
    let primary = &redis.servers[primary];
    primary.cli(["CLIENT", "KILL", "TYPE", "replica"]).await;
    wait_until("the replica to lag", PATIENCE, || async {
        (primary.info("connected_slaves").await == "0").then_some(())
    })
    .await;
}

/// Waits until the replica has all jobs: what is enqueued in the time that is lost is lost by right.
async fn until_replicated(redis: &RedisSentinels, primary: usize) {
    let replica = &redis.servers[1 - primary];
    wait_until("the replica to have all jobs", PATIENCE, || async {
        let jobs: u64 = replica.get(["HLEN", "penstock:{0}:job:tenant-0"]).await;
        (jobs == ALL).then_some(())
    })
    .await;
}

async fn until_all_ended(stage: &Stage) {
    wait_until("all jobs to end", PATIENCE, || async {
        let stats = stage.queue.stats().await.ok()?;
        (stats.done_total + stats.dead == ALL && stats.running == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_lagging_replica_never_got_is_not_made_twice() {
    let silence = Duration::from_secs(1);
    let mut redis = RedisSentinels::start(1, silence, RedisOptions::default()).await;
    let stage = Stage::on(&redis.url(), &SETTINGS).await;
    stage.faults(&["delay=100ms"]);
    let new: Vec<_> = jobs().iter().map(Draft::build).collect();
    for job in &new {
        stage.contact("tenant-0", job.id.as_str());
    }
    stage.queue.enqueue(&new, Admission::Each).await.unwrap();
    let old = redis.primary().await;
    until_replicated(&redis, old).await;
    let mut workers = [stage.worker().await, stage.worker().await];

    stage.until_effects(8).await;
    part(&redis, old).await;
    stage.until_effects(12).await;
    redis.servers[old].kill9();
    stage.faults(&[]);
    redis.until_replaced(old).await;
    until_all_ended(&stage).await;

    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (ALL, 0));
    // An equal task may be an older one: a person is asked. A note tells by its time.
    let letters = stage.queue.dead(&Filter::default(), 1000, None).await;
    for letter in letters.unwrap() {
        let is_task = letter.id.starts_with("task-");
        assert!(letter.cause == "ambiguous" && is_task, "{letter:?}");
    }
    let told = workers.iter().flat_map(Program::stderr);
    assert!(told.into_iter().any(|line| line.contains(FORGOTTEN)));
    for worker in &mut workers {
        assert!(worker.exited().is_none(), "no worker ends for that");
    }
}
