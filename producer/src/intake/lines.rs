//! Lines of a file: one job each, streamed in constant memory.

use std::{
    fmt, io,
    io::{BufRead, BufReader, Read},
    str::FromStr,
};

use penstock_shared::{
    job::{Fault, Invalid, Job, JobId, MAX_JOB_BYTES},
    queue::record::NewJob,
};
use uuid::Uuid;

/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// A line's end, besides the newline that ends it.
const CARRIAGE_RETURN: usize = 1;

/// Some programs begin a file with it; it is no part of the first job.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Splits a stream into lines, of which it keeps no more than a job may have.
#[derive(Debug)]
pub struct Lines<R> {
    reader: BufReader<R>,
    /// The line so far; what is beyond the bound was only counted.
    kept: Vec<u8>,
    size: usize,
    number: u64,
    complete: bool,
    drained: bool,
}

/// What comes next out of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A line, without its end.
    Line(Line<'a>),
    /// Everything that was read is handed out: the next call may have to wait for more.
    Drained,
    /// The stream has ended.
    End,
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number, from 1.
    pub number: u64,
    /// What was kept of it: all, unless it is too long.
    pub kept: &'a [u8],
    /// How many bytes it had.
    pub size: usize,
}

impl<R: Read> Lines<R> {
    /// The lines of this stream.
    pub fn new(stream: R) -> Self {
        Self {
            reader: BufReader::with_capacity(BUFFER, stream),
            kept: Vec::new(),
            size: 0,
            number: 0,
            complete: false,
            drained: false,
        }
    }

    /// The next line, or that there is none yet.
    pub fn next_event(&mut self) -> io::Result<Event<'_>> {
        if std::mem::take(&mut self.complete) {
            self.kept.clear();
        }
        loop {
            if self.reader.buffer().is_empty() {
                if !self.drained {
                    self.drained = true;
                    return Ok(Event::Drained);
                }
                match self.reader.fill_buf() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                    Ok([]) if self.size == 0 => return Ok(Event::End),
                    Ok([]) => return Ok(self.finish()),
                    Ok(_) => self.drained = false,
                }
            }
            if self.take() {
                return Ok(self.finish());
            }
        }
    }

    /// Takes what is buffered up to the end of the line, and says whether that came.
    fn take(&mut self) -> bool {
        let buffer = self.reader.buffer();
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..newline.unwrap_or(buffer.len())];
        let room = (MAX_JOB_BYTES + CARRIAGE_RETURN).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&part[..part.len().min(room)]);
        self.size = self.size.saturating_add(part.len());
        let taken = part.len() + usize::from(newline.is_some());
        self.reader.consume(taken);
        newline.is_some()
    }

    fn finish(&mut self) -> Event<'_> {
        self.number += 1;
        self.complete = true;
        Event::Line(Line {
            number: self.number,
            kept: &self.kept,
            size: std::mem::take(&mut self.size),
        })
    }
}

/// What makes the ids of a run's lines that have none: with the same key the same lines get the same ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchKey(String);

impl BatchKey {
    /// A key that no other run has.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    fn id_of(&self, line: u64) -> Result<JobId, Invalid> {
        format!("{}-{line}", self.0).parse()
    }
}

impl FromStr for BatchKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key = Self(text.to_owned());
        match key.id_of(u64::MAX) {
            Ok(_) if !text.is_empty() => Ok(key),
            _ => Err("a batch key has 1 to 107 characters, and no control characters".to_owned()),
        }
    }
}

impl fmt::Display for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the job of a line; a blank line has none.
pub fn read(line: Line<'_>, batch: &BatchKey) -> Option<Result<NewJob, Vec<Fault>>> {
    let text = line
        .kept
        .strip_prefix(BYTE_ORDER_MARK)
        .filter(|_| line.number == 1);
    let text = text.unwrap_or(line.kept).trim_ascii();
    if line.size > line.kept.len() {
        let message = format!(
            "a job may have {MAX_JOB_BYTES} bytes; this line has {}",
            line.size
        );
        return Some(Err(vec![Fault::whole(message)]));
    }
    if text.is_empty() {
        return None;
    }
    Some(Job::parse(text).and_then(|job| named(job, line.number, batch)))
}

fn named(mut job: Job, line: u64, batch: &BatchKey) -> Result<NewJob, Vec<Fault>> {
    let id = match job.id.take() {
        Some(id) => id,
        None => batch.id_of(line).map_err(|invalid| {
            vec![Fault {
                path: "id".to_owned(),
                message: invalid.to_string(),
            }]
        })?,
    };
    Ok(NewJob { id, job })
}
