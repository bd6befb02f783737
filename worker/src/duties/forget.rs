//! Forgets what was done longer ago than it is kept.

use std::time::Duration;

use penstock_shared::queue::Queue;

use crate::patience::Patience;

/// How often it looks, once it has caught up.
const PAUSE: Duration = Duration::from_secs(1);

/// Forgets for ever.
pub async fn run(queue: Queue) {
    let mut patience = Patience::new("forget");
    loop {
        for shard in 0..queue.shards() {
            loop {
                match queue.forget(shard).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        patience.failed(&error).await;
                        break;
                    }
                }
            }
        }
        patience.succeeded();
        tokio::time::sleep(PAUSE).await;
    }
}
