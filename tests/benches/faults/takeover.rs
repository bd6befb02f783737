//! From the SIGKILL of a worker to the moment at which another one has delivered its jobs, with the default lease.

use std::time::{Duration, SystemTime};

use penstock_shared::{job::JobType, queue::enqueue::Admission};
use penstock_tests::{
    harness::wait_until,
    lab::{
        figures::percentile,
        workload::{Wanted, wanted},
        world::{Make, PATIENCE, WORKER, World},
    },
};
use serde_json::json;

use penstock_tests::fixture::Scenarios;

const LEASE: Duration = Duration::from_secs(5);
const REPETITIONS: u32 = 30;
/// Calls in flight as the worker dies.
const JOBS: usize = 8;
const TENANT: &str = "takeover";

pub(crate) async fn run(scenarios: &Scenarios) {
    let repetitions = scenarios.scaled(REPETITIONS);
    let mut all = Vec::new();
    for repetition in 0..repetitions {
        // Leases are renewed at a third of their length: the kills are spread over that.
        all.extend(once(LEASE / 3 * repetition / repetitions).await);
    }
    all.sort_unstable();
    let at = |percent| percentile(&all, percent).unwrap_or_default();
    println!(
        "takeover: {repetitions} kills, {} jobs, lease {LEASE:?}: p50 {:.2?}, p99 {:.2?}, longest {:.2?} (p99 should be below {:?})",
        all.len(),
        at(50),
        at(99),
        at(100),
        LEASE + Duration::from_secs(1)
    );
}

async fn once(after: Duration) -> Vec<Duration> {
    let make = Make::default().with("PENSTOCK_LEASE", "5s");
    let mut world = World::start(make.with("PENSTOCK_HTTP_TIMEOUT", "30s")).await;
    let jobs: Vec<_> = (0..JOBS).map(job).collect();
    for wanted in &jobs {
        world.seed_contact(TENANT, &wanted.promise.contact);
    }
    world.faults(&["hang"]);
    let mut first = world.worker(WORKER, &[]).await;
    let new: Vec<_> = jobs.iter().map(|wanted| wanted.job.clone()).collect();
    let stored = world.queue.enqueue(&new, Admission::Each).await;
    stored.expect("the jobs are stored");
    world.sandbox.until(|seen| seen.calls == JOBS as u64).await;
    let _second = world.worker(WORKER, &[]).await;
    tokio::time::sleep(after).await;
    world.faults(&[]);
    let killed = SystemTime::now();
    first.kill9();
    wait_until("the jobs to be delivered", PATIENCE, || async {
        (world.sandbox.summary().effects >= JOBS as u64).then_some(())
    })
    .await;
    let killed = killed.duration_since(SystemTime::UNIX_EPOCH);
    let killed = killed.expect("it is after 1970");
    let effects = world.sandbox.calls_after(0).into_iter();
    let effects = effects.filter_map(|call| call.effect);
    effects
        .map(|effect| Duration::from_micros(effect.at.micros()).saturating_sub(killed))
        .collect()
}

fn job(number: usize) -> Wanted {
    let (contact, word) = (format!("c{number}"), format!("lab-{number}"));
    let payload = json!({ "contact": { "id": contact }, "tags": [word] });
    let id = format!("job-{number}");
    wanted(&id, TENANT, JobType::AddTags, &contact, word, &payload)
}
