//! A cluster of three primaries with a replica each: one is killed, and slots move, under load.

use std::time::Duration;

use penstock_tests::harness::RedisCluster;

use crate::stage::Stage;

const PRIMARIES: usize = 3;
const SHARDS: u16 = 6;
const SILENCE: Duration = Duration::from_secs(2);
const SETTINGS: [(&str, &str); 2] = [
    ("PENSTOCK_SHARDS", "6"),
    ("PENSTOCK_DURABILITY", "replicated:1"),
];

/// The primary that has a slot: each has a third.
fn home_of(slot: u16) -> usize {
    (0..PRIMARIES)
        .rfind(|at| 16_384 * at / PRIMARIES <= usize::from(slot))
        .unwrap()
}

#[tokio::test]
async fn a_primary_that_is_killed_under_load() {
    let mut redis = RedisCluster::start_replicated(PRIMARIES, SILENCE).await;
    let stage = Stage::on(&redis.url(), &SETTINGS).await;
    stage.faults(&["delay=30ms"]);
    let mut workers = [stage.worker().await, stage.worker().await];
    let failover = async {
        stage.until_effects(60).await;
        redis.nodes[0].kill9();
        redis.until_promoted(PRIMARIES).await;
        // Until the new primary has a replica, nothing of its shards can be confirmed.
        redis.nodes[0].restart().await;
        redis.until_whole(PRIMARIES).await;
        stage.until_effects(60).await;
    };
    let all = stage.enqueue_while(failover).await;
    stage.until_all_done(all).await;
    for worker in &mut workers {
        assert!(worker.exited().is_none(), "no worker ends for that");
    }
}

/// A shard's keys go one by one, and until the last has gone no script runs on a part of them.
#[tokio::test]
async fn slots_that_move_under_load() {
    let redis = RedisCluster::start_replicated(PRIMARIES, SILENCE).await;
    let stage = Stage::on(&redis.url(), &SETTINGS).await;
    stage.faults(&["delay=30ms"]);
    let mut workers = [stage.worker().await, stage.worker().await];
    let moves = async {
        for shard in 0..SHARDS / 2 {
            stage.until_effects(60).await;
            let slot = redis.slot_of(&format!("penstock:{{{shard}}}:")).await;
            let home = home_of(slot);
            let away = (home + 1) % PRIMARIES;
            redis.move_slot(slot, home, away, 1).await;
            stage.until_effects(60).await;
            redis.move_slot(slot, away, home, 1).await;
        }
    };
    let all = stage.enqueue_while(moves).await;
    stage.until_all_done(all).await;
    stage.nothing_was_forgotten(&redis.nodes, &workers).await;
    for worker in &mut workers {
        assert!(worker.exited().is_none(), "no worker ends for that");
    }
}
