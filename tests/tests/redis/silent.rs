//! Connections that are of no use any more: over one nothing comes, since what stands between has forgotten it; of another the greeting was cut off.

use penstock_shared::{
    queue::{Location, Queue, Terms},
    settings::Settings,
};
use penstock_tests::harness::{Direction, Flow, Proxy, RedisOptions, RedisServer, wait_until};
use std::time::Duration;

/// For whatever must happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connected(redis: &RedisServer) -> (Proxy, Queue) {
    let proxy = Proxy::start(redis.endpoint());
    let url = proxy.redis_url();
    let settings = Settings::load_from([("PENSTOCK_REDIS_URL", url.as_str())]).unwrap();
    let queue = Queue::connect(Location::from(&settings), Terms::from(&settings)).await;
    (proxy, queue.unwrap())
}

#[tokio::test]
async fn one_without_answers_is_given_up_for_another() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    let (proxy, queue) = connected(&redis).await;
    proxy.set(Direction::ToClient, Flow::Blackhole);
    assert!(queue.ping().await.is_err());
    // New connections work again. The old one has lost an answer, and never gives another.
    proxy.set(Direction::ToClient, Flow::Pass);
    wait_until("an answer", PATIENCE, || async { queue.ping().await.ok() }).await;
}

/// The library remembers such an attempt for ever.
#[tokio::test]
async fn one_that_broke_off_in_its_greeting_is_tried_again() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    let (proxy, queue) = connected(&redis).await;
    for bytes in 1..12 {
        proxy.set(Direction::ToClient, Flow::CutAfter(bytes));
        proxy.cut();
        for _ in 0..3 {
            assert!(queue.ping().await.is_err());
        }
        proxy.heal();
        wait_until("an answer", PATIENCE, || async { queue.ping().await.ok() }).await;
    }
}
