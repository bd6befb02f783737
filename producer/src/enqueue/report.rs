//! What a run tells: refused lines and progress as it goes, counts at its end.

use std::{borrow::Cow, fmt::Write as _, io, io::Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use penstock_shared::job::{Fault, Tenant};
use serde::Serialize;

use super::{chunk::Chunk, deposit::Settled};
use crate::{client, intake::lines::BatchKey};

/// The counts of a run, as it prints them.
#[derive(Debug, Default, Serialize)]
struct Counts {
    accepted: u64,
    duplicates: u64,
    rejected: u64,
}

/// Tells about a run, and remembers how far it came.
#[derive(Debug)]
pub(super) struct Report {
    counts: Counts,
    /// Everything up to this line is settled.
    safe: u64,
    waiting: Option<Tenant>,
    bar: ProgressBar,
}

impl Report {
    /// Begins one of a stream with this many bytes, if that is known. There is a bar only on a terminal.
    pub(super) fn new(bytes: Option<u64>) -> Self {
        let bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = match bytes {
            Some(_) => "{bar:30} {percent:>3} %  {bytes}/{total_bytes}  {msg}  {eta} left",
            None => "{spinner} {bytes}  {msg}  {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            counts: Counts::default(),
            safe: 0,
            waiting: None,
            bar,
        }
    }

    /// One line for people.
    pub(super) fn say(&self, text: &str) {
        // Where nobody reads standard error, the jobs are stored all the same.
        self.bar.suspend(|| drop(writeln!(io::stderr(), "{text}")));
    }

    /// Says once that a tenant's backlog is waited for.
    pub(super) fn waits_for(&mut self, tenant: &Tenant) {
        if self.waiting.as_ref() != Some(tenant) {
            self.say(&format!(
                "tenant {tenant} has as many unfinished jobs as it may: waiting until workers have done some"
            ));
            self.waiting = Some(tenant.clone());
        }
    }

    /// Tells what became of a chunk.
    pub(super) fn tell(&mut self, chunk: &Chunk, settled: &[Option<Settled>]) {
        let mut refused: Vec<(u64, Cow<'_, [Fault]>)> = chunk
            .refused
            .iter()
            .map(|(line, faults)| (*line, Cow::Borrowed(faults.as_slice())))
            .collect();
        for (line, settled) in chunk.lines.iter().zip(settled) {
            match settled {
                Some(Settled::Accepted) => self.counts.accepted += 1,
                Some(Settled::Duplicate) => self.counts.duplicates += 1,
                Some(Settled::Conflict { id, taken }) => {
                    refused.push((*line, Cow::Owned(vec![client::taken(id, taken)])));
                }
                None => {}
            }
        }
        refused.sort_by_key(|(line, _)| *line);
        self.counts.rejected += refused.len() as u64;
        self.refuse(&refused);
        self.advance(chunk, settled);
    }

    fn refuse(&self, refused: &[(u64, Cow<'_, [Fault]>)]) {
        if refused.is_empty() {
            return;
        }
        let mut text = String::new();
        for (line, faults) in refused {
            for fault in faults.iter() {
                // Writing into a string cannot fail.
                let _ = writeln!(text, "line {line}: {fault}");
            }
        }
        self.bar
            .suspend(|| drop(io::stderr().write_all(text.as_bytes())));
    }

    fn advance(&mut self, chunk: &Chunk, settled: &[Option<Settled>]) {
        let unsettled = chunk
            .lines
            .iter()
            .zip(settled)
            .find(|(_, settled)| settled.is_none());
        if let Some((line, _)) = unsettled {
            self.safe = line - 1;
            return;
        }
        self.safe = chunk.last_line;
        self.waiting = None;
        self.bar.set_position(chunk.end);
        self.bar.set_message(format!(
            "{} stored, {} refused",
            self.counts.accepted, self.counts.rejected
        ));
    }

    /// How many lines were refused.
    pub(super) fn rejected(&self) -> u64 {
        self.counts.rejected
    }

    /// Ends it: the counts as one line of JSON.
    pub(super) fn finish(&self) -> String {
        self.bar.finish_and_clear();
        let Counts {
            accepted,
            duplicates,
            rejected,
        } = self.counts;
        format!("{{\"accepted\":{accepted},\"duplicates\":{duplicates},\"rejected\":{rejected}}}\n")
    }

    /// How far it came, for whoever goes on.
    pub(super) fn so_far(&self, batch: &BatchKey) -> String {
        let done = match self.safe {
            0 => "no line is known to be enqueued".to_owned(),
            line => format!("every line up to {line} is safely enqueued or was refused"),
        };
        format!("{done}; to go on, run it again with --batch {batch}")
    }
}
