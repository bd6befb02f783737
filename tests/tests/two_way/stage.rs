//! All three systems, and Penstock between them: a Redis, the stand-ins, `serve`, a worker, and the files that are shipped.

pub(crate) mod door;
mod list;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use penstock_shared::{
    outcome::Cause,
    queue::{Queue, dead::Filter, run::field},
};
use penstock_tests::{
    harness::{Program, ProgramBuilder, RedisOptions, RedisServer, free_port, wait_until},
    ready::{self, Files, Systems, TOKENS, Teller},
    sandbox, smore, smsfactor,
    stand::{Effect, Fate, Scheme},
};
use reqwest::Method;
use serde_json::{Map, Value, json};

pub(crate) use penstock_tests::ready::{ALERTS, LIST, SECRET, STAFF, TENANT};

/// Where the flows on a cadence stand in the shipped file: from here to there.
const ON_A_CADENCE: [&str; 2] = [
    "# What no webhook has told of: replies",
    "# ---- A contact that is the same in GHL and in the list",
];
/// For whatever must happen at all; how soon is not what these tests are about.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short, so that a test sees the end of each.
const SETTINGS: [(&str, &str); 7] = [
    ("PENSTOCK_GHL_BURST", "100000/10s"),
    ("PENSTOCK_LEASE", "2s"),
    ("PENSTOCK_HTTP_TIMEOUT", "2s"),
    ("PENSTOCK_QUARANTINE", "1s"),
    ("PENSTOCK_BACKOFF", "50ms..100ms"),
    ("PENSTOCK_COALESCE", "off"),
    ("PENSTOCK_LOG", "info,penstock_worker=debug"),
];

pub(crate) struct World {
    pub(crate) sandbox: sandbox::Running,
    pub(crate) sms: smsfactor::Running,
    pub(crate) smore: smore::Running,
    pub(crate) queue: Queue,
    pub(crate) http: reqwest::Client,
    serve: String,
    teller: Teller,
    _programs: [Program; 2],
    redis: RedisServer,
    _files: Files,
}

/// A file of the shipped ones.
pub(crate) fn shipped(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("deploy").join(name)
}

/// The shipped flows, as they are read.
pub(crate) fn shipped_flows() -> String {
    fs::read_to_string(shipped("flows.toml")).unwrap()
}

/// The same but for those on a cadence: their moments are the clock's, and come in the middle of whatever a test does.
pub(crate) fn unscheduled_flows() -> String {
    let text = shipped_flows();
    let [begin, end] = ON_A_CADENCE.map(|mark| text.find(mark).unwrap());
    [&text[..begin], &text[end..]].concat()
}

impl World {
    /// All of it with the shipped flows that begin with an event, under way.
    pub(crate) async fn start() -> Self {
        Self::following(None).await
    }

    /// The same with other flows.
    pub(crate) async fn with(flows: &Path) -> Self {
        Self::following(Some(flows)).await
    }

