//! A Redis, the sandbox, workers on both, and what a test asks them.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use penstock_shared::{
    job::{ContactRef, state::State},
    queue::{
        Location, Queue, Terms,
        dead::{DeadLetter, Filter},
        enqueue::{Admission, Enqueued},
        reference::Lane,
        status::{JobStatus, LaneStatus},
    },
    settings::{Durability, Encryption},
};
use penstock_tests::{
    fixture::Draft,
    harness::{Finished, Program, RedisOptions, RedisServer, run, wait_until},
    sandbox::{Call, Options, Running, Sandbox, Summary},
};
use serde_json::{Value, json};

pub(crate) const ACME: &str = "acme";
pub(crate) const TOKEN: &str = "pit-test";
/// Of every worker, unless its test says otherwise.
pub(crate) const HTTP_TIMEOUT: Duration = Duration::from_secs(3);
pub(crate) const QUARANTINE: Duration = Duration::from_secs(2);
/// For whatever must happen at all; how soon is not what these tests are about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Delays so short that a test sees the end of each, and a quota that no test reaches by accident.
const SETTINGS: [(&str, &str); 9] = [
    // Nothing follows from events, but where a test says so.
    ("PENSTOCK_FLOWS", "/dev/null"),
    ("PENSTOCK_GHL_TOKEN", TOKEN),
    ("PENSTOCK_GHL_BURST", "100000/10s"),
    ("PENSTOCK_LEASE", "3s"),
    ("PENSTOCK_HTTP_TIMEOUT", "3s"),
    ("PENSTOCK_QUARANTINE", "2s"),
    ("PENSTOCK_BACKOFF", "50ms..100ms"),
    ("PENSTOCK_COALESCE", "off"),
    ("PENSTOCK_LOG", "info,penstock_worker=debug"),
];

pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) sandbox: Running,
    pub(crate) queue: Queue,
}

impl Stage {
    /// The sandbox has no quota to speak of, and these faults from the start.
    pub(crate) async fn start(faults: &[&str]) -> Self {
        let mut options = Options::default();
        options.quota.burst.calls = 100_000;
        options.faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        Self::on(RedisOptions::default(), options).await
    }

    pub(crate) async fn on(redis: RedisOptions, sandbox: Options) -> Self {
        let redis = RedisServer::start(redis).await;
        Self {
            sandbox: Sandbox::start(sandbox).await.unwrap(),
            queue: connect(&redis, terms()).await,
            redis,
        }
    }

    /// Puts these faults in the place of all others.
    pub(crate) fn faults(&self, faults: &[&str]) {
        let faults = faults.iter().map(|fault| fault.parse().unwrap());
        self.sandbox.set_faults(faults);
    }

    pub(crate) async fn worker(&self) -> Program {
        self.worker_with(&[]).await
    }

    /// A worker with settings of its own, started and ready.
    pub(crate) async fn worker_with(&self, settings: &[(&str, &str)]) -> Program {
        self.worker_of("penstock-worker", settings).await
    }

    /// The same of another program that is a worker.
    pub(crate) async fn worker_of(&self, program: &str, settings: &[(&str, &str)]) -> Program {
        let (redis, api) = (self.redis.url(), self.sandbox.url());
        let places = [
            ("PENSTOCK_REDIS_URL", redis.as_str()),
            ("PENSTOCK_GHL_BASE_URL", api.as_str()),
        ];
        let all = places.iter().chain(&SETTINGS).chain(settings);
        let worker = all
            .fold(Program::new(program), |builder, (name, value)| {
                builder.env(name, value)
            })
            .start();
        worker.wait_for_line("ready worker=", PATIENCE).await;
        worker
    }

    /// Runs the admin program.
    pub(crate) async fn admin(&self, args: &[&str]) -> Finished {
        let url = self.redis.url();
        run("penstock-admin", args, &[("PENSTOCK_REDIS_URL", &url)], "").await
    }

    /// Runs it with `-o json`, and expects it to be done.
    pub(crate) async fn ask(&self, args: &[&str]) -> Value {
        let finished = self.admin(&[args, &["-o", "json"]].concat()).await;
        assert_eq!(finished.code, Some(0), "{args:?}: {}", finished.stderr);
        finished.json()
    }

    /// Stores jobs. The contacts that they name by id are there then.
    pub(crate) async fn enqueue(&self, drafts: &[Draft]) {
        self.seed(drafts);
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        let stored = self.queue.enqueue(&jobs, Admission::Each).await.unwrap();
        assert!(stored.iter().all(|code| *code == Enqueued::Accepted));
    }

