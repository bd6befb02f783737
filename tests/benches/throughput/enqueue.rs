//! Storing jobs, while nobody works on them.

use penstock_producer::Client;
use penstock_shared::queue::enqueue::Admission;

use crate::{
    client,
    meter::{Meter, data_bytes},
    options::Options,
    report::Figures,
    stage::Stage,
    workload::{self, Kind},
};

/// How many jobs a bulk call has.
pub(crate) const BULK: usize = 256;

/// One job a call, as a server does it: many tasks over one connection, or one after the other.
pub(crate) async fn singly(options: &Options, tasks: u32) -> Figures {
    let stage = Stage::start(options).await;
    let count = if tasks == 1 {
        options.jobs / 4
    } else {
        options.jobs
    };
    let jobs = workload::jobs(Kind::Tags, count, 1);
    let jobs = jobs.into_iter().map(|new| new.job).collect();
    let client = Client::over(stage.queue.clone());
    let meter = Meter::start(&stage.redis, &[]).await;
    client::enqueue_all(&client, jobs, tasks).await;
    meter.stop(count).await
}

/// Many jobs a call, one call after the other; then what they take in Redis.
pub(crate) async fn in_bulk(options: &Options) -> Figures {
    let stage = Stage::start(options).await;
    let jobs = workload::jobs(Kind::Tags, options.jobs, 1);
    let empty = data_bytes(&stage.redis).await;
    let meter = Meter::start(&stage.redis, &[]).await;
    for batch in jobs.chunks(BULK) {
        let stored = stage.queue.enqueue(batch, Admission::AllOrNothing).await;
        let stored = stored.expect("it stores");
        assert!(
            stored.iter().all(|code| code.is_stored()),
            "a job was refused"
        );
    }
    let mut figures = meter.stop(options.jobs).await;
    let full = data_bytes(&stage.redis).await;
    figures.push(
        "Redis bytes/queued job",
        0,
        (full - empty) / f64::from(options.jobs),
    );
    figures
}
