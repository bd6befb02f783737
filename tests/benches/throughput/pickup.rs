//! How soon a job is on its way on a system that has nothing else to do.

use std::time::{Duration, Instant};

use futures::future::join_all;
use penstock_producer::Client;
use penstock_tests::harness::wait_until;
use tokio::time::interval;

use crate::{
    api::Api,
    meter::Meter,
    options::Options,
    report::Figures,
    stage::Stage,
    workload::{self, Kind},
};

const EVERY: Duration = Duration::from_millis(5);
const JOBS: u32 = 1_000;
const WORKERS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(60);

/// From the start of the enqueuing call to the arrival at the HTTP server.
pub(crate) async fn run(options: &Options) -> Figures {
    let api = Api::start(JOBS).await;
    let stage = Stage::start(options).await;
    let workers = stage.workers(WORKERS, options, &api.url()).await;
    let client = Client::over(stage.queue.clone());
    let jobs = workload::jobs(Kind::Tags, JOBS, 1);
    let mut pace = interval(EVERY);
    let mut begun = Vec::new();
    let meter = Meter::start(&stage.redis, &workers).await;
    for new in jobs {
        pace.tick().await;
        let client = client.clone();
        begun.push(tokio::spawn(async move {
            let start = Instant::now();
            client.enqueue(new.job).await.expect("it is stored");
            start
        }));
    }
    let begun = join_all(begun).await;
    wait_until("the calls", PATIENCE, async || {
        (api.calls() >= JOBS).then_some(())
    })
    .await;
    stage.done(JOBS).await;
    let costs = meter.stop(JOBS).await;
    let mut waits: Vec<Duration> = begun
        .into_iter()
        .enumerate()
        .map(|(contact, start)| {
            let arrival = api.arrival(contact).expect("its call came");
            arrival - start.expect("the task ends")
        })
        .collect();
    waits.sort();
    let mut figures = Figures::default();
    for (name, percent) in [
        ("ms to the call, p50", 50),
        ("ms to the call, p99", 99),
        ("ms to the call, most", 100),
    ] {
        let nearest = (waits.len() * percent / 100).min(waits.len() - 1);
        figures.push(name, 2, waits[nearest].as_secs_f64() * 1e3);
    }
    figures.extend(costs);
    figures
}
