//! Prolongs the leases of all jobs at a third of their length: also the worker's heartbeat, so it goes on while it has none and while it drains.

use std::time::Instant;

use penstock_shared::queue::Queue;

use crate::{assignment::Roster, patience::Patience};

/// Renews for ever.
pub async fn run(queue: Queue, worker: String, roster: Roster) {
    let lease = queue.terms().lease;
    let mut patience = Patience::new("renew leases");
    loop {
        tokio::time::sleep(lease / 3).await;
        while let Err(error) = renew(&queue, &worker, &roster).await {
            patience.failed(&error).await;
        }
        patience.succeeded();
    }
}

async fn renew(
    queue: &Queue,
    worker: &str,
    roster: &Roster,
) -> Result<(), penstock_shared::queue::error::QueueError> {
    let leased = roster.leased();
    for shard in 0..queue.shards() {
        let mine: Vec<_> = leased
            .iter()
            .filter(|(job, _)| queue.shard_of(job.tenant()) == shard)
            .cloned()
            .collect();
        let until = Instant::now() + queue.terms().lease;
        let lost = queue.renew(shard, worker, &mine).await?;
        roster.prolonged(&mine, &lost, until);
    }
    Ok(())
}
