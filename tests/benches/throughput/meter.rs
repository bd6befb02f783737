//! What a stretch of work cost, in Redis and in the processes around it.

use std::{collections::HashMap, time::Instant};

use penstock_tests::harness::{Program, RedisServer};

use crate::{process, report::Figures};

/// What clients send. Everything else in Redis' counts was called by a script, but for a worker's few `LPUSH` (a token passed on) and its
/// look for refused tokens every 5 s.
const SENT_BY_CLIENTS: [&str; 6] = ["fcall", "eval", "blpop", "ping", "wait", "get"];
/// What asking for these numbers costs, and what opening a connection does.
const NOT_COUNTED: [&str; 6] = ["info", "hello", "auth", "select", "client|", "config|"];

/// A moment's counts.
struct Reading {
    redis_cpu: f64,
    sent: f64,
    inner: f64,
    aof: f64,
    own_cpu: Option<f64>,
    worker_cpu: Option<f64>,
    machine: Option<f64>,
}

impl Reading {
    async fn take(redis: &RedisServer, workers: &[u32]) -> Self {
        let info = info(redis).await;
        let number = |name: &str| info.get(name).and_then(|text| text.parse::<f64>().ok());
        let (sent, inner) = commands(&info);
        Self {
            redis_cpu: number("used_cpu_user").unwrap_or(0.0)
                + number("used_cpu_sys").unwrap_or(0.0),
            sent,
            inner,
            aof: number("aof_current_size").unwrap_or(0.0),
            own_cpu: process::cpu_seconds(std::process::id()),
            worker_cpu: workers.iter().map(|pid| process::cpu_seconds(*pid)).sum(),
            machine: process::machine_seconds(),
        }
    }
}

async fn info(redis: &RedisServer) -> HashMap<String, String> {
    let all: String = redis.get(["INFO", "everything"]).await;
    all.lines()
        .filter_map(|line| line.trim().split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// How many commands clients have sent, and how many scripts have called.
fn commands(info: &HashMap<String, String>) -> (f64, f64) {
    let (mut sent, mut inner) = (0.0, 0.0);
    for (name, value) in info {
        let Some(name) = name.strip_prefix("cmdstat_") else {
            continue;
        };
        let calls = value
            .strip_prefix("calls=")
            .and_then(|rest| rest.split(',').next()?.parse::<f64>().ok())
            .unwrap_or(0.0);
        if SENT_BY_CLIENTS.contains(&name) {
            sent += calls;
        } else if !NOT_COUNTED.iter().any(|prefix| name.starts_with(prefix)) {
            inner += calls;
        }
    }
    (sent, inner)
}

/// Bytes that Redis uses for data: neither what waits for the append-only file nor what connections have buffered.
pub(crate) async fn data_bytes(redis: &RedisServer) -> f64 {
    let info = info(redis).await;
    let number = |name: &str| {
        info.get(name)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    number("used_memory") - number("mem_aof_buffer") - number("mem_clients_normal")
}

/// Runs from [`Meter::start`] to [`Meter::stop`].
pub(crate) struct Meter<'a> {
    redis: &'a RedisServer,
    workers: Vec<u32>,
    before: Reading,
    started: Instant,
}

impl<'a> Meter<'a> {
    pub(crate) async fn start(redis: &'a RedisServer, workers: &[Program]) -> Self {
        let workers: Vec<u32> = workers.iter().map(Program::pid).collect();
        Self {
            redis,
            before: Reading::take(redis, &workers).await,
            workers,
            started: Instant::now(),
        }
    }

    /// What so many jobs took.
    pub(crate) async fn stop(self, jobs: u32) -> Figures {
        let (elapsed, after) = (self.elapsed(), self.read().await);
        let mut figures = self.rate(&after, elapsed, jobs);
        self.work(&after, jobs, &mut figures);
        self.processes(&after, jobs, &mut figures);
        self.others(&after, elapsed, &mut figures);
        figures
    }

    /// The same where no scripts were called and no jobs stored.
    pub(crate) async fn stop_plain(self, commands: u32) -> Figures {
        let (elapsed, after) = (self.elapsed(), self.read().await);
        let mut figures = self.rate(&after, elapsed, commands);
        self.others(&after, elapsed, &mut figures);
        figures
    }

    /// Redis' CPU, for so many jobs: microseconds each.
    pub(crate) async fn redis_micros(self, jobs: u32) -> f64 {
        let after = self.read().await;
        (after.redis_cpu - self.before.redis_cpu) / f64::from(jobs) * 1e6
    }

    fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    async fn read(&self) -> Reading {
        Reading::take(self.redis, &self.workers).await
    }

    fn rate(&self, after: &Reading, seconds: f64, jobs: u32) -> Figures {
        let redis = after.redis_cpu - self.before.redis_cpu;
        let jobs = f64::from(jobs);
        let mut figures = Figures::default();
        figures.push("jobs/s", 0, jobs / seconds);
        figures.push("Redis CPU, µs/job", 1, redis / jobs * 1e6);
        figures.push("Redis CPU, cores", 2, redis / seconds);
        figures
    }

    fn work(&self, after: &Reading, jobs: u32, figures: &mut Figures) {
        let (before, jobs) = (&self.before, f64::from(jobs));
        let sent = (after.sent - before.sent) / jobs;
        let inner = (after.inner - before.inner) / jobs;
        figures.push("commands sent/job", 3, sent);
        figures.push("commands in scripts/job", 1, inner);
        figures.push("AOF, bytes/job", 0, (after.aof - before.aof) / jobs);
    }

    fn processes(&self, after: &Reading, jobs: u32, figures: &mut Figures) {
        let per_thousand = |after, before| {
            difference(after, before).map(|seconds| seconds / f64::from(jobs) * 1e3)
        };
        if self.workers.is_empty() {
            let cpu = per_thousand(after.own_cpu, self.before.own_cpu);
            return figures.push_known("client CPU, s/1,000 jobs", 3, cpu);
        }
        let cpu = per_thousand(after.worker_cpu, self.before.worker_cpu);
        figures.push_known("worker CPU, s/1,000 jobs", 3, cpu);
        let peaks: Option<Vec<f64>> = self
            .workers
            .iter()
            .map(|pid| process::peak_megabytes(*pid))
            .collect();
        let most = peaks.map(|peaks| peaks.into_iter().fold(0.0, f64::max));
        figures.push_known("worker memory, MB", 1, most);
    }

    /// What strangers used meanwhile: how far the other figures can be trusted.
    fn others(&self, after: &Reading, seconds: f64, figures: &mut Figures) {
        let before = &self.before;
        let ours = difference(after.own_cpu, before.own_cpu)
            .zip(difference(after.worker_cpu, before.worker_cpu))
            .map(|(own, workers)| own + workers + after.redis_cpu - before.redis_cpu);
        let others = difference(after.machine, before.machine)
            .zip(ours)
            .map(|(machine, ours)| (machine - ours) / seconds);
        figures.push_known("others' CPU, cores", 2, others);
    }
}

fn difference(after: Option<f64>, before: Option<f64>) -> Option<f64> {
    Some(after? - before?)
}
