//! A Redis, the stand-ins, workers on them, and what a test asks them.

use std::{fs, path::PathBuf, time::Duration};

use penstock_shared::{
    event::Event,
    job::{Destination, Job, state::State},
    queue::{
        Queue,
        dead::{DeadLetter, Filter},
        enqueue::{Admission, Enqueued},
        record::NewJob,
        reference::Lane,
        status::{JobStatus, LaneStatus},
    },
};
use penstock_tests::{
    fixture::Draft,
    harness::{Finished, Program, RedisOptions, RedisServer, run, wait_until},
    ready,
    smore::{self, Smore},
    smsfactor::{self, SmsFactor},
    stand::Effect,
};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const ACME: &str = "acme";
pub(crate) const ANN: &str = "+33612345678";
/// The same as the API writes it.
pub(crate) const ANN_THERE: &str = "33612345678";
/// For whatever must happen at all; how soon is not what these tests are about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Short, so that a test sees the end of each.
const SETTINGS: [(&str, &str); 9] = [
    // Nothing follows from events, but where a test says so.
    ("PENSTOCK_FLOWS", "/dev/null"),
    ("PENSTOCK_GHL_TOKEN", "pit-test"),
    // Nothing here calls it.
    ("PENSTOCK_GHL_BASE_URL", "http://127.0.0.1:9"),
    ("PENSTOCK_LEASE", "2s"),
    ("PENSTOCK_HTTP_TIMEOUT", "2s"),
    ("PENSTOCK_QUARANTINE", "1s"),
    ("PENSTOCK_BACKOFF", "50ms..100ms"),
    ("PENSTOCK_SMS_REPORT_WAIT", "60s"),
    ("PENSTOCK_LOG", "info,penstock_worker=debug"),
];

pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) sms: smsfactor::Running,
    pub(crate) smore: smore::Running,
    pub(crate) queue: Queue,
    folder: TempDir,
}