    /// Puts the contacts that the jobs name by id into the API.
    pub(crate) fn seed(&self, drafts: &[Draft]) {
        let mut seen = HashSet::new();
        for draft in drafts {
            let job = draft.job();
            for contact in job.payload.contact_refs() {
                if let ContactRef::Id(id) = contact
                    && seen.insert(id.clone())
                {
                    let contact = json!({ "id": id.as_str(), "locationId": job.tenant.as_str() });
                    // It may be there already.
                    let _ = self.sandbox.seed_contact(&contact);
                }
            }
        }
    }

    /// Puts a contact with this id and address into the API.
    pub(crate) fn person(&self, id: &str, email: &str) {
        let person = json!({ "id": id, "email": email, "locationId": ACME });
        self.sandbox.seed_contact(&person).unwrap();
    }

    /// A call of somebody else's, and its answer.
    pub(crate) async fn by_another(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Value,
    ) -> Value {
        let request = reqwest::Client::new()
            .request(method, format!("{}{path}", self.sandbox.url()))
            .bearer_auth(TOKEN)
            .header("version", "2021-07-28")
            .json(&body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        answer.json().await.unwrap()
    }

    /// As if everything that is done had been done too long ago to be remembered.
    pub(crate) async fn forget(&self) {
        let nothing = Terms {
            retention: Duration::ZERO,
            quarantine: Duration::ZERO,
            http_timeout: Duration::ZERO,
            ..terms()
        };
        let queue = connect(&self.redis, nothing).await;
        while queue.forget(0).await.unwrap() {}
    }

    /// As if this job of the tenant's had been done too long ago to be remembered.
    pub(crate) async fn forget_job(&self, id: &str) {
        let job = self.queue.keys(0).job(ACME);
        self.redis.cli(["HDEL", &job, id]).await;
    }

    pub(crate) async fn status_of(&self, tenant: &str, id: &str) -> JobStatus {
        let mut found = self.queue.find(id, Some(tenant)).await.unwrap();
        found
            .pop()
            .unwrap_or_else(|| panic!("{tenant} has no job {id}"))
    }

    pub(crate) async fn status(&self, id: &str) -> JobStatus {
        self.status_of(ACME, id).await
    }

    /// Waits until the job stands as wanted, and returns how it stands.
    pub(crate) async fn until_job(
        &self,
        id: &str,
        what: &str,
        wanted: impl Fn(&JobStatus) -> bool,
    ) -> JobStatus {
        wait_until(&format!("{id} to be {what}"), PATIENCE, || async {
            Some(self.status(id).await).filter(&wanted)
        })
        .await
    }

    /// The same of a job of this tenant's.
    pub(crate) async fn until_state_of(&self, tenant: &str, id: &str, state: State) {
        wait_until(&format!("{id} to be {state}"), PATIENCE, || async {
            let job = self.status_of(tenant, id).await;
            (job.state == state).then_some(())
        })
        .await;
    }

    pub(crate) async fn until_state(&self, id: &str, state: State) -> JobStatus {
        self.until_job(id, &state.to_string(), |job| job.state == state)
            .await
    }

    /// Waits until so many jobs in all are done, and none is on its way any more or dead.
    pub(crate) async fn until_done(&self, count: u64) {
        let what = format!("{count} jobs to be done");
        wait_until(&what, PATIENCE, || async {
            let stats = self.queue.stats().await.ok()?;
            assert_eq!(stats.dead, 0, "none was to die");
            (stats.done_total == count).then_some(())
        })
        .await;
    }

    /// Waits until the API has seen so much.
    pub(crate) async fn until_seen(&self, what: &str, wanted: impl FnMut(&Summary) -> bool) {
        let seen = tokio::time::timeout(PATIENCE, self.sandbox.until(wanted)).await;
        seen.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for the API to see {what}"));
    }

    pub(crate) async fn lane(&self, tenant: &str) -> LaneStatus {
        self.queue.lane_status(&Lane::ghl(tenant)).await.unwrap()
    }

    /// Waits until the tenant is held for this, and returns how it stands.
    pub(crate) async fn until_held(&self, tenant: &str, why: &str) -> LaneStatus {
        wait_until(&format!("{tenant} to be held: {why}"), PATIENCE, || async {
            let lane = self.lane(tenant).await;
            (lane.why.as_deref() == Some(why)).then_some(lane)
        })
        .await
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.sandbox.calls_after(0)
    }

    /// The tenant's calls, in order of arrival.
    pub(crate) fn calls_of(&self, tenant: &str) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls.filter(|call| &*call.tenant == tenant).collect()
    }

