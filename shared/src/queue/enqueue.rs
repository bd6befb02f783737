//! Storing jobs.

use std::{collections::HashMap, time::Duration};

use redis::Cmd;
use serde::Serialize;

use super::{
    Queue,
    error::QueueError,
    head_starts,
    record::{self, NewJob, Parts},
    reference::GHL,
};
use crate::{settings::Durability, span::millis};

/// The most jobs that one script call stores, and the most bytes: both bound how long Redis is busy with it.
const MOST_JOBS: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// When a producer whose tenant has too many unfinished jobs may ask again.
const BACKLOG_RETRY: Duration = Duration::from_secs(5);
/// No bound, as a number that Lua holds exactly.
const NO_BOUND: u64 = 1 << 53;
/// How long replicas may take to confirm.
const REPLICAS: Duration = Duration::from_secs(1);

/// What became of a job that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It is stored.
    Accepted,
    /// The same job was stored under this id before; nothing changed.
    Duplicate,
    /// Another job is stored under this id.
    Conflict,
    /// The tenant has as many unfinished jobs as it may.
    BacklogFull {
        /// When to ask again.
        retry_after: Duration,
    },
}

impl Enqueued {
    /// Whether the job is in the queue now, whoever stored it.
    pub fn is_stored(self) -> bool {
        matches!(self, Self::Accepted | Self::Duplicate)
    }
}

/// Whether jobs stand and fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Each by itself.
    Each,
    /// If one is refused, none is stored; `Accepted` then means "would have been".
    AllOrNothing,
}

/// Redis failed midway.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct Interrupted {
    /// What is known of each job, in order; `None`: it may be stored or not, repeating it with its id is harmless.
    pub settled: Vec<Option<Enqueued>>,
    /// What happened.
    pub error: QueueError,
}

#[derive(Serialize)]
struct Arguments<'a> {
    mode: &'static str,
    #[serde(rename = "maxBacklog")]
    max_backlog: u64,
    /// By tenant, what earlier calls of the same check would have stored.
    pending: HashMap<&'a str, u64>,
    #[serde(rename = "headStart")]
    head_start: [i64; 3],
    reserve: f64,
    moves: usize,
}

/// A job on its way into a script call.
struct Encoded<'a> {
    at: usize,
    new: &'a NewJob,
    parts: Parts,
}

impl Encoded<'_> {
    fn bytes(&self) -> usize {
        self.parts.body.len() + 256
    }

    fn write(&self, command: &mut Cmd) {
        let job = &self.new.job;
        command
            .arg(GHL)
            .arg(job.tenant.as_str())
            .arg(self.new.id.as_str())
            .arg(record::digit(job.priority))
            .arg(job.run_at.map_or(0, |at| at.as_millisecond().max(0)))
            .arg(&self.parts.fingerprint)
            .arg(&self.parts.contact_keys)
            .arg(&self.parts.body);
    }
}

impl Queue {
    /// Stores jobs in their order, each once, and says of each what became of it. Safe to repeat with the same ids.
    pub async fn enqueue(
        &self,
        jobs: &[NewJob],
        admission: Admission,
    ) -> Result<Vec<Enqueued>, Interrupted> {
        let mut settled = vec![None; jobs.len()];
        let outcome = self.enqueue_into(jobs, admission, &mut settled).await;
        match outcome {
            Ok(()) => Ok(settled.into_iter().flatten().collect()),
            Err(error) => Err(Interrupted { settled, error }),
        }
    }

    async fn enqueue_into(
        &self,
        jobs: &[NewJob],
        admission: Admission,
        settled: &mut [Option<Enqueued>],
    ) -> Result<(), QueueError> {
        let batches = self.batches(jobs)?;
        let bound = self.terms().max_backlog;
        if admission == Admission::Each {
            return self.store(&batches, "each", bound, settled).await;
        }
        if let [_] = batches.as_slice() {
            return self.store(&batches, "whole", bound, settled).await;
        }
        let mut outlook = vec![None; settled.len()];
        self.check(&batches, &mut outlook).await?;
        if !outlook.iter().flatten().all(|code| code.is_stored()) {
            settled.copy_from_slice(&outlook);
            return Ok(());
        }
        // Not bounded again: others may have filled the backlog since, and half a batch is worse than a few jobs more.
        self.store(&batches, "each", NO_BOUND, settled).await
    }

