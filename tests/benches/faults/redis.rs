//! From the loss of Redis to the moment at which a job that was enqueued after it has been delivered: a restart, and a failover behind Sentinels.

use std::time::{Duration, Instant};

use penstock_shared::{
    queue::{Location, Queue, Terms, enqueue::Admission},
    settings::Settings,
};
use penstock_tests::{
    fixture::job,
    harness::{Program, RedisOptions, RedisSentinels, RedisServer, wait_until},
    lab::figures::percentile,
    sandbox::{Options as SandboxOptions, Running, Sandbox},
};
use serde_json::json;

use penstock_tests::fixture::Scenarios;

const REPETITIONS: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(120);
/// After this Sentinels take a silent primary for dead.
const SILENCE: Duration = Duration::from_secs(1);

/// What a worker says where Redis has lost what it had acknowledged: a whole burst window counts as used then.
const WENT_BACK: &str = "has lost what it had acknowledged";
const WINDOW: Duration = Duration::from_secs(10);

struct Stage {
    sandbox: Running,
    queue: Queue,
    worker: Program,
}

impl Stage {
    async fn on(url: &str, durability: &str) -> Self {
        let mut options = SandboxOptions::default();
        options.quota.burst.calls = 100_000;
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let api = sandbox.url();
        let settings = [
            ("PENSTOCK_REDIS_URL", url),
            ("PENSTOCK_DURABILITY", durability),
            ("PENSTOCK_GHL_BASE_URL", &api),
            ("PENSTOCK_GHL_TOKEN", "pit-test"),
            ("PENSTOCK_GHL_BURST", "100000/10s"),
            // Each time that Redis has gone back, a day is charged with what a window may have sent.
            ("PENSTOCK_GHL_DAILY", "10000000/1d"),
        ];
        let loaded = Settings::load_from(settings).expect("these are settings");
        let queue = Queue::connect(Location::from(&loaded), Terms::from(&loaded)).await;
        let worker = settings
            .iter()
            .fold(Program::new("penstock-worker"), |program, (name, value)| {
                program.env(name, value)
            });
        let worker = worker.start();
        worker.wait_for_line("ready worker=", PATIENCE).await;
        Self {
            sandbox,
            queue: queue.expect("Redis takes a queue"),
            worker,
        }
    }

    /// Enqueues a job as soon as that can be done, and waits until the API has seen it. Each has a contact of its own: what Redis may have forgotten of
    /// one holds up that one's next job for a quarantine, by right.
    async fn delivers(&self, number: u32) {
        let contact = format!("c-{number}");
        let seeded = json!({ "id": contact, "locationId": "acme" });
        self.sandbox
            .seed_contact(&seeded)
            .expect("it takes a contact");
        let jobs = [job(&contact).contact(&contact).build()];
        let path = format!("/contacts/{contact}/tags");
        wait_until("the job to be stored", PATIENCE, || async {
            self.queue.enqueue(&jobs, Admission::Each).await.ok()
        })
        .await;
        wait_until("its effect", PATIENCE, || async {
            let calls = self.sandbox.calls_after(0).into_iter();
            let mut effects = calls.filter(|call| call.effect.is_some());
            effects.any(|call| *call.path == *path).then_some(())
        })
        .await;
    }

    /// The same, `since` Redis was lost or is back: how long that took, among those where Redis had gone back or among the others.
    async fn measure(&self, number: u32, since: Instant, took: &mut Took) {
        let lapses = self.lapses();
        self.delivers(number).await;
        if self.lapses() > lapses {
            took.back.push(since.elapsed());
        } else {
            took.whole.push(since.elapsed());
        }
    }

    /// How often the worker has heard that Redis went back.
    fn lapses(&self) -> usize {
        let lines = self.worker.stderr();
        let told = lines.iter().filter(|line| line.contains(WENT_BACK));
        told.count()
    }

    fn assert_alive(&mut self) {
        assert!(self.worker.exited().is_none(), "no worker ends for that");
    }
}

/// How long it took, by whether Redis had lost what it had acknowledged.
#[derive(Default)]
struct Took {
    whole: Vec<Duration>,
    back: Vec<Duration>,
}

impl Took {
    fn print(mut self, what: &str, target: u64) {
        print(what, &mut self.whole, target);
        if !self.back.is_empty() {
            let what = format!("of these, where Redis went back: {what}");
            print(&what, &mut self.back, target + WINDOW.as_secs());
        }
    }
}

pub(crate) async fn restart(scenarios: &Scenarios) {
    let mut redis = RedisServer::start(RedisOptions::default()).await;
    let mut stage = Stage::on(&redis.url(), "everysec").await;
    let mut took = Took::default();
    for number in 0..scenarios.scaled(REPETITIONS) {
        redis.kill9();
        redis.restart().await;
        stage.measure(number, Instant::now(), &mut took).await;
        stage.assert_alive();
    }
    took.print("restart: from Redis' answering again", 2);
}

pub(crate) async fn failover(scenarios: &Scenarios) {
    let mut redis = RedisSentinels::start(2, SILENCE, RedisOptions::default()).await;
    let mut stage = Stage::on(&redis.url(), "replicated:1").await;
    let mut took = Took::default();
    for number in 0..scenarios.scaled(REPETITIONS) {
        let old = redis.primary().await;
        let killed = Instant::now();
        redis.servers[old].kill9();
        stage.measure(number, killed, &mut took).await;
        stage.assert_alive();
        redis.until_replaced(old).await;
        redis.servers[old].restart().await;
        redis.until_whole().await;
    }
    took.print(
        "failover: from the SIGKILL of a primary that is dead to its Sentinels after 1 s",
        5,
    );
}

fn print(what: &str, all: &mut [Duration], target: u64) {
    all.sort_unstable();
    let at = |percent| percentile(all, percent).unwrap_or_default();
    println!(
        "{what} to the delivery of a job enqueued then, {} times: p50 {:.2?}, p99 {:.2?}, longest {:.2?} (p99 should be below {target} s)",
        all.len(),
        at(50),
        at(99),
        at(100)
    );
}
