//! The jobs on their way in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use penstock_producer::Client;
use penstock_shared::queue::{Queue, enqueue::Admission, record::NewJob};
use tokio::time::MissedTickBehavior;

use super::{arguments::Options, note};

/// Whose jobs they are where one tenant has them all.
const TENANT: &str = "t0";
/// So many calls of one job each are in flight, which is what the benchmark asks for.
const SINGLE_CALLS: u32 = 50;
/// How many jobs a bulk call has, and how many such calls are in flight.
const BULK: usize = 256;
const BULK_CALLS: usize = 4;

/// A producer of the benchmark's jobs. Its methods tell how long they took.
pub(super) struct Store {
    client: Client,
    contacts: u32,
}

impl Store {
    pub(super) async fn connect(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::connect(&options.settings()?).await?,
            contacts: options.contacts,
        })
    }

    /// One job a call.
    pub(super) async fn singly(&self, jobs: u32) -> anyhow::Result<Duration> {
        let next = Arc::new(AtomicU32::new(0));
        let start = Instant::now();
        let calls = (0..SINGLE_CALLS).map(|_| {
            let (client, next, contacts) = (self.client.clone(), Arc::clone(&next), self.contacts);
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= jobs {
                        return anyhow::Ok(());
                    }
                    enqueue(&client, number, contacts).await?;
                }
            })
        });
        for ended in try_join_all(calls).await? {
            ended?;
        }
        Ok(start.elapsed())
    }

    /// Many jobs a call, some calls at once.
    pub(super) async fn in_bulk(&self, jobs: u32) -> anyhow::Result<Duration> {
        self.put(&self.jobs(TENANT, jobs)?, BULK_CALLS).await
    }

    /// One job a call, one call after the other, at a constant rate a second.
    pub(super) async fn trickle(&self, rate: u32, seconds: u32) -> anyhow::Result<Duration> {
        let mut tick = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let start = Instant::now();
        for number in 0..rate * seconds {
            tick.tick().await;
            enqueue(&self.client, number, self.contacts).await?;
        }
        Ok(start.elapsed())
    }

    /// The jobs of twenty tenants: all of the first one's, who has twenty times as many, before all others'.
    pub(super) async fn for_tenants(&self) -> anyhow::Result<(u32, Duration)> {
        let mut jobs = self.jobs(TENANT, 2000)?;
        for tenant in 1..20 {
            jobs.extend(self.jobs(&format!("t{tenant}"), 100)?);
        }
        // One call after the other, since it matters who comes first.
        let time = self.put(&jobs, 1).await?;
        Ok((u32::try_from(jobs.len())?, time))
    }

    fn jobs(&self, tenant: &str, count: u32) -> anyhow::Result<Vec<NewJob>> {
        let jobs = (0..count).map(|number| note::new(number, tenant, self.contacts));
        Ok(jobs.collect::<Result<_, _>>()?)
    }

    async fn put(&self, jobs: &[NewJob], calls: usize) -> anyhow::Result<Duration> {
        let start = Instant::now();
        stream::iter(jobs.chunks(BULK))
            .map(Ok)
            .try_for_each_concurrent(calls, |batch| put_batch(self.client.queue(), batch))
            .await?;
        Ok(start.elapsed())
    }
}

async fn enqueue(client: &Client, number: u32, contacts: u32) -> anyhow::Result<()> {
    let NewJob { id, mut job } = note::new(number, TENANT, contacts)?;
    job.id = Some(id);
    client.enqueue(job).await?;
    Ok(())
}

async fn put_batch(queue: &Queue, batch: &[NewJob]) -> anyhow::Result<()> {
    let codes = queue.enqueue(batch, Admission::Each).await?;
    ensure!(
        codes.iter().all(|code| code.is_stored()),
        "a job was refused"
    );
    Ok(())
}
