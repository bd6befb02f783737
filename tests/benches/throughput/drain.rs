//! Jobs that cost nothing, claimed and settled through the queue's own verbs: what the queue itself can do.

use std::sync::{Arc, atomic::AtomicU32};

use futures::future::join_all;

use crate::{
    consumer::{Consumer, Waits},
    meter::{Meter, data_bytes},
    options::Options,
    report::Figures,
    stage::Stage,
    workload::{self, Kind},
};

/// Who drains what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    consumers: u16,
    /// Jobs of one contact, which run one after the other.
    per_contact: u32,
    /// One job a claim, as where jobs come in slowly.
    singly: bool,
}

pub(crate) const SHAPES: [Shape; 4] = [
    Shape::of(1, 1, false),
    Shape::of(2, 1, false),
    Shape::of(1, 10, false),
    Shape::of(1, 1, true),
];

impl Shape {
    const fn of(consumers: u16, per_contact: u32, singly: bool) -> Self {
        Self {
            consumers,
            per_contact,
            singly,
        }
    }

    pub(crate) fn name(self) -> String {
        let per_contact = match self.per_contact {
            1 => String::new(),
            count => format!(", {count} jobs/contact"),
        };
        let singly = if self.singly { ", 1 job/claim" } else { "" };
        format!(
            "drain no-op, {} consumer{}{per_contact}{singly}",
            self.consumers,
            if self.consumers == 1 { "" } else { "s" }
        )
    }
}

pub(crate) async fn run(options: &Options, shape: Shape) -> Figures {
    let stage = Stage::start(options).await;
    let (jobs, slots) = if shape.singly {
        (options.jobs / 4, 1)
    } else {
        (options.jobs, options.slots)
    };
    let empty = data_bytes(&stage.redis).await;
    stage
        .fill(&workload::jobs(Kind::Tags, jobs, shape.per_contact))
        .await;
    let mut queues = Vec::new();
    for number in 0..shape.consumers {
        let worker = format!("consumer-{number}");
        stage.register(&worker).await;
        queues.push((stage.connect().await, worker));
    }
    let meter = Meter::start(&stage.redis, &[]).await;
    let done = Arc::new(AtomicU32::new(0));
    let consumers = queues.into_iter().map(|(queue, worker)| {
        let done = Arc::clone(&done);
        let consumer = Consumer {
            queue,
            shard: 0,
            worker,
            slots,
        };
        tokio::spawn(async move { consumer.consume(jobs, &done).await })
    });
    let waits = join_all(consumers).await;
    let mut figures = meter.stop(jobs).await;
    let waits: Vec<Waits> = waits
        .into_iter()
        .map(|ended| ended.expect("it ends"))
        .collect();
    let micros = |of: fn(&Waits) -> f64| waits.iter().map(of).sum::<f64>() / f64::from(jobs) * 1e6;
    figures.push(
        "wait for claims, µs/job",
        1,
        micros(|waits| waits.claim.as_secs_f64()),
    );
    figures.push(
        "wait for settles, µs/job",
        1,
        micros(|waits| waits.settle.as_secs_f64()),
    );
    stage.done(jobs).await;
    let left = data_bytes(&stage.redis).await - empty;
    figures.push("Redis bytes/job done", 0, left / f64::from(jobs));
    figures
}
