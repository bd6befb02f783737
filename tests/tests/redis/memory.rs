//! A Redis that is nearly full: intake stops before the others have no room left.

use std::sync::atomic::{AtomicU64, Ordering};

use penstock_shared::queue::{enqueue::Admission, error::QueueError, record::NewJob};
use penstock_tests::{
    fixture::job,
    harness::{RedisOptions, RedisServer, wait_until},
};

use crate::stage::{PATIENCE, Stage};

/// Gives Redis so much memory that what it uses is this share of it, in percent. That is far more than what connections come and go with.
async fn bound(redis: &RedisServer, share: u64) {
    redis.cli(["CONFIG", "SET", "maxmemory", "0"]).await;
    redis.cli(["SETRANGE", "ballast", "50000000", "x"]).await;
    let used: u64 = redis.info("used_memory").await.parse().unwrap();
    let most = (used * 100 / share).to_string();
    redis.cli(["CONFIG", "SET", "maxmemory", &most]).await;
}

fn note(id: &str) -> NewJob {
    job(id).of("tenant-0").contact("c-0").note(id).build()
}

impl Stage {
    /// Enqueues until it is refused, which nothing of the refused one survives; returns how many were stored: what is known is a second old.
    async fn until_refused(&self, name: &str) -> u64 {
        let tries = AtomicU64::new(0);
        wait_until("intake to refuse", PATIENCE, || async {
            let id = format!("{name}-{}", tries.fetch_add(1, Ordering::Relaxed));
            let refused = self
                .queue
                .enqueue(&[note(&id)], Admission::Each)
                .await
                .err()?;
            assert!(matches!(refused.error, QueueError::Full), "{refused}");
            assert!(self.queue.find(&id, None).await.unwrap().is_empty());
            Some(())
        })
        .await;
        tries.into_inner() - 1
    }
}

/// The worker needs room that a full Redis would not give: for a journal, a dead letter and its history.
#[tokio::test]
async fn intake_stops_before_redis_is_full_and_goes_on_when_there_is_room() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    let stage = Stage::on(&redis.url(), &[]).await;
    let lost = job("lost").of("tenant-0").contact("nobody").note("lost");
    let jobs = [note("a"), lost.build()];
    stage.queue.enqueue(&jobs, Admission::Each).await.unwrap();
    bound(&redis, 95).await;
    let stored = 1 + stage.until_refused("early").await;
    // Redis itself would still take it.
    redis.cli(["SET", "elsewhere", "1"]).await;
    let _worker = stage.worker().await;
    wait_until("what was stored to end", PATIENCE, || async {
        let stats = stage.queue.stats().await.ok()?;
        (stats.done_total == stored && stats.dead == 1).then_some(())
    })
    .await;
    stage.until_refused("late").await;
    bound(&redis, 50).await;
    wait_until("intake to go on", PATIENCE, || async {
        let stored = stage.queue.enqueue(&[note("more")], Admission::Each).await;
        stored.ok()
    })
    .await;
}

#[tokio::test]
async fn the_share_is_a_setting() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    bound(&redis, 60).await;
    let most = [("PENSTOCK_REDIS_MEMORY", "100%")];
    let generous = Stage::on(&redis.url(), &most).await;
    generous
        .queue
        .enqueue(&[note("a")], Admission::Each)
        .await
        .unwrap();
    let least = [("PENSTOCK_REDIS_MEMORY", "10%")];
    let strict = Stage::on(&redis.url(), &least).await;
    strict.until_refused("b").await;
}
