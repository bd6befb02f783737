//! Very many jobs that wait, and very many that come due at one moment: how long Redis takes for its longest command, and whether the claims pause.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use penstock_shared::{
    queue::{
        Queue,
        claim::{ClaimRequest, MOST_CALLS},
        enqueue::Admission,
    },
    settings::Settings,
};
use penstock_tests::{
    fixture::{self, Draft, job},
    harness::{Listen, RedisOptions, RedisServer},
    lab::figures::percentile,
};

use penstock_tests::fixture::Scenarios;

const WAITING: u32 = 1_000_000;
const DUE: u32 = 100_000;
const TENANTS: u32 = 1_000;
const CONTACTS: u32 = 20_000;
/// How many are stored by one call.
const PAGE: usize = 2_000;
const SLOTS: usize = MOST_CALLS;
/// How many ends a worker writes at once.
const BATCH: usize = 48;
/// How long after the last was stored they come due: they are all there by then.
const AHEAD: u64 = 5_000;
const HOUR: u64 = 3_600_000;
/// What is told of is longer than this, in microseconds: Redis logs no shorter command.
const LOGGED: &str = "500";

pub(crate) async fn run(scenarios: &Scenarios) {
    let (waiting, due) = (scenarios.scaled(WAITING), scenarios.scaled(DUE));
    let scene = Scene::start().await;
    let now = scene.queue.now().await.expect("Redis tells the time");
    scene.store("waiting", waiting, now + 24 * HOUR).await;
    // All of these are stored long before they come due.
    let moment =
        scene.queue.now().await.expect("Redis tells the time") + AHEAD + u64::from(due / 20);
    scene.store("due", due, moment).await;
    scene.log_anew().await;
    let claims = scene.work_off(due, moment).await;
    let (longest, what) = scene.longest_command().await;
    println!(
        "volume: {waiting} wait, {due} due at once of {TENANTS} tenants: longest Redis command {longest:.1} ms{what} (should be below 5), \
         spread in {:.2?}, between two claims p50 {:.2?}, p99 {:.2?}, longest {:.2?}",
        claims.iter().sum::<Duration>(),
        percentile(&claims, 50).unwrap_or_default(),
        percentile(&claims, 99).unwrap_or_default(),
        percentile(&claims, 100).unwrap_or_default(),
    );
}

/// A Redis, and a quota that holds nothing back.
struct Scene {
    redis: RedisServer,
    queue: Queue,
}

impl Scene {
    async fn start() -> Self {
        let redis = RedisServer::start(RedisOptions {
            listen: Listen::Tcp,
            ..RedisOptions::default()
        })
        .await;
        let settings = Settings::load_from([
            ("PENSTOCK_REDIS_URL", redis.url().as_str()),
            ("PENSTOCK_GHL_BURST", "10000000/1s"),
            ("PENSTOCK_GHL_DAILY", "10000000/1d"),
            ("PENSTOCK_MAX_BACKLOG", "10000000"),
        ])
        .expect("the settings make sense");
        let queue = Queue::connect((&settings).into(), (&settings).into()).await;
        let queue = queue.expect("the Redis server is fit for use");
        let quotas = (settings.ghl.burst, settings.ghl.daily);
        let registered = queue.register(0, "w", quotas, &HashMap::new()).await;
        registered.expect("it registers");
        Self { redis, queue }
    }

    async fn store(&self, kind: &str, count: u32, due_ms: u64) {
        let numbers: Vec<_> = (0..count).collect();
        for page in numbers.chunks(PAGE) {
            let jobs = page
                .iter()
                .map(|number| draft(kind, *number, due_ms).build());
            let jobs: Vec<_> = jobs.collect();
            let stored = self.queue.enqueue(&jobs, Admission::Each).await;
            let stored = stored.expect("they are stored");
            assert!(stored.iter().all(|code| code.is_stored()));
        }
    }

    /// Only what comes from now on is told of.
    async fn log_anew(&self) {
        let threshold = ["CONFIG", "SET", "slowlog-log-slower-than", LOGGED];
        self.redis.cli(threshold).await;
        self.redis
            .cli(["CONFIG", "SET", "slowlog-max-len", "10000"])
            .await;
        self.redis.cli(["SLOWLOG", "RESET"]).await;
    }

    /// Claims and ends all that comes due; the time from each claim that gave jobs to the next, sorted.
    async fn work_off(&self, due: u32, moment: u64) -> Vec<Duration> {
        let (mut number, mut left) = (0, due as usize);
        let mut apart = Vec::new();
        let mut last: Option<Instant> = None;
        while left > 0 {
            number += 1;
            let request = ClaimRequest {
                number,
                slots: SLOTS,
                held: Vec::new(),
            };
            let claim = self.queue.claim(0, "w", &request).await.expect("it claims");
            if claim.jobs.is_empty() {
                let wait = moment.saturating_sub(claim.now_ms).clamp(1, 100);
                tokio::time::sleep(Duration::from_millis(wait)).await;
                continue;
            }
            apart.extend(last.replace(Instant::now()).map(|last| last.elapsed()));
            left -= claim.jobs.len();
            let ends: Vec<_> = claim.jobs.iter().map(fixture::delivered).collect();
            for batch in ends.chunks(BATCH) {
                self.queue.settle(0, batch).await.expect("it settles");
            }
        }
        apart.sort_unstable();
        apart
    }

    /// How many ms the longest of them took, and which it was.
    async fn longest_command(&self) -> (f64, String) {
        let log: Vec<Logged> = self.redis.get(["SLOWLOG", "GET", "10000"]).await;
        let longest = log.iter().max_by_key(|(_, _, micros, ..)| *micros);
        longest.map_or((0.0, String::new()), |(_, _, micros, command, ..)| {
            let words = command.iter().take(2);
            let words: Vec<_> = words.map(|word| String::from_utf8_lossy(word)).collect();
            let ms = Duration::from_micros(*micros).as_secs_f64() * 1e3;
            (ms, format!(" ({})", words.join(" ")))
        })
    }
}

/// Number, time, microseconds, the command, who sent it.
type Logged = (u64, u64, u64, Vec<Vec<u8>>, String, String);

fn draft(kind: &str, number: u32, due_ms: u64) -> Draft {
    job(&format!("{kind}-{number}"))
        .of(&format!("tenant-{}", number % TENANTS))
        .contact(&format!("contact-{}", number % CONTACTS))
        .tag("vip")
        .run_at(due_ms)
}
