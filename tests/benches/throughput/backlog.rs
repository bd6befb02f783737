//! What storing a job and working it off costs while many others wait, and what these take in Redis.

use std::sync::atomic::AtomicU32;

use crate::{
    consumer::Consumer,
    meter::{Meter, data_bytes},
    options::Options,
    report::Figures,
    stage::Stage,
    workload::{self, Kind},
};

/// How many jobs are stored and worked off on top of the backlog.
const PROBE: u32 = 2_000;
/// How many jobs of the backlog are made at a time.
const PAGE: u32 = 10_000;

pub(crate) async fn run(options: &Options, backlog: u32) -> Figures {
    let stage = Stage::start(options).await;
    let empty = data_bytes(&stage.redis).await;
    for first in (0..backlog).step_by(PAGE as usize) {
        let count = PAGE.min(backlog - first);
        let page = (first..first + count).map(|number| workload::job(Kind::Tags, number));
        stage.fill(&page.collect::<Vec<_>>()).await;
    }
    let full = data_bytes(&stage.redis).await;

    let mut figures = Figures::default();
    figures.push(
        "Redis CPU to store, µs/job",
        1,
        store(&stage, backlog).await,
    );
    figures.push(
        "Redis CPU to drain, µs/job",
        1,
        drain(&stage, options).await,
    );
    figures.push(
        "Redis bytes/queued job",
        0,
        (full - empty) / f64::from(backlog),
    );
    figures
}

async fn store(stage: &Stage, backlog: u32) -> f64 {
    let probe = (backlog..backlog + PROBE).map(|number| workload::job(Kind::Tags, number));
    let probe: Vec<_> = probe.collect();
    let meter = Meter::start(&stage.redis, &[]).await;
    stage.fill(&probe).await;
    meter.redis_micros(PROBE).await
}

async fn drain(stage: &Stage, options: &Options) -> f64 {
    stage.register("consumer").await;
    let consumer = Consumer {
        queue: stage.connect().await,
        shard: 0,
        worker: "consumer".to_owned(),
        slots: options.slots,
    };
    let meter = Meter::start(&stage.redis, &[]).await;
    consumer.consume(PROBE, &AtomicU32::new(0)).await;
    meter.redis_micros(PROBE).await
}
