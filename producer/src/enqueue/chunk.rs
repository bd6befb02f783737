//! Lines read ahead of what is being stored, in chunks that one call to Redis takes.

use std::{io, io::Read, thread};

use penstock_shared::{job::Fault, queue::record::NewJob};
use tokio::sync::mpsc;

use crate::intake::lines::{self, BatchKey, Event, Lines};

/// The most jobs and bytes of a chunk, about what one script call stores. Those that a job for several contacts is spread over count as well: they are
/// in memory no longer than their call takes, but a chunk of a few hundred such jobs would be stored for long.
const MOST_JOBS: usize = 256;
const MOST_BYTES: usize = 512 * 1024;

/// What storing a job takes beside its own bytes.
const OVERHEAD: usize = 512;

/// Consecutive lines of a stream.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The good ones.
    pub(super) jobs: Vec<NewJob>,
    /// The line of each of them.
    pub(super) lines: Vec<u64>,
    /// The refused ones.
    pub(super) refused: Vec<(u64, Vec<Fault>)>,
    /// The last line, good, refused or blank.
    pub(super) last_line: u64,
    /// How many bytes of the stream were read up to its end.
    pub(super) end: u64,
    bytes: usize,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.jobs.len() >= MOST_JOBS || self.refused.len() >= MOST_JOBS || self.bytes >= MOST_BYTES
    }

    /// An empty chunk that goes on where this one ends.
    fn next(&self) -> Self {
        Self {
            last_line: self.last_line,
            end: self.end,
            ..Self::default()
        }
    }

    fn has_news(&self) -> bool {
        !self.jobs.is_empty() || !self.refused.is_empty()
    }

    fn add(&mut self, line: lines::Line<'_>, batch: &BatchKey) {
        self.last_line = line.number;
        self.end += line.size as u64 + 1;
        match lines::read(line, batch) {
            Some(Ok(new)) => {
                self.bytes += line.size + OVERHEAD + new.job.payload.spread_bytes();
                self.jobs.push(new);
                self.lines.push(line.number);
            }
            Some(Err(faults)) => self.refused.push((line.number, faults)),
            None => {}
        }
    }
}

/// Reads on a thread of its own, no further than `ahead` chunks.
pub(super) fn read_ahead(
    stream: Box<dyn Read + Send>,
    batch: BatchKey,
    ahead: usize,
) -> io::Result<mpsc::Receiver<io::Result<Chunk>>> {
    let (chunks, received) = mpsc::channel(ahead);
    let reading = move || {
        if let Err(error) = read(stream, &batch, &chunks) {
            // Nobody listens where the program is ending already.
            let _ = chunks.blocking_send(Err(error));
        }
    };
    thread::Builder::new()
        .name("lines".to_owned())
        .spawn(reading)?;
    Ok(received)
}

fn read(
    stream: Box<dyn Read + Send>,
    batch: &BatchKey,
    chunks: &mpsc::Sender<io::Result<Chunk>>,
) -> io::Result<()> {
    let mut lines = Lines::new(stream);
    let mut chunk = Chunk::default();
    loop {
        let pass_on = match lines.next_event()? {
            Event::Line(line) => {
                chunk.add(line, batch);
                chunk.is_full()
            }
            // Whoever writes slowly into a pipe wants each line stored, not each 256.
            Event::Drained => chunk.has_news(),
            Event::End => break,
        };
        if pass_on {
            let next = chunk.next();
            if chunks
                .blocking_send(Ok(std::mem::replace(&mut chunk, next)))
                .is_err()
            {
                return Ok(());
            }
        }
    }
    // Even without news: it says how far the stream went.
    let _ = chunks.blocking_send(Ok(chunk));
    Ok(())
}
