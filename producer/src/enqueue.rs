//! `penstock-producer enqueue`: a stream of lines into the queue.

mod chunk;
mod deposit;
mod patience;
mod report;

use std::{fs::File, io, io::Read, path::PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use penstock_shared::{
    program::{Exit, Failure, Shutdown, print},
    queue::{Location, Queue, Terms},
    settings::Settings,
};

use self::{patience::Patience, report::Report};
use crate::intake::lines::BatchKey;

/// How many chunks may be read ahead of the one that is being stored.
const AHEAD: usize = 2;

/// What to enqueue.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A file of jobs, one JSON object per line; `-` or nothing reads standard input
    file: Option<PathBuf>,
    /// Go on with an earlier run of the same file: lines that it stored are not stored again
    #[arg(long, value_name = "KEY")]
    batch: Option<BatchKey>,
}

/// Enqueues every good line, tells of every bad one, and prints the counts.
pub async fn run(arguments: Arguments, settings: Settings) -> Result<Exit, Failure> {
    let (stream, size) = open(arguments.file)?;
    let batch = arguments.batch.unwrap_or_else(BatchKey::generate);
    let mut shutdown = Shutdown::listen()?;
    let mut report = Report::new(size);
    report.say(&format!(
        "batch {batch}: if this is interrupted, go on with --batch {batch}"
    ));
    let stored = tokio::select! {
        stored = store_all(stream, &batch, &settings, &mut report) => stored,
        _ = shutdown.signalled() => Err(anyhow!("interrupted")),
    };
    print(&report.finish())?;
    match stored {
        Ok(()) if report.rejected() == 0 => Ok(Exit::Done),
        Ok(()) => Ok(Exit::BadInput),
        Err(error) => Err(error.context(report.so_far(&batch)).into()),
    }
}

/// The stream, and its length in bytes if that is known.
fn open(file: Option<PathBuf>) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
    let Some(path) = file.filter(|path| path.as_os_str() != "-") else {
        return Ok((Box::new(io::stdin()), None));
    };
    let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
    let (about, file) = opened
        .with_context(|| format!("cannot read {}", path.display()))
        .map_err(Failure::bad_input)?;
    if about.is_dir() {
        return Err(Failure::bad_input(anyhow!(
            "{} is a directory, not a file of jobs",
            path.display()
        )));
    }
    let size = about.is_file().then_some(about.len());
    Ok((Box::new(file), size))
}

async fn store_all(
    stream: Box<dyn Read + Send>,
    batch: &BatchKey,
    settings: &Settings,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut patience = Patience::default();
    let queue = connect(settings, &mut patience, report).await?;
    let mut chunks = chunk::read_ahead(stream, batch.clone(), AHEAD)?;
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk.context("cannot read on")?;
        let ended = deposit::store(&queue, &chunk.jobs, &mut patience, report).await;
        report.tell(&chunk, &ended.settled);
        if let Some(error) = ended.gave_up {
            return Err(error.into());
        }
    }
    Ok(())
}

async fn connect(
    settings: &Settings,
    patience: &mut Patience,
    report: &Report,
) -> anyhow::Result<Queue> {
    loop {
        let connecting = Queue::connect(Location::from(settings), Terms::from(settings));
        match patience.bound(connecting).await {
            Ok(queue) => return Ok(queue),
            Err(error) => patience.endure(error, report).await?,
        }
    }
}
