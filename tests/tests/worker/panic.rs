//! A handler that panics costs that one job an attempt, and nobody else anything.

use std::{collections::HashMap, sync::Arc, time::Duration};

use apalis::prelude::{Task, TaskBuilder};
use penstock_shared::{
    job::{
        PerType,
        state::{Rules, State},
    },
    outcome::{AmbiguousPolicy, Outcome},
    quarantine::Quarantine,
    queue::claim::ClaimRequest,
    retry::Backoff,
};
use penstock_tests::fixture::job;
use penstock_worker::{
    assignment::{Assignment, Roster},
    clock::{RedisClock, Seen, Steps},
    settle::{Desk, SettleLayer},
    settler::Settler,
};
use tokio::{sync::Semaphore, task::JoinHandle};
use tower::{BoxError, Layer, Service, service_fn};

use crate::stage::Stage;

const RULES: Rules = Rules {
    backoff: Backoff {
        first: Duration::from_secs(60),
        longest: Duration::from_secs(60),
    },
    quarantine: Duration::from_secs(30),
    throttle: Duration::from_secs(10),
};

/// More than the failures of the API that open its breaker.
const MANY: usize = 12;

impl Stage {
    /// The part of a worker that settles, what ends when all is written after it has gone, and the jobs that it was given.
    async fn desk(&self, number: u64) -> (SettleLayer, JoinHandle<()>, Vec<Arc<Assignment>>) {
        let quotas = ("100/10s".parse().unwrap(), "1000/1d".parse().unwrap());
        let (queue, about) = (self.queue.clone(), HashMap::new());
        queue.register(0, "w", quotas, &about).await.unwrap();
        let request = ClaimRequest {
            number,
            slots: 64,
            held: Vec::new(),
        };
        let sent = std::time::Instant::now();
        let claim = queue.claim(0, "w", &request).await.unwrap();
        let seen = Seen {
            now_ms: claim.now_ms,
            sent,
            received: std::time::Instant::now(),
        };
        let clock = RedisClock::unset();
        clock.set(seen);
        let (steady, _) = Steps::default().notice(seen, claim.shift_ms, claim.lapses.last());
        let (roster, slots) = (Roster::default(), Arc::new(Semaphore::new(64)));
        let until = std::time::Instant::now() + Duration::from_secs(3);
        let admit = |claimed| {
            let slot = Arc::clone(&slots).try_acquire_owned().unwrap();
            roster.admit(claimed, until, steady, clock.clone(), Some(slot))
        };
        let jobs = claim.jobs.into_iter().map(admit).collect();
        let (settler, all_written) = Settler::start(queue.clone(), roster);
        let desk = Desk {
            settler,
            queue,
            rules: RULES,
            quarantine: Quarantine::new(PerType::all(RULES.quarantine)),
            ambiguous: PerType::all(AmbiguousPolicy::Hold),
            max_attempts: 10,
            max_age: None,
            longest_delivery: Duration::from_secs(60),
            worker: "w".into(),
            company: Arc::default(),
        };
        let desk = Arc::new(desk);
        (SettleLayer { desk }, all_written, jobs)
    }
}

async fn delivery(task: Task<Arc<Assignment>>) -> Result<Outcome, BoxError> {
    assert!(!task.args.reference().id().starts_with("bad"), "a defect");
    Ok(Outcome::untouched("the test ends"))
}

#[tokio::test]
async fn a_panic_is_that_jobs_failure_alone() {
    let stage = Stage::start(&[]).await;
    let bad: Vec<_> = (0..MANY).map(|n| format!("bad-{n}")).collect();
    let good = ["good-1", "good-2"];
    let ids = bad.iter().map(String::as_str).chain(good);
    let drafts: Vec<_> = ids.map(job).collect();
    stage.enqueue(&drafts).await;
    let (layer, all_written, jobs) = stage.desk(1).await;
    assert_eq!(jobs.len(), MANY + 2);
    let mut service = layer.layer(service_fn(delivery));
    let ends = jobs
        .into_iter()
        .map(|job| service.call(TaskBuilder::new(job).build()));
    for end in futures::future::join_all(ends).await {
        end.expect("the layer turns every end into a settlement");
    }
    drop((layer, service));
    all_written.await.unwrap();
    for id in &bad {
        let bad = stage.status(id).await;
        assert_eq!((bad.state, bad.attempts()), (State::Scheduled, 1), "{id}");
        assert_eq!(bad.run.text("error"), Some("the delivery panicked"));
    }
    for id in good {
        let good = stage.status(id).await;
        assert_eq!((good.state, good.attempts()), (State::Ready, 0), "{id}");
    }
    // Nothing was heard of the API, so the breaker is closed.
    let (_, _, jobs) = stage.desk(2).await;
    let again: Vec<_> = jobs.iter().map(|job| job.reference().id()).collect();
    assert_eq!(again, good);
}
