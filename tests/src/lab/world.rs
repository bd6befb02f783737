//! What a run plays in: Redis, the sandbox and the stand-ins for other systems, each behind a proxy, and the workers, which come and go.

mod elsewhere;
mod gather;
mod leftover;
mod message;

use std::time::Duration;

use penstock_shared::{
    queue::{Location, Queue, Terms},
    settings::Settings,
};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::timeout;

pub use elsewhere::Elsewhere;

use super::history::{Allowance, Output};
use super::ledger::Call;
use super::workload::Workload;
use crate::harness::{Program, Proxy, RedisOptions, RedisServer, wait_until};
use crate::sandbox::{Options, Running, Sandbox, Window};

/// For whatever must happen at all; how soon is told, not asserted.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// For an answer of Redis without which it goes on as well.
const ANSWER: Duration = Duration::from_millis(50);
/// The workers' token, which no output may have.
pub const TOKEN: &str = "pit-lab-9f3c2e";
/// What markers are made with; any will do, if it is long enough.
pub const MARKER_KEY: &str = "a-key-of-the-fault-laboratory-alone";
/// A worker as everybody runs it.
pub const WORKER: &str = "penstock-worker";
/// One that does what `PENSTOCK_FAILPOINT` says, for tests only.
pub const FRAGILE: &str = "penstock-worker-failpoints";

/// Short, so that a run sees the end of each.
pub const LEASE: Duration = Duration::from_secs(2);
/// The longest call.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(2);
/// How late the API may be: the sandbox's faults are well within it.
pub const QUARANTINE: Duration = Duration::from_millis(1500);
const SETTINGS: [(&str, &str); 10] = [
    ("PENSTOCK_GHL_TOKEN", TOKEN),
    ("PENSTOCK_GHL_DAILY", "10000000/1d"),
    ("PENSTOCK_LEASE", "2s"),
    ("PENSTOCK_HTTP_TIMEOUT", "2s"),
    ("PENSTOCK_QUARANTINE", "1500ms"),
    ("PENSTOCK_SEARCH_LAG", "1500ms"),
    ("PENSTOCK_SMS_REPORT_WAIT", "3s"),
    ("PENSTOCK_BACKOFF", "50ms..500ms"),
    ("PENSTOCK_MAX_ATTEMPTS", "1000"),
    ("PENSTOCK_GRACE", "5s"),
];

/// How a world is made.
#[derive(Debug, Clone)]
pub struct Make {
    /// How Redis is started.
    pub redis: RedisOptions,
    /// What each tenant may call in a window.
    pub burst: String,
    /// How long an answer takes.
    pub latency: String,
    /// Whether the API takes a second contact with the address of another.
    pub duplicates: bool,
    /// What its random choices are drawn from.
    pub seed: u64,
    /// The workers' settings, over those of the laboratory.
    pub settings: Vec<(String, String)>,
}

impl Default for Make {
    fn default() -> Self {
        Self {
            redis: RedisOptions::default(),
            burst: "1000/1s".into(),
            latency: "2ms..20ms".into(),
            duplicates: false,
            seed: 0,
            settings: Vec::new(),
        }
    }
}

impl Make {
    /// With a setting of the workers.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

/// A world.
#[derive(Debug)]
pub struct World {
    /// The server, which may be killed.
    pub redis: RedisServer,
    /// The way to it.
    pub redis_link: Proxy,
    /// The API.
    pub sandbox: Running,
    /// The way to it.
    pub api_link: Proxy,
    /// The systems beside it.
    pub elsewhere: Elsewhere,
    /// The laboratory's own way to the queue, past the proxy.
    pub queue: Queue,
    /// What each of the systems allows.
    pub allowance: Allowance,
    settings: Vec<(String, String)>,
    outputs: Vec<Output>,
    started: usize,
}

impl World {
    /// Starts it, without a worker.
    ///
    /// # Panics
    /// When a part of it does not start.
    pub async fn start(make: Make) -> Self {
        let redis = RedisServer::start(make.redis.clone()).await;
        let mut options = Options {
            seed: make.seed,
            allow_duplicates: make.duplicates,
            keep_contents: true,
            ledger_cap: usize::MAX,
            latency: make.latency.parse().expect("a latency"),
            tokens: vec![SecretString::from(TOKEN)],
            ..Options::default()
        };
        options.quota.burst = make.burst.parse().expect("a quota");
        options.quota.daily.calls = 10_000_000;
        options.quota.window = Window::Sliding;
        let allowance = Allowance {
            calls: options.quota.burst.calls as usize,
            window: options.quota.burst.window,
        };
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let mut settings: Vec<(String, String)> = SETTINGS
            .map(|(name, value)| (name.into(), value.into()))
            .into();
        let elsewhere = Elsewhere::start(&make).await;
        let file = elsewhere.file().to_string_lossy().into_owned();
        settings.push(("PENSTOCK_CONNECTIONS".into(), file));
        settings.push(("PENSTOCK_GHL_BURST".into(), make.burst));
        settings.extend(make.settings);
        let queue = connect(&redis.url(), &settings).await;
        Self {
            redis_link: Proxy::start(redis.endpoint()),
            api_link: Proxy::start(sandbox.addr()),
            redis,
            sandbox,
            elsewhere,
            queue,
            allowance,
            settings,
            outputs: Vec::new(),
            started: 0,
        }
    }