    /// The operations about the contact with this id, in order of arrival.
    pub(crate) fn operations_on(&self, contact: &str) -> Vec<&'static str> {
        let calls = self.calls_on(contact);
        calls.iter().map(|call| call.operation).collect()
    }

    pub(crate) fn calls_on(&self, contact: &str) -> Vec<Call> {
        let (within, itself) = (
            format!("/contacts/{contact}/"),
            format!("/contacts/{contact}"),
        );
        let about = |call: &Call| call.path.contains(&within) || *call.path == *itself;
        self.calls().into_iter().filter(about).collect()
    }

    /// How often each operation was called.
    pub(crate) fn operations(&self) -> BTreeMap<&'static str, usize> {
        let mut operations = BTreeMap::new();
        for call in self.calls() {
            *operations.entry(call.operation).or_default() += 1;
        }
        operations
    }

    /// What a done job gives to read.
    pub(crate) async fn result(&self, id: &str) -> Value {
        let status = self.status(id).await;
        assert_eq!(status.state, State::Done, "{id}");
        status.done.unwrap().0.result
    }

    /// The API's contact.
    pub(crate) async fn contact(&self, id: &str) -> Value {
        let answer = reqwest::Client::new()
            .get(format!("{}/contacts/{id}", self.sandbox.url()))
            .bearer_auth(TOKEN)
            .header("version", "2021-07-28")
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["contact"].clone()
    }

    /// The one dead letter of this job.
    pub(crate) async fn dead(&self, id: &str) -> DeadLetter {
        let letters = self.queue.dead(&Filter::default(), 1000, None).await;
        let mut found = letters.unwrap().into_iter().filter(|dead| dead.id == id);
        found.next().unwrap_or_else(|| panic!("{id} is not dead"))
    }

    /// The same of a job that has stepped aside.
    pub(crate) async fn hasten_later(&self, id: &str) {
        let (keys, lane) = (self.queue.keys(0), Lane::ghl(ACME));
        let (later, turns) = (keys.later(lane.as_str()), keys.turns(lane.as_str()));
        let ticket = format!("1{id}");
        let all = self.redis.cli(["ZRANGE", &turns, "0", "-1"]).await;
        let all: Vec<String> = redis::from_redis_value(all).unwrap();
        let turn = all.iter().find(|turn| turn.ends_with(&ticket));
        let turn = turn.map(String::as_str);
        for (set, member) in [(&later, Some(ticket.as_str())), (&turns, turn)] {
            if let Some(member) = member {
                self.redis.cli(["ZADD", set, "XX", "1", member]).await;
            }
        }
        let lanes = keys.lanes();
        self.redis
            .cli(["ZADD", &lanes, "XX", "1", lane.as_str()])
            .await;
    }

    /// Brings a waiting job's moment forward, for delays that no setting shortens.
    pub(crate) async fn hasten(&self, id: &str) {
        let (keys, lane) = (self.queue.keys(0), Lane::ghl(ACME));
        let wait = keys.wait(lane.as_str());
        let ticket = format!("1{id}");
        self.redis.cli(["ZADD", &wait, "XX", "1", &ticket]).await;
        let lanes = keys.lanes();
        self.redis
            .cli(["ZADD", &lanes, "XX", "1", lane.as_str()])
            .await;
    }
}

/// How long what is done is remembered.
const KEPT: Duration = Duration::from_secs(86_400);

/// A way to the queue of the test's own.
async fn connect(redis: &RedisServer, terms: Terms) -> Queue {
    let location = Location {
        url: redis.url().into(),
        roots: None,
        namespace: "penstock".into(),
        shards: 1,
        durability: Durability::Everysec,
        encryption: Encryption::default(),
    };
    Queue::connect(location, terms).await.unwrap()
}

fn terms() -> Terms {
    Terms {
        lease: Duration::from_secs(3),
        http_timeout: HTTP_TIMEOUT,
        quarantine: QUARANTINE,
        reserve: 0.1,
        spread: false,
        coalesce: 1,
        max_backlog: 1_000_000,
        memory: 90,
        retention: KEPT,
    }
}