    async fn following(flows: Option<&Path>) -> Self {
        let redis = RedisServer::start(RedisOptions::default()).await;
        let url = redis.url();
        let systems = systems().await;
        let serve = format!("http://127.0.0.1:{}", free_port());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let smore_secret = systems.register(&http, &serve).await.unwrap();
        let teller = Teller::new(&http, &serve).unwrap();
        let files = Files::write(&teller, &systems).unwrap();
        files.lift_quotas().unwrap();
        fs::write(files.flows(), unscheduled_flows()).unwrap();
        let flows = flows.map_or_else(|| files.flows(), Path::to_path_buf);
        let listen = serve.trim_start_matches("http://");
        let service = Program::new("penstock-producer")
            .env("PENSTOCK_REDIS_URL", &url)
            .env("PENSTOCK_HOOKS", files.hooks())
            .args(["serve", "--listen", listen]);
        let service = told(service, &ready::secrets(&smore_secret)).start();
        let worker = Program::new("penstock-worker")
            .env("PENSTOCK_REDIS_URL", &url)
            .env("PENSTOCK_GHL_BASE_URL", systems.ghl.url())
            .env("PENSTOCK_CONNECTIONS", files.connections())
            .env("PENSTOCK_FLOWS", flows);
        let worker = told(told(worker, &SETTINGS), &TOKENS).start();
        worker.wait_for_line("ready worker=", PATIENCE).await;
        service
            .wait_for_line("listening on http://", PATIENCE)
            .await;
        let Systems { ghl, sms, smore } = systems;
        let world = Self {
            queue: ready::queue(&url, "penstock").await.unwrap(),
            sandbox: ghl,
            sms,
            smore,
            http,
            serve,
            teller,
            _programs: [service, worker],
            redis,
            _files: files,
        };
        wait_until("the service to be ready", PATIENCE, async || {
            let ready = world.http.get(world.address("/readyz")).send().await;
            ready.is_ok_and(|ready| ready.status() == 200).then_some(())
        })
        .await;
        world
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.serve)
    }

    /// GHL tells of this, which has just happened.
    pub(crate) async fn ghl(&self, kind: &str, data: Value) {
        self.ghl_at(kind, Timestamp::now(), data).await;
    }

    /// The same of a moment.
    pub(crate) async fn ghl_at(&self, kind: &str, at: Timestamp, data: Value) {
        self.ghl_says(&self.teller.letter(kind, at, data)).await;
    }

    /// GHL sends these bytes, signed.
    pub(crate) async fn ghl_says(&self, body: &Value) {
        self.teller.say(body).await.unwrap();
    }

    /// Somebody sends the form.
    pub(crate) async fn form(&self, body: &Value) {
        let body = body.to_string();
        let signature = Scheme::HmacHex.sign(&SECRET.into(), body.as_bytes());
        let posted = self.http.post(self.address("/hooks/form"));
        let posted = posted.header("X-Signature", signature).body(body);
        assert_eq!(posted.send().await.unwrap().status(), 200);
    }

    /// A number replies.
    pub(crate) fn replies(&self, from: &str, message: &str) {
        let reply = json!({ "from": from, "message": message });
        self.sms.steer("replies", &reply).unwrap();
    }

    /// A contact is there; what its webhook would say of it.
    pub(crate) fn seeded(&self, fields: Value) -> Value {
        let mut contact = json!({ "locationId": TENANT });
        merge(&mut contact, fields);
        self.sandbox.seed_contact(&contact).unwrap()
    }

    /// What somebody else asks of GHL.
    pub(crate) async fn ask_ghl(&self, method: Method, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.sandbox.url());
        let request = self.http.request(method.clone(), url);
        let request = request
            .bearer_auth("pit-somebody")
            .header("version", "2021-07-28");
        let request = if method == Method::GET {
            request
        } else {
            request.json(&body)
        };
        request
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap_or_default()
    }

    /// The contact with this number or address, as soon as it is as wanted.
    pub(crate) async fn contact(
        &self,
        by: (&str, &str),
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let (name, value) = (by.0, by.1.replace('+', "%2B"));
        let path = format!("/contacts/search/duplicate?locationId={TENANT}&{name}={value}");
        self.until(what, async || {
            let answer = self.ask_ghl(Method::GET, &path, Value::Null).await;
            let id = answer["contact"]["id"].as_str()?;
            let contact = self.ghl_contact(id).await;
            wanted(&contact).then_some(contact)
        })
        .await
    }

    /// The contact of this id.
    pub(crate) async fn ghl_contact(&self, id: &str) -> Value {
        let path = format!("/contacts/{id}");
        let answer = self.ask_ghl(Method::GET, &path, Value::Null).await;
        answer["contact"].clone()
    }

    /// What notes say on a contact, as soon as there are so many.
    pub(crate) async fn notes(&self, contact: &str, count: usize) -> Vec<String> {
        let listed = self.listed(contact, "notes", count).await;
        let bodies = listed.iter().map(|note| note["body"].as_str().unwrap());
        bodies.map(str::to_owned).collect()
    }

    /// A contact's notes or tasks, as soon as there are so many.
    pub(crate) async fn listed(&self, contact: &str, what: &str, count: usize) -> Vec<Value> {
        let path = format!("/contacts/{contact}/{what}");
        self.until(&format!("{count} {what}"), async || {
            let answer = self.ask_ghl(Method::GET, &path, Value::Null).await;
            let listed = answer[what].as_array()?.clone();
            (listed.len() >= count).then_some(listed)
        })
        .await
    }

    /// What was changed at `SMSFactor` in this way, as soon as there are so many.
    pub(crate) async fn sms_effects(&self, kind: &str, count: usize) -> Vec<Effect> {
        let what = format!("{count} of {kind} at SMSFactor");
        self.until(&what, async || some(self.sms.effects(), kind, count))
            .await
    }

    /// The same at the CRM.
    pub(crate) async fn crm_effects(&self, kind: &str, count: usize) -> Vec<Effect> {
        let what = format!("{count} of {kind} at the CRM");
        self.until(&what, async || some(self.smore.effects(), kind, count))
            .await
    }

    /// Waits until a job has died of this, and returns what was wrong.
    pub(crate) async fn until_dead(&self, cause: Cause) -> String {
        let filter = Filter {
            cause: Some(cause.as_str().to_owned()),
            ..Filter::default()
        };
        wait_until("a dead letter", PATIENCE, async || {
            let dead = self.queue.dead(&filter, 1, None).await.unwrap();
            let letter = dead.into_iter().next()?;
            Some(letter.run.text(field::ERROR).unwrap_or_default().to_owned())
        })
        .await
    }

    /// Waits until it is so. That a job has died in the meantime is told.
    async fn until<T>(&self, what: &str, met: impl AsyncFn() -> Option<T>) -> T {
        wait_until(what, PATIENCE, async || {
            let found = met().await;
            if found.is_none() {
                let stats = self.queue.stats().await.unwrap();
                assert_eq!(stats.dead, 0, "a job has died; {what} is waited for");
            }
            found
        })
        .await
    }

    /// Waits until nothing moves: every webhook is delivered, and no job is open; and returns how many are dead.
    pub(crate) async fn rest(&self) -> u64 {
        wait_until("nothing to move", PATIENCE, async || {
            // A job may tell of what it does as it ends: what was delivered must be the same before and after the look at the jobs.
            let before = self.delivered()?;
            let stats = self.queue.stats().await.unwrap();
            let open = stats.scheduled + stats.ready + stats.blocked + stats.running;
            let is_quiet = open == 0 && self.delivered() == Some(before);
            is_quiet.then_some(stats.dead)
        })
        .await
    }

    /// How many webhooks the stand-ins have sent; `None` while one is under way.
    fn delivered(&self) -> Option<usize> {
        let all = [self.sms.deliveries(), self.smore.deliveries()].concat();
        let is_under_way = all.iter().any(|one| one.state == Fate::Pending);
        (!is_under_way).then_some(all.len())
    }
}

/// The stand-ins, without quotas to speak of.
async fn systems() -> Systems {
    let mut of_ghl = sandbox::Options::default();
    of_ghl.quota.burst.calls = 100_000;
    let mut of_sms = smsfactor::Options::default();
    of_sms.burst.calls = 100_000;
    let mut of_smore = smore::Options::default();
    of_smore.crm.calls = 100_000;
    Systems::start(of_ghl, of_sms, of_smore).await.unwrap()
}

fn told(program: ProgramBuilder, settings: &[(&str, &str)]) -> ProgramBuilder {
    let settings = settings.iter();
    settings.fold(program, |program, (name, value)| program.env(name, value))
}

fn some(effects: Vec<Effect>, kind: &str, count: usize) -> Option<Vec<Effect>> {
    let effects = effects.into_iter();
    let found: Vec<_> = effects
        .filter(|effect| effect.change.kind == kind)
        .collect();
    (found.len() >= count).then_some(found)
}

/// Puts members into an object.
pub(crate) fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (object, more) {
        all.extend(more);
    }
}

/// So long ago.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

/// What was written, without what the stand-in adds.
pub(crate) fn content(effect: &Effect) -> &Map<String, Value> {
    &effect.change.content
}
