//! A Redis, the sandbox and workers, with the quotas of a scenario.

use std::time::Duration;

use penstock_shared::{
    job::{Job, JobId},
    queue::{Location, Queue, Terms, enqueue::Admission, record::NewJob},
    quota::Quota,
    settings::Settings,
};
use penstock_tests::{
    harness::{Program, RedisOptions, RedisServer, wait_until},
    sandbox::{Call, Options, Running, Sandbox, Window},
};
use serde_json::{Value, json};

/// For whatever must happen at all.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Stage {
    redis: RedisServer,
    pub(crate) sandbox: Running,
    pub(crate) queue: Queue,
    settings: Vec<(&'static str, String)>,
    workers: Vec<Program>,
}

/// What the API allows, and how it counts and answers.
pub(crate) struct Api {
    pub(crate) burst: &'static str,
    pub(crate) window: Window,
    pub(crate) latency: &'static str,
}

impl Stage {
    /// The workers' quota is the API's.
    pub(crate) async fn start(api: &Api, settings: &[(&'static str, &str)]) -> Self {
        let redis = RedisServer::start(RedisOptions::default()).await;
        let quota: Quota = api.burst.parse().expect("a quota");
        let mut options = Options::default();
        options.quota.burst.calls = quota.calls().get();
        options.quota.burst.window = quota.window();
        options.quota.daily.calls = 100_000_000;
        options.quota.window = api.window;
        options.latency = api.latency.parse().expect("a latency");
        let url = redis.url();
        let mut all = vec![
            ("PENSTOCK_REDIS_URL", url),
            ("PENSTOCK_GHL_TOKEN", "pit-benchmark".to_owned()),
            ("PENSTOCK_GHL_BURST", api.burst.to_owned()),
            ("PENSTOCK_GHL_DAILY", "10000000/1d".to_owned()),
            ("PENSTOCK_COALESCE", "off".to_owned()),
        ];
        all.extend(
            settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let pairs = all.iter().map(|(name, value)| (*name, value.as_str()));
        let loaded = Settings::load_from(pairs).expect("the settings make sense");
        let queue = Queue::connect(Location::from(&loaded), Terms::from(&loaded)).await;
        Self {
            sandbox: Sandbox::start(options).await.expect("a sandbox starts"),
            queue: queue.expect("the Redis server is fit for use"),
            redis,
            settings: all,
            workers: Vec::new(),
        }
    }

    /// So many workers, ready.
    pub(crate) async fn workers(&mut self, count: usize) {
        for _ in 0..count {
            let api = self.sandbox.url();
            let program = Program::new("penstock-worker").env("PENSTOCK_GHL_BASE_URL", api);
            let settings = self.settings.iter();
            let program = settings.fold(program, |program, (name, value)| program.env(name, value));
            self.workers.push(program.start());
        }
        for worker in &self.workers {
            worker.wait_for_line("ready worker=", PATIENCE).await;
        }
    }

    pub(crate) async fn enqueue(&self, jobs: &[NewJob]) {
        let stored = self.queue.enqueue(jobs, Admission::Each).await;
        let stored = stored.expect("it stores");
        assert!(
            stored.iter().all(|code| code.is_stored()),
            "a job was refused"
        );
    }

    /// Waits until so many calls have been counted.
    pub(crate) async fn calls(&self, count: u64) {
        let patience = tokio::time::timeout(PATIENCE, self.sandbox.until(|all| all.calls >= count));
        patience.await.expect("the calls come");
    }

    /// Waits until so many jobs are done.
    pub(crate) async fn done(&self, count: u64) {
        wait_until("the jobs to be done", PATIENCE, || async {
            let stats = self.queue.stats().await.expect("it counts");
            (stats.done_total >= count).then_some(())
        })
        .await;
    }

    /// The failed attempts of a tenant's jobs that have not ended: only what was tried has a journal.
    pub(crate) async fn attempts_of(&self, tenant: &str) -> u64 {
        let keys = self.queue.keys(self.queue.shard_of(tenant));
        let pattern = keys.run(&format!("{tenant}/*"));
        let journals: Vec<String> = self.redis.get(["KEYS", &pattern]).await;
        let mut attempts = 0;
        for journal in journals {
            let counted: Option<u64> = self.redis.get(["HGET", &journal, "attempts"]).await;
            attempts += counted.unwrap_or(0);
        }
        attempts
    }

    /// The calls of a tenant, in order.
    pub(crate) fn calls_of(&self, tenant: &str) -> Vec<Call> {
        let mut calls = self.sandbox.calls_after(0);
        calls.retain(|call| &*call.tenant == tenant);
        calls
    }

    /// How many calls were over the quota.
    pub(crate) fn refused(&self) -> u64 {
        self.sandbox.summary().over_quota
    }
}

/// A job that is one call: a contact is created or updated.
pub(crate) fn upsert(tenant: &str, number: u32) -> NewJob {
    let email = format!("person-{number}@{tenant}.example");
    new("UpsertContact", tenant, &json!({ "email": email }))
}

pub(crate) fn new(job_type: &str, tenant: &str, payload: &Value) -> NewJob {
    let job = json!({ "type": job_type, "tenant": tenant, "payload": payload });
    NewJob {
        id: JobId::generate(),
        job: Job::from_value(job).unwrap_or_else(|faults| panic!("no job: {faults:?}")),
    }
}
