//! A connection that stays open, and over which nothing comes any more: what stands between has forgotten it.

use penstock_shared::{
    queue::{Location, Queue, Terms},
    settings::Settings,
};
use penstock_tests::harness::{Direction, Flow, Proxy, RedisOptions, RedisServer, wait_until};
use std::time::Duration;

/// For whatever must happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn it_is_given_up_for_another() {
    let redis = RedisServer::start(RedisOptions::default()).await;
    let proxy = Proxy::start(redis.endpoint());
    let url = proxy.redis_url();
    let settings = Settings::load_from([("PENSTOCK_REDIS_URL", url.as_str())]).unwrap();
    let queue = Queue::connect(Location::from(&settings), Terms::from(&settings)).await;
    let queue = queue.unwrap();
    proxy.set(Direction::ToClient, Flow::Blackhole);
    assert!(queue.ping().await.is_err());
    // New connections work again. The old one has lost an answer, and never gives another.
    proxy.set(Direction::ToClient, Flow::Pass);
    wait_until("an answer", PATIENCE, || async { queue.ping().await.ok() }).await;
}
