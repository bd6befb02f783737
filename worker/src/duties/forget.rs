//! Forgets what was done longer ago than it is kept.

use std::time::Duration;

use penstock_shared::queue::{Queue, error::QueueError};

use super::repeat;

/// How often it looks, once it has caught up.
const PAUSE: Duration = Duration::from_secs(1);

/// Forgets for ever.
pub async fn run(queue: Queue) {
    repeat("forget", PAUSE, || round(&queue)).await;
}

/// One shard that is away holds up no other.
async fn round(queue: &Queue) -> Result<(), QueueError> {
    let mut all = Ok(());
    for shard in 0..queue.shards() {
        all = all.and(forget(queue, shard).await);
    }
    all
}

async fn forget(queue: &Queue, shard: u16) -> Result<(), QueueError> {
    while queue.forget(shard).await? {}
    Ok(())
}
