//! A consumer whose jobs are done as soon as it has them.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use penstock_shared::queue::{Queue, claim::ClaimRequest, settle::Settled};
use penstock_tests::fixture;

/// Between two claims that gave nothing: another consumer has the last jobs.
const PAUSE: Duration = Duration::from_millis(1);

/// How long a consumer waited for Redis.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waits {
    pub(crate) claim: Duration,
    pub(crate) settle: Duration,
}

/// Who works off a shard's jobs, as a worker of this name.
pub(crate) struct Consumer {
    pub(crate) queue: Queue,
    pub(crate) shard: u16,
    pub(crate) worker: String,
    /// How many it claims at once.
    pub(crate) slots: u16,
}

impl Consumer {
    /// Claims and settles until `done` has come to `jobs`, over all consumers.
    pub(crate) async fn consume(&self, jobs: u32, done: &AtomicU32) -> Waits {
        let mut waits = Waits::default();
        let mut number = 0;
        while done.load(Ordering::SeqCst) < jobs {
            number += 1;
            let request = ClaimRequest {
                number,
                slots: self.slots.into(),
                held: Vec::new(),
            };
            let asked = Instant::now();
            let claim = self
                .queue
                .claim(self.shard, &self.worker, &request)
                .await
                .expect("it claims");
            if claim.jobs.is_empty() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            waits.claim += asked.elapsed();
            let settlements: Vec<_> = claim.jobs.iter().map(fixture::delivered).collect();
            let asked = Instant::now();
            let settled = self
                .queue
                .settle(self.shard, &settlements)
                .await
                .expect("it settles");
            waits.settle += asked.elapsed();
            assert!(
                settled.iter().all(|code| *code == Settled::Ok),
                "a lease was lost"
            );
            let count = u32::try_from(settled.len()).expect("a claim's jobs can be counted");
            done.fetch_add(count, Ordering::SeqCst);
        }
        waits
    }
}
