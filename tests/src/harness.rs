//! What integration tests stand on: real servers and real programs, started for one test and gone with it.
//!
//! Every test starts its own [`RedisServer`], so that tests run side by side and may kill what they like. No child
//! outlives the process that started it, even one that was killed with SIGKILL.
//!
//! The harness panics where a test would: a part that is missing or does not come up ends the test with a message
//! that names the remedy.

mod guard;
mod lines;
mod namespace;
mod port;
mod preload;
mod program;
mod proxy;
mod redis_clock;
mod redis_cluster;
mod redis_disk;
mod redis_options;
mod redis_sentinel;
mod redis_server;
mod run;
mod scrape;
mod snapshot;

use std::future::Future;
use std::time::{Duration, Instant};

pub use namespace::remove_namespace;
pub use port::free_port;
pub use program::{Program, ProgramBuilder, binary};
pub use proxy::{Direction, Flow, Proxy};
pub use redis_cluster::RedisCluster;
pub use redis_options::{Appendfsync, Endpoint, Listen, RedisOptions};
pub use redis_sentinel::RedisSentinels;
pub use redis_server::RedisServer;
pub use run::{Finished, run};
pub use scrape::{get, until_counted};
pub use snapshot::{Entry, Snapshot};

/// Between two looks at a condition that gives no signal of its own.
const POLL: Duration = Duration::from_millis(5);

/// Polls `condition` until it gives a value, which is returned.
///
/// # Panics
/// When `timeout` has passed without one; the message names `what`.
pub async fn wait_until<T, F, Fut>(what: &str, timeout: Duration, mut condition: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let started = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            started.elapsed() < timeout,
            "waited {timeout:?} in vain for: {what}"
        );
        tokio::time::sleep(POLL).await;
    }
}
