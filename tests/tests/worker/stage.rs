//! A Redis, the sandbox, and what a test does with workers on both.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    job::{ContactRef, state::State},
    queue::{
        Location, Queue, Terms,
        dead::{DeadLetter, Filter},
        enqueue::{Admission, Enqueued},
        status::JobStatus,
    },
    settings::{Durability, Encryption},
};
use penstock_tests::{
    fixture::Draft,
    harness::{Program, RedisOptions, RedisServer, wait_until},
    sandbox::{Call, Options, Running, Sandbox, Summary},
};
use serde_json::json;

pub(crate) const ACME: &str = "acme";
pub(crate) const LEASE: Duration = Duration::from_secs(2);
pub(crate) const HTTP_TIMEOUT: Duration = Duration::from_secs(3);
pub(crate) const QUARANTINE: Duration = Duration::from_secs(1);
/// For whatever must happen at all; how soon is not what these tests are about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Short, so that a test sees the end of each; and quotas that no test reaches.
const SETTINGS: [(&str, &str); 9] = [
    // Nothing follows from events.
    ("PENSTOCK_FLOWS", "/dev/null"),
    ("PENSTOCK_GHL_TOKEN", "pit-test"),
    ("PENSTOCK_GHL_BURST", "100000/10s"),
    ("PENSTOCK_LEASE", "2s"),
    ("PENSTOCK_HTTP_TIMEOUT", "3s"),
    ("PENSTOCK_QUARANTINE", "1s"),
    ("PENSTOCK_BACKOFF", "50ms..100ms"),
    ("PENSTOCK_COALESCE", "off"),
    ("PENSTOCK_LOG", "info,penstock_worker=debug"),
];

/// A Redis, the sandbox, and the test's own way to the queue.
pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) sandbox: Running,
    pub(crate) queue: Queue,
}

impl Stage {
    /// The sandbox has these faults from the start.
    pub(crate) async fn start(faults: &[&str]) -> Self {
        Self::on(RedisOptions::default(), faults).await
    }

    pub(crate) async fn on(redis: RedisOptions, faults: &[&str]) -> Self {
        let redis = RedisServer::start(redis).await;
        let mut options = Options::default();
        options.quota.burst.calls = 100_000;
        let sandbox = Sandbox::start(options).await.unwrap();
        let queue = connect(&redis).await;
        let stage = Self {
            redis,
            sandbox,
            queue,
        };
        stage.faults(faults);
        stage
    }

    /// Puts these faults in the place of all others.
    pub(crate) fn faults(&self, faults: &[&str]) {
        self.sandbox
            .set_faults(faults.iter().map(|fault| fault.parse().unwrap()));
    }

    /// A worker that is ready.
    pub(crate) async fn worker(&self) -> Program {
        self.worker_with(&[]).await
    }

    /// A worker with settings of its own that is ready.
    pub(crate) async fn worker_with(&self, settings: &[(&str, &str)]) -> Program {
        let worker = self.begin(settings);
        worker.wait_for_line("ready worker=", PATIENCE).await;
        worker
    }

    /// A worker that has only been started.
    pub(crate) fn begin(&self, settings: &[(&str, &str)]) -> Program {
        self.begin_of("penstock-worker", settings)
    }

    /// The same of another program that is a worker.
    pub(crate) fn begin_of(&self, program: &str, settings: &[(&str, &str)]) -> Program {
        let (redis, api) = (self.redis.url(), self.sandbox.url());
        let places = [
            ("PENSTOCK_REDIS_URL", redis.as_str()),
            ("PENSTOCK_GHL_BASE_URL", api.as_str()),
        ];
        let all = places.iter().chain(&SETTINGS).chain(settings);
        all.fold(Program::new(program), |builder, (name, value)| {
            builder.env(name, value)
        })
        .start()
    }

    /// Stores jobs in one call. The contacts that they name by id are there then.
    pub(crate) async fn enqueue(&self, drafts: &[Draft]) {
        self.seed(drafts);
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        let stored = self.queue.enqueue(&jobs, Admission::Each).await.unwrap();
        assert!(stored.iter().all(|code| *code == Enqueued::Accepted));
    }

    /// Stores jobs however often Redis fails midway: repeated with their ids until all are acknowledged.
    pub(crate) async fn enqueue_stubbornly(&self, drafts: &[Draft]) {
        self.seed(drafts);
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        wait_until("the jobs to be acknowledged", PATIENCE, || async {
            let stored = self.queue.enqueue(&jobs, Admission::Each).await.ok()?;
            stored.iter().all(|code| code.is_stored()).then_some(())
        })
        .await;
    }

