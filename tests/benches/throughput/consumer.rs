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

/// Claims and settles until `done` has come to `jobs`, over all consumers.
pub(crate) async fn consume(
    queue: Queue,
    worker: String,
    slots: u16,
    jobs: u32,
    done: &AtomicU32,
) -> Waits {
    let mut waits = Waits::default();
    let mut number = 0;
    while done.load(Ordering::SeqCst) < jobs {
        number += 1;
        let request = ClaimRequest {
            number,
            slots: slots.into(),
            held: Vec::new(),
        };
        let asked = Instant::now();
        let claim = queue.claim(0, &worker, &request).await.expect("it claims");
        if claim.jobs.is_empty() {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        waits.claim += asked.elapsed();
        let settlements: Vec<_> = claim.jobs.iter().map(fixture::delivered).collect();
        let asked = Instant::now();
        let settled = queue.settle(0, &settlements).await.expect("it settles");
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
