//! Penstock in a benchmark beside other job queues. The benchmark starts each of them as a program that stores its jobs and as one that works
//! them, and counts what the second one prints.
//!
//! The jobs are real ones, stored by the real producer and worked by the real worker: quota, order per contact and fencing are on. Only the
//! call of the API is the benchmark's: none at all, or the request that every other queue's jobs make.

mod arguments;
mod delivery;
mod note;
mod store;
mod tally;

use std::{io, process::ExitCode, sync::Arc};

use penstock_shared::program::{self, Exit};
use penstock_worker::app;
use serde_json::json;
use tracing_subscriber::EnvFilter;

pub use arguments::Arguments;
use arguments::{Load, Options, Task};
use delivery::Delivery;
use store::Store;
use tally::Tally;

/// Does what it is told.
pub async fn main(arguments: Arguments) -> ExitCode {
    let done = match arguments.task {
        Task::Work => work(&arguments.options).await,
        Task::Store(load) => store(load, &arguments.options).await,
    };
    done.map_or_else(
        |error| {
            eprintln!("contender: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

async fn store(load: Load, options: &Options) -> anyhow::Result<()> {
    let store = Store::connect(options).await?;
    let (jobs, time) = match load {
        Load::Enqueue { jobs } => (jobs, store.singly(jobs).await?),
        Load::Bulk { jobs } => (jobs, store.in_bulk(jobs).await?),
        Load::Trickle { rate, seconds } => (rate * seconds, store.trickle(rate, seconds).await?),
        Load::Tenants => store.for_tenants().await?,
    };
    println!("{}", json!({ "n": jobs, "seconds": time.as_secs_f64() }));
    Ok(())
}

async fn work(options: &Options) -> anyhow::Result<()> {
    // As the worker's own program has it: what a delivery costs in spans belongs to its price.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(io::stderr)
        .with_ansi(program::colour(&io::stderr()))
        .init();
    let settings = options.settings()?;
    let tally = Arc::new(Tally::default());
    tally::report(Arc::clone(&tally));
    let worker = app::run_with(&settings, |settings, queue, _, _| {
        Ok(Delivery::new(options, settings, queue, tally)?)
    });
    match worker.await {
        Ok(Exit::Done) => Ok(()),
        ended => anyhow::bail!("the worker did not drain: {ended:?}"),
    }
}
