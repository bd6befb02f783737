//! A Redis, the queue on it, and workers.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    queue::{Location, Queue, Terms, enqueue::Admission, govern::Govern, record::NewJob},
    settings::Settings,
};
use penstock_tests::harness::{
    Appendfsync, Listen, Program, RedisOptions, RedisServer, wait_until,
};

use crate::{
    options::Options,
    workload::{self, TENANTS},
};

/// For whatever must happen at all.
const PATIENCE: Duration = Duration::from_secs(300);

/// The largest quota that there is: it holds nothing back, but its ledger works for every job. Each job is a call of its own.
pub(crate) const SETTINGS: [(&str, &str); 4] = [
    ("PENSTOCK_GHL_TOKEN", "pit-benchmark"),
    ("PENSTOCK_GHL_BURST", "10000000/1s"),
    ("PENSTOCK_GHL_DAILY", "10000000/1d"),
    ("PENSTOCK_COALESCE", "off"),
];

pub(crate) struct Stage {
    pub(crate) redis: RedisServer,
    pub(crate) queue: Queue,
    settings: Settings,
}

impl Stage {
    /// A fresh Redis, over loopback TCP as it is in production.
    pub(crate) async fn start(options: &Options) -> Self {
        let redis = RedisServer::start(redis_options(options.always)).await;
        let url = redis.url();
        let variables = SETTINGS.into_iter().chain([
            ("PENSTOCK_REDIS_URL", url.as_str()),
            ("PENSTOCK_DURABILITY", durability(options)),
        ]);
        let settings = Settings::load_from(variables).expect("the settings make sense");
        let queue = connect(&settings).await;
        Self {
            redis,
            queue,
            settings,
        }
    }

    /// Another connection to the queue.
    pub(crate) async fn connect(&self) -> Queue {
        connect(&self.settings).await
    }

    /// Tells Redis of a worker that this process plays, and of its quotas.
    pub(crate) async fn register(&self, worker: &str) {
        let quotas = (self.settings.ghl.burst, self.settings.ghl.daily);
        self.queue
            .register(0, worker, quotas, &HashMap::new())
            .await
            .expect("it registers");
    }

    pub(crate) async fn fill(&self, jobs: &[NewJob]) {
        let stored = self.queue.enqueue(jobs, Admission::Each).await;
        let stored = stored.expect("it stores");
        assert!(
            stored.iter().all(|code| code.is_stored()),
            "a job was refused"
        );
    }

    /// Lets no job start.
    pub(crate) async fn pause(&self) {
        self.govern(Govern::Pause).await;
    }

    pub(crate) async fn resume(&self) {
        self.govern(Govern::Resume).await;
    }

    async fn govern(&self, govern: Govern) {
        for number in 0..TENANTS {
            let governed = self.queue.govern(&workload::tenant(number), &govern).await;
            governed.expect("it governs");
        }
    }

    /// Workers that are ready.
    pub(crate) async fn workers(&self, count: u32, options: &Options, api: &str) -> Vec<Program> {
        let workers: Vec<_> = (0..count).map(|_| self.worker(options, api)).collect();
        for worker in &workers {
            worker.wait_for_line("ready worker=", PATIENCE).await;
        }
        workers
    }

    fn worker(&self, options: &Options, api: &str) -> Program {
        let mut worker = Program::new("penstock-worker");
        for (name, value) in SETTINGS {
            worker = worker.env(name, value);
        }
        worker
            .env("PENSTOCK_REDIS_URL", self.redis.url())
            .env("PENSTOCK_DURABILITY", durability(options))
            .env("PENSTOCK_GHL_BASE_URL", api)
            .env("PENSTOCK_CONCURRENCY", options.slots.to_string())
            .start()
    }

    /// Waits until so many jobs are done.
    pub(crate) async fn done(&self, jobs: u32) {
        wait_until("the jobs to be done", PATIENCE, || async {
            let stats = self.queue.stats().await.expect("it counts");
            assert_eq!(stats.dead, 0, "a job died");
            (stats.done_total >= u64::from(jobs)).then_some(())
        })
        .await;
    }
}

fn durability(options: &Options) -> &'static str {
    if options.always { "always" } else { "everysec" }
}

pub(crate) fn redis_options(always: bool) -> RedisOptions {
    RedisOptions {
        appendfsync: if always {
            Appendfsync::Always
        } else {
            Appendfsync::Everysec
        },
        listen: Listen::Tcp,
        // A rewrite of the file in the middle of a run would be measured in one round and not in another.
        config: vec![("auto-aof-rewrite-percentage".to_owned(), "0".to_owned())],
        ..RedisOptions::default()
    }
}

pub(crate) async fn connect(settings: &Settings) -> Queue {
    Queue::connect(Location::from(settings), Terms::from(settings))
        .await
        .expect("the Redis server is fit for use")
}