impl Stage {
    /// The stand-ins have no quota to speak of.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    /// The same, with other stand-ins.
    pub(crate) async fn with(
        sms: impl FnOnce(&mut smsfactor::Options),
        smore: impl FnOnce(&mut smore::Options),
    ) -> Self {
        let redis = RedisServer::start(RedisOptions::default()).await;
        let mut of_sms = smsfactor::Options::default();
        of_sms.burst.calls = 100_000;
        sms(&mut of_sms);
        let mut of_smore = smore::Options::default();
        of_smore.crm.calls = 100_000;
        smore(&mut of_smore);
        Self {
            sms: SmsFactor::start(of_sms).await.unwrap(),
            smore: Smore::start(of_smore).await.unwrap(),
            queue: ready::queue(&redis.url(), "penstock").await.unwrap(),
            redis,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A file of connections: that to `SMSFactor`, where the tenant has an account of its own, and `crm`.
    pub(crate) fn connections(&self) -> String {
        format!(
            "[smsfactor]\nbase_url = '{}'\nquota = '1000/1s'\n[smsfactor.tenants.acme]\ntoken = 'sms-token'\n\
             [connection.crm]\nbase_url = '{}/crm/v1'\ntoken = 'crm-token'\nquota = '1000/1s'\n",
            self.sms.url(),
            self.smore.url(),
        )
    }

    /// The same, where all tenants share one account.
    pub(crate) fn shared_connections(&self) -> String {
        self.connections().replace("[smsfactor.tenants.acme]\n", "")
    }

    /// A file of flows in the place of the one before, at once.
    pub(crate) fn flows(&self, text: &str) -> PathBuf {
        self.file("flows.toml", text)
    }

    /// A file that a program reads.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
        path
    }

    pub(crate) async fn worker(&self) -> Program {
        self.worker_with(&self.connections(), &[]).await
    }

    /// A worker that has this file of connections, and settings of its own, started and ready.
    pub(crate) async fn worker_with(
        &self,
        connections: &str,
        settings: &[(&str, &str)],
    ) -> Program {
        self.worker_of("penstock-worker", connections, settings)
            .await
    }

    /// A worker that dies as it passes this point for the first time.
    pub(crate) async fn dying_worker(&self, point: &str) -> Program {
        let dies = format!("{point}:abort");
        self.fragile_worker(&[("PENSTOCK_FAILPOINT", &dies)]).await
    }

    /// One that has failpoints, with these settings.
    pub(crate) async fn fragile_worker(&self, settings: &[(&str, &str)]) -> Program {
        let fragile = "penstock-worker-failpoints";
        self.worker_of(fragile, &self.connections(), settings).await
    }

    async fn worker_of(
        &self,
        program: &str,
        connections: &str,
        settings: &[(&str, &str)],
    ) -> Program {
        let name = uuid::Uuid::now_v7().to_string();
        let path = self.folder.path().join(name);
        fs::write(&path, connections).unwrap();
        let path = path.to_str().unwrap();
        let redis = self.redis.url();
        let places = [
            ("PENSTOCK_REDIS_URL", redis.as_str()),
            ("PENSTOCK_CONNECTIONS", path),
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

    pub(crate) async fn enqueue(&self, drafts: &[Draft]) {
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        self.store(&jobs).await;
    }

    async fn store(&self, jobs: &[NewJob]) {
        let stored = self.queue.enqueue(jobs, Admission::Each).await.unwrap();
        assert!(stored.iter().all(|code| *code == Enqueued::Accepted));
    }

    /// A webhook of `SMSFactor`'s comes in, as its stand-in says it.
    pub(crate) async fn hears(&self, body: &Value) {
        let events = events(body);
        let words = events.iter().filter_map(Event::word);
        let jobs = words.chain(events.iter().cloned().map(Event::into_job));
        self.store(&jobs.filter_map(named).collect::<Vec<_>>())
            .await;
    }

    /// One of something that is known already comes in: it is stored no second time.
    pub(crate) async fn hears_again(&self, body: &Value) {
        let jobs = events(body).into_iter().map(Event::into_job);
        let jobs: Vec<_> = jobs.filter_map(named).collect();
        let stored = self.queue.enqueue(&jobs, Admission::Each).await;
        let is_known = |code: &Enqueued| matches!(code, Enqueued::Duplicate | Enqueued::Conflict);
        assert!(stored.unwrap().iter().all(is_known));
    }

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

    pub(crate) async fn status(&self, id: &str) -> JobStatus {
        self.status_of(ACME, id).await
    }

    pub(crate) async fn status_of(&self, tenant: &str, id: &str) -> JobStatus {
        let mut found = self.queue.find(id, Some(tenant)).await.unwrap();
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
        wait_until(&format!("{id} to be {what}"), PATIENCE, || async {
            Some(self.status(id).await).filter(&wanted)
        })
        .await
    }

    pub(crate) async fn until_state(&self, id: &str, state: State) -> JobStatus {
        self.until_job(id, &state.to_string(), |job| job.state == state)
            .await
    }

    /// What the job gives to read, once it is done.
    pub(crate) async fn result(&self, id: &str) -> Value {
        let status = self.until_state(id, State::Done).await;
        status.done.unwrap().0.result
    }

    /// The dead letter of this job, once it is one.
    pub(crate) async fn dead(&self, id: &str) -> DeadLetter {
        self.until_state(id, State::Dead).await;
        let letters = self.queue.dead(&Filter::default(), 1000, None).await;
        let mut found = letters.unwrap().into_iter().filter(|dead| dead.id == id);
        found.next().unwrap()
    }

    pub(crate) async fn lane(&self, destination: &str) -> LaneStatus {
        let destination: Destination = destination.parse().unwrap();
        let lane = Lane::of(&destination, ACME);
        self.queue.lane_status(&lane).await.unwrap()
    }

    /// Waits until the lane is held for this.
    pub(crate) async fn until_held(&self, destination: &str, why: &str) {
        let what = format!("{destination} to be held: {why}");
        wait_until(&what, PATIENCE, || async {
            let lane = self.lane(destination).await;
            (lane.why.as_deref() == Some(why)).then_some(())
        })
        .await;
    }

    /// The words for programs that `job why` gives.
    pub(crate) async fn whys(&self, id: &str) -> Vec<String> {
        let why = self.ask(&["job", "why", id]).await;
        let reasons = why["reasons"].as_array().unwrap();
        let whats = reasons.iter().map(|reason| reason["what"].as_str());
        whats.map(|what| what.unwrap().to_owned()).collect()
    }

    /// How often the text API was called for this.
    pub(crate) fn sms_calls(&self, operation: &str) -> u64 {
        let calls = self.sms.summary().by_operation;
        calls.get(operation).copied().unwrap_or(0)
    }

    /// What was changed in it, of this kind.
    pub(crate) fn sms_effects(&self, kind: &str) -> Vec<Effect> {
        let effects = self.sms.effects().into_iter();
        effects
            .filter(|effect| effect.change.kind == kind)
            .collect()
    }
}

/// A message to Ann.
pub(crate) fn sms(id: &str, more: Value) -> Draft {
    let mut payload = json!({ "to": ANN, "text": "Your table is ready" });
    if let (Value::Object(all), Value::Object(more)) = (&mut payload, more) {
        all.extend(more);
    }
    penstock_tests::fixture::job(id).what("SendSms", payload)
}

/// A call to `crm`.
pub(crate) fn call(id: &str, method: &str, path: &str, more: Value) -> Draft {
    let mut payload = json!({ "connection": "crm", "method": method, "path": path });
    if let (Value::Object(all), Value::Object(more)) = (&mut payload, more) {
        all.extend(more);
    }
    penstock_tests::fixture::job(id).what("HttpCall", payload)
}

/// What a webhook of `SMSFactor`'s tells of.
fn events(body: &Value) -> Vec<Event> {
    let (tenant, bytes) = (ACME.parse().unwrap(), body.to_string());
    Event::from_smsfactor(bytes.as_bytes(), &tenant, None).unwrap()
}

fn named(mut job: Job) -> Option<NewJob> {
    let id = job.id.take()?;
    Some(NewJob { id, job })
}
