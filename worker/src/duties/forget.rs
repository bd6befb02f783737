//! Forgets what was done longer ago than it is kept.

use std::time::Duration;

use penstock_shared::queue::{Queue, error::QueueError};

use super::repeat;

/// How often it looks, once it has caught up.
const PAUSE: Duration = Duration::from_secs(1);

/// Forgets for ever.
pub async fn run(queue: Queue) {
    let round = || queue.on_each_shard(|shard| forget(&queue, shard));
    repeat("forget", PAUSE, round).await;
}

async fn forget(queue: &Queue, shard: u16) -> Result<(), QueueError> {
    while queue.forget(shard).await? {}
    Ok(())
}