    /// Puts the contacts that the jobs name by id into the API.
    pub(crate) fn seed(&self, drafts: &[Draft]) {
        for draft in drafts {
            let job = draft.job();
            for contact in job.payload.contact_refs() {
                if let ContactRef::Id(id) = contact {
                    // It may be there already.
                    let _ = self.sandbox.seed_contact(
                        &json!({ "id": id.as_str(), "locationId": job.tenant.as_str() }),
                    );
                }
            }
        }
    }

    /// Puts a contact with this address into the API.
    pub(crate) fn person(&self, email: &str) {
        let person = json!({ "email": email, "locationId": ACME });
        self.sandbox.seed_contact(&person).unwrap();
    }

    pub(crate) async fn status(&self, id: &str) -> JobStatus {
        let mut found = self.queue.find(id, Some(ACME)).await.unwrap();
        found
            .pop()
            .unwrap_or_else(|| panic!("there is no job {id}"))
    }

    /// Waits until the job stands as wanted, and returns how it stands.
    pub(crate) async fn until_job(
        &self,
        id: &str,
        what: &str,
        wanted: impl Fn(&JobStatus) -> bool,
    ) -> JobStatus {
        let what = format!("{id} to be {what}");
        wait_until(&what, PATIENCE, || async {
            // Redis may be away.
            let mut found = self.queue.find(id, Some(ACME)).await.ok()?;
            found.pop().filter(&wanted)
        })
        .await
    }

    pub(crate) async fn until_state(&self, id: &str, state: State) -> JobStatus {
        self.until_job(id, &state.to_string(), |job| job.state == state)
            .await
    }

    /// Waits until so many jobs in all are done.
    pub(crate) async fn until_done(&self, count: u64) {
        wait_until("all jobs to be done", PATIENCE, || async {
            // Redis may be away for a moment.
            let stats = self.queue.stats().await.ok()?;
            (stats.done_total == count).then_some(())
        })
        .await;
    }

    /// Waits until the API has seen so much.
    pub(crate) async fn until_seen(&self, what: &str, wanted: impl FnMut(&Summary) -> bool) {
        let seen = tokio::time::timeout(PATIENCE, self.sandbox.until(wanted)).await;
        seen.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for the API to see {what}"));
    }

    pub(crate) async fn until_calls(&self, count: u64) {
        self.until_seen(&format!("{count} calls"), |summary| summary.calls >= count)
            .await;
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.sandbox.calls_after(0)
    }

    /// The operations that were called about the contact with this id, in order.
    pub(crate) fn operations_on(&self, contact: &str) -> Vec<&'static str> {
        let part = format!("/contacts/{contact}/");
        let calls = self.calls();
        let about = calls.iter().filter(|call| call.path.contains(&part));
        about.map(|call| call.operation).collect()
    }

    /// The one dead letter of this job.
    pub(crate) async fn dead(&self, id: &str) -> DeadLetter {
        let letters = self.queue.dead(&Filter::default(), 1000, None).await;
        let mut found = letters.unwrap().into_iter().filter(|dead| dead.id == id);
        found.next().unwrap_or_else(|| panic!("{id} is not dead"))
    }

    /// The jobs that made the notes and tasks of this contact, in the order in which these came to be.
    pub(crate) async fn makers_of(&self, contact: &str, ids: &[String]) -> Vec<String> {
        let mut makers = HashMap::new();
        for id in ids {
            let done = self.status(id).await.done;
            if let Some(effect) = done.and_then(|(done, _)| done.effect) {
                makers.insert(effect, id.clone());
            }
        }
        let made = self.effects_on(contact).into_iter().filter_map(|effect| {
            let id = effect.change.id?;
            makers.get(&id).cloned()
        });
        made.collect()
    }

    /// What happened to the contact, in the order in which it did.
    pub(crate) fn effects_on(&self, contact: &str) -> Vec<penstock_tests::sandbox::Effect> {
        let effects = self.calls().into_iter().filter_map(|call| call.effect);
        let mut about: Vec<_> = effects
            .filter(|effect| effect.change.contact_id.as_deref() == Some(contact))
            .collect();
        about.sort_by_key(|effect| effect.order);
        about
    }
}

/// The name under which a ready worker is known in Redis.
pub(crate) async fn name_of(worker: &Program) -> String {
    let line = worker.wait_for_line("ready worker=", PATIENCE).await;
    let (_, rest) = line.split_once("ready worker=").unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn connect(redis: &RedisServer) -> Queue {
    let location = Location {
        url: redis.url().into(),
        roots: None,
        namespace: "penstock".into(),
        shards: 1,
        durability: Durability::Everysec,
        encryption: Encryption::default(),
    };
    let terms = Terms {
        lease: LEASE,
        http_timeout: HTTP_TIMEOUT,
        quarantine: QUARANTINE,
        reserve: 0.1,
        spread: false,
        coalesce: 1,
        max_backlog: 1_000_000,
        memory: 90,
        retention: Duration::from_secs(86_400),
    };
    Queue::connect(location, terms).await.unwrap()
}
