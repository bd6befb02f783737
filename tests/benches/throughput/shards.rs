//! Shards on one Redis beside the same on a Redis Cluster: what more servers give.

use std::{
    sync::{Arc, atomic::AtomicU32},
    time::Instant,
};

use futures::future::join_all;
use penstock_shared::{queue::enqueue::Admission, settings::Settings};
use penstock_tests::harness::{RedisCluster, RedisServer};

use crate::{
    consumer,
    options::Options,
    report::Figures,
    stage,
    workload::{self, Kind},
};

/// How many shards there are, on however many servers.
const SHARDS: u16 = 3;

/// Which servers the shards are on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Servers {
    One,
    Cluster,
}

impl Servers {
    pub(crate) fn name(self) -> String {
        let servers = match self {
            Self::One => "1 Redis",
            Self::Cluster => "a Cluster of 3",
        };
        format!("drain no-op, {SHARDS} shards on {servers}")
    }
}

/// Drains all shards at once, with a consumer each.
pub(crate) async fn run(options: &Options, servers: Servers) -> Figures {
    let (one, cluster);
    let (url, nodes) = match servers {
        Servers::One => {
            one = [RedisServer::start(stage::redis_options(false)).await];
            (one[0].url(), &one[..])
        }
        Servers::Cluster => {
            cluster = RedisCluster::start(SHARDS.into()).await;
            (cluster.url(), &cluster.nodes[..])
        }
    };
    let settings = settings(&url);
    let queue = stage::connect(&settings).await;
    let jobs = workload::jobs(Kind::Tags, options.jobs, 1);
    let stored = queue.enqueue(&jobs, Admission::Each).await;
    stored.expect("it stores");
    for shard in 0..SHARDS {
        let quotas = (settings.ghl.burst, settings.ghl.daily);
        let registered = queue.register(shard, "consumer", quotas, &[].into()).await;
        registered.expect("it registers");
    }

    let (started, before) = (Instant::now(), cpu_seconds(nodes).await);
    let done = Arc::new(AtomicU32::new(0));
    let consumers = (0..SHARDS).map(|shard| {
        let (settings, done) = (settings.clone(), Arc::clone(&done));
        let (slots, jobs) = (options.slots, options.jobs);
        tokio::spawn(async move {
            let consumer = consumer::Consumer {
                queue: stage::connect(&settings).await,
                shard,
                worker: "consumer".to_owned(),
                slots,
            };
            consumer.consume(jobs, &done).await
        })
    });
    join_all(consumers).await;
    let seconds = started.elapsed().as_secs_f64();
    let used = cpu_seconds(nodes).await - before;

    let mut figures = Figures::default();
    let jobs = f64::from(options.jobs);
    figures.push("jobs/s", 0, jobs / seconds);
    figures.push("Redis CPU, µs/job", 1, used / jobs * 1e6);
    figures.push("Redis CPU, cores", 2, used / seconds);
    figures
}

fn settings(url: &str) -> Settings {
    let shards = SHARDS.to_string();
    let own = [("PENSTOCK_REDIS_URL", url), ("PENSTOCK_SHARDS", &*shards)];
    Settings::load_from(stage::SETTINGS.into_iter().chain(own)).expect("the settings make sense")
}

/// The CPU that all servers have used.
async fn cpu_seconds(nodes: &[RedisServer]) -> f64 {
    let mut sum = 0.0;
    for node in nodes {
        for field in ["used_cpu_user", "used_cpu_sys"] {
            sum += node.info(field).await.parse::<f64>().expect("seconds");
        }
    }
    sum
}