    /// The jobs by shard, in their order, in batches that one script call takes.
    fn batches<'a>(&self, jobs: &'a [NewJob]) -> Result<Vec<(u16, Vec<Encoded<'a>>)>, QueueError> {
        let mut batches: Vec<(u16, Vec<Encoded<'a>>)> = Vec::new();
        let mut open: Vec<Option<(usize, usize)>> = vec![None; usize::from(self.shards())];
        for (at, new) in jobs.iter().enumerate() {
            let shard = self.shard_of(new.job.tenant.as_str());
            let parts = record::encode(&new.job)
                .map_err(|error| QueueError::Unexpected(error.to_string()))?;
            let encoded = Encoded { at, new, parts };
            let bytes = encoded.bytes();
            match &mut open[usize::from(shard)] {
                Some((batch, size))
                    if batches[*batch].1.len() < MOST_JOBS && *size + bytes <= MOST_BYTES =>
                {
                    *size += bytes;
                    batches[*batch].1.push(encoded);
                }
                slot => {
                    *slot = Some((batches.len(), bytes));
                    batches.push((shard, vec![encoded]));
                }
            }
        }
        Ok(batches)
    }

    /// What storing the jobs would come to. No script call knows of another's jobs, so what is already met is kept here.
    async fn check(
        &self,
        batches: &[(u16, Vec<Encoded<'_>>)],
        outlook: &mut [Option<Enqueued>],
    ) -> Result<(), QueueError> {
        let mut arguments = self.arguments("check", self.terms().max_backlog);
        let mut met = HashMap::new();
        for (shard, batch) in batches {
            for (job, code) in self.call_enqueue(*shard, &arguments, batch).await? {
                let tenant = job.new.job.tenant.as_str();
                let key = (tenant, job.new.id.as_str());
                let known = met.len();
                let (first, code) = *met.entry(key).or_insert((job.parts.fingerprint, code));
                if met.len() > known && code == Enqueued::Accepted {
                    *arguments.pending.entry(tenant).or_default() += 1;
                }
                let same = first == job.parts.fingerprint;
                let code = if same { code } else { Enqueued::Conflict };
                outlook[job.at] = Some(code);
            }
        }
        Ok(())
    }

    async fn store(
        &self,
        batches: &[(u16, Vec<Encoded<'_>>)],
        mode: &'static str,
        max_backlog: u64,
        settled: &mut [Option<Enqueued>],
    ) -> Result<(), QueueError> {
        let arguments = self.arguments(mode, max_backlog);
        for (shard, batch) in batches {
            let codes = self.call_enqueue(*shard, &arguments, batch).await?;
            self.confirm(*shard).await?;
            for (job, code) in codes {
                settled[job.at] = Some(code);
            }
        }
        Ok(())
    }

    fn arguments<'a>(&self, mode: &'static str, max_backlog: u64) -> Arguments<'a> {
        Arguments {
            mode,
            max_backlog,
            pending: HashMap::new(),
            head_start: head_starts(),
            reserve: self.terms().reserve,
            moves: super::MOVES,
        }
    }

    async fn call_enqueue<'b, 'a>(
        &self,
        shard: u16,
        arguments: &Arguments<'_>,
        batch: &'b [Encoded<'a>],
    ) -> Result<Vec<(&'b Encoded<'a>, Enqueued)>, QueueError> {
        let tail = |command: &mut Cmd| batch.iter().for_each(|job| job.write(command));
        let codes: Vec<String> = self
            .call(shard, &self.scripts().enqueue, arguments, tail)
            .await?;
        let jobs = batch.iter().zip(codes);
        jobs.map(|(job, code)| Ok((job, enqueued(&code)?)))
            .collect()
    }

    /// Waits for as many replicas as the durability asks for.
    async fn confirm(&self, shard: u16) -> Result<(), QueueError> {
        let Durability::Replicated(replicas) = self.inner.location.durability else {
            return Ok(());
        };
        // WAIT speaks of its own connection's writes: after a reconnection a job that was there already would count as confirmed. So it has
        // one in the same pipeline.
        let mut pipeline = redis::pipe();
        let config = self.keys(shard).config();
        pipeline
            .cmd("HINCRBY")
            .arg(config)
            .arg("confirmed")
            .arg(1)
            .ignore();
        pipeline
            .cmd("WAIT")
            .arg(replicas.get())
            .arg(millis(REPLICAS));
        let (confirmed,): (u64,) = self.connection().run_all(&pipeline).await?;
        if confirmed >= u64::from(replicas.get()) {
            return Ok(());
        }
        Err(QueueError::Unconfirmed(format!(
            "{confirmed} of {replicas} replicas have it"
        )))
    }
}

fn enqueued(code: &str) -> Result<Enqueued, QueueError> {
    match code {
        "accepted" => Ok(Enqueued::Accepted),
        "duplicate" => Ok(Enqueued::Duplicate),
        "conflict" => Ok(Enqueued::Conflict),
        "full" => Ok(Enqueued::BacklogFull {
            retry_after: BACKLOG_RETRY,
        }),
        other => Err(QueueError::Unexpected(format!("enqueue: {other}"))),
    }
}
