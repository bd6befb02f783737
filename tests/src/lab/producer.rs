//! The producer of a run: it enqueues through the link that is cut, and repeats with the same ids until it is acknowledged.

use std::time::Duration;

use penstock_producer::{BatchRefusal, Client};
use penstock_shared::queue::Queue;
use tokio::time::{Instant, sleep, sleep_until};

use super::history::Promise;
use super::workload::Wanted;

/// How many jobs one call enqueues.
const BATCH: usize = 25;
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(50);

/// Enqueues all of them, spread evenly over this time, and returns what was acknowledged, in that order.
///
/// # Panics
/// When a job is refused for another reason than that the queue is away.
pub async fn enqueue(queue: Queue, jobs: Vec<Wanted>, over: Duration) -> Vec<Promise> {
    let client = Client::over(queue);
    let batches = u32::try_from(jobs.len().div_ceil(BATCH)).unwrap_or(u32::MAX);
    let (mut next, apart) = (Instant::now(), over / batches.max(1));
    let mut acknowledged = Vec::with_capacity(jobs.len());
    for batch in jobs.chunks(BATCH) {
        sleep_until(next).await;
        next += apart;
        stubbornly(&client, batch).await;
        acknowledged.extend(batch.iter().flat_map(Wanted::promises));
    }
    acknowledged
}

async fn stubbornly(client: &Client, batch: &[Wanted]) {
    loop {
        let jobs = batch.iter().map(|wanted| {
            let mut job = wanted.job.job.clone();
            job.id = Some(wanted.job.id.clone());
            job
        });
        match client.enqueue_all(jobs.collect()).await {
            Ok(_) => return,
            Err(BatchRefusal::Interrupted { .. }) => sleep(AGAIN).await,
            Err(BatchRefusal::BacklogFull { retry_after, .. }) => sleep(retry_after).await,
            Err(refused @ BatchRefusal::Conflicts(_)) => panic!("an id changed its job: {refused}"),
            Err(refused @ BatchRefusal::TooLarge { .. }) => panic!("a job grew: {refused}"),
        }
    }
}