    /// A way to the queue through the proxy, as the programs have.
    pub async fn queue_over_link(&self) -> Queue {
        connect(&self.redis_link.redis_url(), &self.settings).await
    }

    /// A worker that has only been started.
    pub fn begin(&mut self, program: &str, settings: &[(&str, &str)]) -> Program {
        self.started += 1;
        let (redis, api) = (self.redis_link.redis_url(), self.api_link.http_url());
        let places = [
            ("PENSTOCK_REDIS_URL", redis.as_str()),
            ("PENSTOCK_GHL_BASE_URL", api.as_str()),
        ];
        let own = self.settings.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let all = places
            .into_iter()
            .chain(own)
            .chain(settings.iter().copied());
        let builder = all.fold(Program::new(program), |builder, (name, value)| {
            builder.env(name, value)
        });
        builder.start()
    }

    /// A worker that is ready.
    ///
    /// # Panics
    /// When it does not become that.
    pub async fn worker(&mut self, program: &str, settings: &[(&str, &str)]) -> Program {
        let worker = self.begin(program, settings);
        worker.wait_for_line("ready worker=", PATIENCE).await;
        worker
    }

    /// Keeps what a program wrote, and lets it go.
    pub fn dismiss(&mut self, mut worker: Program) {
        worker.kill9();
        let of = format!("{} {}", worker.name(), worker.pid());
        let lines = [worker.stderr(), worker.stdout()].concat();
        self.outputs.push(Output { of, lines });
    }

    /// How many workers were started.
    pub const fn started(&self) -> usize {
        self.started
    }

    /// Waits until all of so many jobs have ended.
    ///
    /// # Panics
    /// When they do not.
    pub async fn until_all_ended(&self, count: u64) {
        wait_until("the end of all jobs", PATIENCE * 5, || async {
            let stats = self.queue.stats().await.ok()?;
            (stats.done_total + stats.dead == count && stats.running == 0).then_some(())
        })
        .await;
    }

    /// Whether a job is unfinished, or may be: Redis may be away.
    pub async fn has_work(&self) -> bool {
        match timeout(ANSWER, self.queue.stats()).await {
            Ok(Ok(stats)) => stats.scheduled + stats.ready + stats.blocked + stats.running > 0,
            Ok(Err(_)) | Err(_) => true,
        }
    }

    /// Puts into the systems what a workload takes for granted.
    pub fn seed(&self, workload: &Workload) {
        for (tenant, id) in &workload.known {
            self.seed_contact(tenant, id);
        }
        for id in &workload.profiles {
            self.elsewhere.seed_profile(id);
        }
    }

    /// How many calls all systems saw, and how many effects there are.
    pub fn seen(&self) -> (u64, u64) {
        let (calls, effects) = self.elsewhere.seen();
        let summary = self.sandbox.summary();
        (calls + summary.calls, effects + summary.effects)
    }

    /// What all systems saw.
    pub fn calls(&self) -> Vec<Call> {
        let of_api = self.sandbox.calls_after(0).into_iter().map(Call::from);
        of_api.chain(self.elsewhere.calls()).collect()
    }

    /// Puts a contact into the API.
    pub fn seed_contact(&self, tenant: &str, id: &str) {
        // It may be there already.
        let _ = self
            .sandbox
            .seed_contact(&json!({ "id": id, "locationId": tenant }));
    }

    /// Puts these faults of the API in the place of all its others.
    ///
    /// # Panics
    /// When one of them is none.
    pub fn faults(&self, faults: &[&str]) {
        let parsed = faults.iter().map(|fault| fault.parse().expect("a fault"));
        self.sandbox.set_faults(parsed);
    }
}

/// The name under which a ready worker is known in Redis.
pub async fn name_of(worker: &Program) -> String {
    let line = worker.wait_for_line("ready worker=", PATIENCE).await;
    let name = line
        .split_once("ready worker=")
        .map_or("", |(_, rest)| rest);
    name.split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned()
}

async fn connect(url: &str, settings: &[(String, String)]) -> Queue {
    let pairs = settings
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let pairs = pairs.chain([("PENSTOCK_REDIS_URL", url)]);
    let settings = Settings::load_from(pairs).expect("the settings make sense");
    let queue = Queue::connect(Location::from(&settings), Terms::from(&settings)).await;
    queue.expect("the Redis server is fit for use")
}
