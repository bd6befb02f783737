//! Very many jobs that wait, and very many that come due at one moment: how long Redis takes for its longest command, and whether the claims pause.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use penstock_shared::{
    queue::{
        Queue,
        claim::{ClaimRequest, MOST_CALLS},
        enqueue::Admission,
        settle::{self, MOST_ENDS, Settlement},
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
/// How long after the last was stored they come due: they are all there by then.
const AHEAD: u64 = 5_000;
const LIMIT: Duration = Duration::from_millis(5);
const HOUR: u64 = 3_600_000;
/// Redis keeps the times of what takes this long or longer, in microseconds: of the scripts, but not of the commands within them.
const SHORTEST: &str = "150";
/// As many commands as it keeps the times of.
const LOGGED: &str = "100000";

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
    let log = scene.log().await;
    let spent: Vec<_> = log.values().flatten().copied().collect();
    let pause = scene.pause_of_nothing(&spent).await;
    println!(
        "volume: {waiting} wait, {due} due at once of {TENANTS} tenants: longest Redis command {:.1?} (should be below 5 ms), \
         spread in {:.2?}, between two claims p50 {:.2?}, p99 {:.2?}, longest {:.2?}",
        spent.iter().max().unwrap_or(&Duration::ZERO),
        claims.iter().sum::<Duration>(),
        at(&claims, 50),
        at(&claims, 99),
        at(&claims, 100),
    );
    for (name, times) in &log {
        let beyond = times.iter().filter(|time| **time > LIMIT).count();
        println!(
            "volume: {name} {}, {beyond} of them beyond 5 ms",
            spread(times)
        );
    }
    println!("volume: {pause}");
}

fn at(times: &[Duration], percent: usize) -> Duration {
    percentile(times, percent).unwrap_or_default()
}

/// How many there are, and how long they took.
fn spread(times: &[Duration]) -> String {
    format!(
        "× {}: p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        times.len(),
        at(times, 50),
        at(times, 99),
        at(times, 100)
    )
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
        for (name, value) in [
            ("slowlog-log-slower-than", SHORTEST),
            ("slowlog-max-len", LOGGED),
        ] {
            self.redis.cli(["CONFIG", "SET", name, value]).await;
        }
        self.redis.cli(["SLOWLOG", "RESET"]).await;
    }

    /// Claims and ends all that comes due; the time from each claim that gave jobs to the next, sorted.
    async fn work_off(&self, due: u32, moment: u64) -> Vec<Duration> {
        let (mut number, mut left) = (0, due as usize);
        let (mut apart, mut ends) = (Vec::new(), Vec::new());
        let mut last: Option<Instant> = None;
        while left > 0 {
            number += 1;
            let request = ClaimRequest {
                number,
                slots: SLOTS,
                held: Vec::new(),
            };
            let claim = self.queue.claim(0, "w", &request).await.expect("it claims");
            ends.extend(claim.jobs.iter().map(fixture::all_delivered));
            if claim.jobs.is_empty() {
                left -= self.settle(&mut ends).await;
                let wait = moment.saturating_sub(claim.now_ms).clamp(1, 100);
                tokio::time::sleep(Duration::from_millis(wait)).await;
                continue;
            }
            apart.extend(last.replace(Instant::now()).map(|last| last.elapsed()));
            // Of more lanes than one claim gives from, as where deliveries take different times.
            if ends.len() >= 2 * MOST_ENDS {
                left -= self.settle(&mut ends).await;
            }
        }
        apart.sort_unstable();
        apart
    }

    /// Ends all of these; returns how many jobs they are.
    async fn settle(&self, ends: &mut Vec<Settlement>) -> usize {
        let mut jobs = 0;
        while !ends.is_empty() {
            let batch: Vec<_> = ends.drain(..settle::fitting(ends.iter())).collect();
            jobs += batch.iter().map(|end| 1 + end.riders.len()).sum::<usize>();
            self.queue.settle(0, &batch).await.expect("it settles");
        }
        jobs
    }

    /// How long each script took, by its name, sorted.
    async fn log(&self) -> BTreeMap<String, Vec<Duration>> {
        let log: Vec<Logged> = self.redis.get(["SLOWLOG", "GET", LOGGED]).await;
        let mut times: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (_, _, micros, command, ..) in log {
            if !command[0].starts_with(b"FCALL") && !command[0].starts_with(b"EVAL") {
                continue;
            }
            let words = command.iter().take(2);
            let words: Vec<_> = words.map(|word| String::from_utf8_lossy(word)).collect();
            times
                .entry(words.join(" "))
                .or_default()
                .push(Duration::from_micros(micros));
        }
        for times in times.values_mut() {
            times.sort_unstable();
        }
        times
    }

    /// How long a command takes at most on this machine that always does the same, and touches nothing: as many of them as there were
    /// commands. What the longest of those took beyond it is the machine's.
    async fn pause_of_nothing(&self, spent: &[Duration]) -> String {
        self.redis.cli(["SLOWLOG", "RESET"]).await;
        let turns = "local sum = 0 for i = 1, 100000 do sum = sum + i end return sum";
        for _ in 0..spent.len() {
            self.redis.cli(["EVAL", turns, "0"]).await;
        }
        let log = self.log().await;
        let times = log.values().flatten().copied();
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        format!("beside it a command that only counts, {}", spread(&times))
    }
}

/// Number, time, microseconds, the command, who sent it.
type Logged = (u64, u64, u64, Vec<Vec<u8>>, String, String);

/// Every other one is a tag, and becomes one call with its like; the others are notes, a call each.
fn draft(kind: &str, number: u32, due_ms: u64) -> Draft {
    let draft = job(&format!("{kind}-{number}"))
        .of(&format!("tenant-{}", number % TENANTS))
        .contact(&format!("contact-{}", number % CONTACTS))
        .run_at(due_ms);
    if (number / TENANTS).is_multiple_of(2) {
        draft.tag("vip")
    } else {
        draft.note("called")
    }
}
