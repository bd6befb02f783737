//! Prolongs, shard by shard, the leases of all jobs at a third of their length: also the worker's heartbeat, so it goes on while it has none and while it drains.

use std::time::Instant;

use penstock_shared::queue::{Queue, error::QueueError};

use crate::{assignment::Roster, failpoint, patience::Patience};

/// The most leases that one script call prolongs.
const BATCH: usize = 512;

/// Renews those of one shard for ever: one that is away must not cost the others their leases.
pub async fn run(queue: Queue, shard: u16, worker: String, roster: Roster) {
    let lease = queue.terms().lease;
    let mut patience = Patience::new("renew leases");
    loop {
        tokio::time::sleep(lease / 3).await;
        while let Err(error) = renew(&queue, shard, &worker, &roster).await {
            patience.failed(&error).await;
        }
        patience.succeeded();
    }
}

async fn renew(queue: &Queue, shard: u16, worker: &str, roster: &Roster) -> Result<(), QueueError> {
    let mut leased = roster.leased();
    leased.retain(|(job, _)| queue.shard_of(job.tenant()) == shard);
    let mut rest = leased.as_slice();
    // Also without a job: it tells that the worker lives.
    loop {
        let (some, others) = rest.split_at(rest.len().min(BATCH));
        let until = Instant::now() + queue.terms().lease;
        let renewed = queue.renew(shard, worker, some).await?;
        if !some.is_empty() {
            failpoint::pass("during-renewal");
        }
        roster.prolonged(some, &renewed, until);
        if others.is_empty() {
            return Ok(());
        }
        rest = others;
    }
}
