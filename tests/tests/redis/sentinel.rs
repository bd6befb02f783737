//! A primary with two replicas that three Sentinels watch: what was acknowledged is there after a failover, and nobody has to be told of it.

use std::time::Duration;

use penstock_tests::harness::{Finished, Program, RedisOptions, RedisSentinels, run};

use crate::stage::{PATIENCE, Stage};

/// After this a primary that says nothing is replaced.
const SILENCE: Duration = Duration::from_secs(1);
const REPLICATED: [(&str, &str); 1] = [("PENSTOCK_DURABILITY", "replicated:1")];

async fn sentinels() -> RedisSentinels {
    RedisSentinels::start(2, SILENCE, RedisOptions::default()).await
}

/// Two workers, on calls that take a moment.
async fn at_work() -> (RedisSentinels, Stage, [Program; 2]) {
    let redis = sentinels().await;
    let stage = Stage::on(&redis.url(), &REPLICATED).await;
    stage.faults(&["delay=30ms"]);
    let workers = [stage.worker().await, stage.worker().await];
    (redis, stage, workers)
}

/// All is replicated before another takes over, and nobody thinks that anything was lost.
#[tokio::test]
async fn an_orderly_failover_is_no_loss() {
    let redis = sentinels().await;
    let stage = Stage::on(&redis.url(), &[]).await;
    stage.faults(&["delay=30ms"]);
    let mut workers = [stage.worker().await, stage.worker().await];
    let failover = async {
        stage.until_effects(40).await;
        let old = redis.primary().await;
        redis.hand_over(old).await;
        stage.until_effects(40).await;
    };
    let all = stage.enqueue_while(failover).await;
    stage.until_all_done(all).await;
    stage.nothing_was_forgotten(&redis.servers, &workers).await;
    none_has_ended(&mut workers);
}

fn none_has_ended(workers: &mut [Program]) {
    for worker in workers {
        assert!(worker.exited().is_none(), "no worker ends for a failover");
    }
}

#[tokio::test]
async fn a_primary_that_is_killed_under_load() {
    let (mut redis, stage, mut workers) = at_work().await;
    let failover = async {
        stage.until_effects(40).await;
        let old = redis.primary().await;
        redis.servers[old].kill9();
        redis.until_replaced(old).await;
        stage.until_effects(40).await;
        // It comes back as if it were still the primary, until a Sentinel tells it.
        redis.servers[old].restart().await;
        redis.until_whole().await;
    };
    let all = stage.enqueue_while(failover).await;
    stage.until_all_done(all).await;
    stage.nothing_was_forgotten(&redis.servers, &workers).await;
    none_has_ended(&mut workers);
}

#[tokio::test]
async fn a_primary_that_stands_still_and_goes_on_later() {
    let (mut redis, stage, mut workers) = at_work().await;
    let failover = async {
        stage.until_effects(40).await;
        let old = redis.primary().await;
        redis.servers[old].stop_signal();
        redis.until_replaced(old).await;
        stage.until_effects(40).await;
        // It takes itself for the primary, and has their commands in its sockets.
        redis.servers[old].cont();
        redis.until_whole().await;
        stage.until_effects(40).await;
    };
    let all = stage.enqueue_while(failover).await;
    stage.until_all_done(all).await;
    none_has_ended(&mut workers);
}

/// An idle worker hears of new work after a failover too, and one Sentinel fewer is no matter.
#[tokio::test]
async fn all_programs_find_the_primary_by_its_sentinels() {
    let options = RedisOptions {
        requirepass: Some("pass-word".into()),
        ..RedisOptions::default()
    };
    let mut redis = RedisSentinels::start(2, SILENCE, options).await;
    let stage = Stage::on(&redis.url(), &REPLICATED).await;
    let mut workers = [stage.worker().await];
    redis.kill_sentinel(0);
    let old = redis.primary().await;
    redis.servers[old].kill9();
    redis.until_replaced(old).await;
    let settings = [
        ("PENSTOCK_REDIS_URL", redis.url()),
        ("PENSTOCK_DURABILITY", "replicated:1".into()),
    ];
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let jobs = r#"{"type":"AttachNote","tenant":"tenant-0","id":"a","payload":{"contact":{"id":"c-0"},"body":"Once"}}"#;
    let enqueued = run("penstock-producer", ["enqueue", "-"], &settings, jobs).await;
    assert_eq!(done(&enqueued)["accepted"], 1);
    stage.until_all_done(1).await;
    let stats = run("penstock-admin", ["stats", "-o", "json"], &settings, "").await;
    assert_eq!(done(&stats)["doneTotal"], 1);
    none_has_ended(&mut workers);
}

fn done(finished: &Finished) -> serde_json::Value {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.json()
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows_and_sentinels_that_are_none() {
    let redis = RedisSentinels::start(0, SILENCE, RedisOptions::default()).await;
    let wrong = redis.url().replace("/main", "/other");
    for (url, why) in [
        (wrong.as_str(), "no Sentinel knows its primary"),
        (
            "redis+sentinel://127.0.0.1:9/main",
            "Redis cannot be reached",
        ),
        ("redis+sentinel://127.0.0.1:9", "PENSTOCK_REDIS_URL"),
    ] {
        let ended = run(
            "penstock-admin",
            ["stats"],
            &[("PENSTOCK_REDIS_URL", url)],
            "",
        )
        .await;
        assert_ne!(ended.code, Some(0));
        let said = ended.stderr.lines().last().unwrap_or_default();
        assert!(said.contains(why), "{url}: {said}");
    }
}

/// The worker says what it does.
#[tokio::test]
async fn a_failover_is_said_once() {
    let mut redis = sentinels().await;
    let stage = Stage::on(&redis.url(), &REPLICATED).await;
    let worker = stage.worker().await;
    let old = redis.primary().await;
    redis.servers[old].kill9();
    worker
        .wait_for_line("the primary has been replaced", PATIENCE)
        .await;
    assert_eq!(stage.enqueue_round(0).await, 72);
    stage.until_all_done(72).await;
}
