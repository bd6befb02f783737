//! Storing jobs.

use std::{collections::HashMap, time::Duration};

use redis::Cmd;
use serde::Serialize;

use super::{
    Policy, Queue,
    error::QueueError,
    record::{self, NewJob, Parts},
    spread::Spread,
};
use crate::job::{Destination, Priority};

/// The most jobs that one script call stores, and the most bytes: both bound how long Redis is busy with it.
pub const MOST_JOBS: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// When a producer whose tenant has too many unfinished jobs may ask again.
const BACKLOG_RETRY: Duration = Duration::from_secs(5);
/// No bound, as a number that Lua holds exactly.
const NO_BOUND: u64 = 1 << 53;

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
#[serde(rename_all = "camelCase")]
struct Arguments<'a> {
    destination: Destination,
    mode: &'static str,
    max_backlog: u64,
    /// By tenant, what earlier calls of the same check would have stored.
    pending: HashMap<&'a str, u64>,
    #[serde(flatten)]
    policy: Policy,
    moves: usize,
}

/// The arguments of one call: those of all, and whose the jobs are that follow.
#[derive(Serialize)]
struct CallArguments<'a> {
    #[serde(flatten)]
    shared: &'a Arguments<'a>,
    tenants: Vec<TenantsJobs<'a>>,
    /// Those that are not for the destination of all, by their number from 1.
    elsewhere: HashMap<usize, Destination>,
}

/// Written one behind the other: a tenant, and how many of the jobs are its own.
#[derive(Serialize)]
#[serde(untagged)]
enum TenantsJobs<'a> {
    Tenant(&'a str),
    Count(usize),
}

/// A job on its way into a script call.
struct Encoded<'a> {
    at: usize,
    new: &'a NewJob,
    parts: Parts,
}

impl Encoded<'_> {
    fn bytes(&self) -> usize {
        self.parts.stored.len() + 256
    }

    fn tenant(&self) -> &str {
        self.new.job.tenant.as_str()
    }

    fn write(&self, command: &mut Cmd) {
        let job = &self.new.job;
        let ticket = format!("{}{}", record::digit(job.priority), self.new.id.as_str());
        command.arg(ticket);
        match job.run_at {
            Some(at) => command.arg(at.as_millisecond().max(0)),
            None => command.arg(""),
        };
        command.arg(&self.parts.stored);
    }
}

/// The jobs of one script call: those of a tenant follow on each other, in their order.
struct Batch<'a> {
    shard: u16,
    jobs: Vec<Encoded<'a>>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    fn has_room_for(&self, job: &Encoded<'_>) -> bool {
        self.jobs.len() < MOST_JOBS && self.bytes + job.bytes() <= MOST_BYTES
    }

    fn push(&mut self, job: Encoded<'a>) {
        self.bytes += job.bytes();
        self.jobs.push(job);
    }

    /// Puts those of a tenant together; the sort is stable.
    fn by_tenant(mut self) -> Self {
        self.jobs.sort_by(|a, b| a.tenant().cmp(b.tenant()));
        self
    }

    fn tenants(&self) -> Vec<TenantsJobs<'_>> {
        let groups = self.jobs.chunk_by(|a, b| a.tenant() == b.tenant());
        groups
            .flat_map(|group| {
                [
                    TenantsJobs::Tenant(group[0].tenant()),
                    TenantsJobs::Count(group.len()),
                ]
            })
            .collect()
    }

    fn elsewhere(&self) -> HashMap<usize, Destination> {
        let jobs = self.jobs.iter().zip(1..);
        jobs.map(|(job, number)| (number, job.new.job.payload.destination()))
            .filter(|(_, destination)| *destination != Destination::GHL)
            .collect()
    }
}

impl Queue {
    /// Stores jobs in their order, each once, and says of each what became of it. Safe to repeat with the same ids.
    pub async fn enqueue(
        &self,
        jobs: &[NewJob],
        admission: Admission,
    ) -> Result<Vec<Enqueued>, Interrupted> {
        // Those for several contacts come behind the jobs that they are spread over.
        if let Some(spread) = Spread::of(jobs) {
            let outcome = self.enqueue_all(&spread.jobs, admission).await;
            return spread.outcome(outcome);
        }
        self.enqueue_all(jobs, admission).await
    }

    async fn enqueue_all(
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
        let keys = self.contact_keys(jobs).await?;
        let batches = self.batches(jobs, &keys)?;
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
        self.store(&batches, "each", NO_BOUND, settled).await?;
        // Half of it is stored then, and whoever repeats all of it with the same ids is told so.
        let stored = |code: &Enqueued| code.is_stored();
        if settled.iter().flatten().all(stored) {
            Ok(())
        } else {
            Err(QueueError::Overtaken)
        }
    }

    /// The jobs by shard, in their order, in batches that one script call takes.
    fn batches<'a>(
        &self,
        jobs: &'a [NewJob],
        keys: &[Vec<String>],
    ) -> Result<Vec<Batch<'a>>, QueueError> {
        let mut batches: Vec<Batch<'a>> = Vec::new();
        let mut open: Vec<Option<usize>> = vec![None; usize::from(self.shards())];
        for (at, (new, keys)) in jobs.iter().zip(keys).enumerate() {
            let shard = self.shard_of(new.job.tenant.as_str());
            let drawer = self.vault().of(new.job.tenant.as_str(), new.id.as_str());
            let parts = record::encode(&new.job, keys, drawer)?;
            let job = Encoded { at, new, parts };
            let open = &mut open[usize::from(shard)];
            if let Some(batch) = open.filter(|batch| batches[*batch].has_room_for(&job)) {
                batches[batch].push(job);
                continue;
            }
            *open = Some(batches.len());
            let mut batch = Batch {
                shard,
                jobs: Vec::new(),
                bytes: 0,
            };
            batch.push(job);
            batches.push(batch);
        }
        Ok(batches.into_iter().map(Batch::by_tenant).collect())
    }

    /// What storing the jobs would come to. No script call knows of another's jobs, so what is already met is kept here.
    async fn check(
        &self,
        batches: &[Batch<'_>],
        outlook: &mut [Option<Enqueued>],
    ) -> Result<(), QueueError> {
        let mut arguments = self.arguments("check", self.terms().max_backlog);
        let mut met = HashMap::new();
        for batch in batches {
            for (job, code) in self.call_enqueue(&arguments, batch).await? {
                let tenant = job.tenant();
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
        batches: &[Batch<'_>],
        mode: &'static str,
        max_backlog: u64,
        settled: &mut [Option<Enqueued>],
    ) -> Result<(), QueueError> {
        let arguments = self.arguments(mode, max_backlog);
        for batch in batches {
            self.check_memory(batch.shard, batch.bytes).await?;
            let codes = self.call_enqueue(&arguments, batch).await?;
            for (job, code) in codes {
                settled[job.at] = Some(code);
            }
        }
        Ok(())
    }

    fn arguments<'a>(&self, mode: &'static str, max_backlog: u64) -> Arguments<'a> {
        Arguments {
            destination: Destination::GHL,
            mode,
            max_backlog,
            pending: HashMap::new(),
            policy: self.terms().policy(),
            moves: super::MOVES,
        }
    }

    async fn call_enqueue<'b, 'a>(
        &self,
        arguments: &Arguments<'_>,
        batch: &'b Batch<'a>,
    ) -> Result<Vec<(&'b Encoded<'a>, Enqueued)>, QueueError> {
        let arguments = CallArguments {
            shared: arguments,
            tenants: batch.tenants(),
            elsewhere: batch.elsewhere(),
        };
        let tail = |command: &mut Cmd| batch.jobs.iter().for_each(|job| job.write(command));
        let codes: Vec<u8> = self
            .call(batch.shard, &self.scripts().enqueue, &arguments, tail)
            .await?;
        let jobs = batch.jobs.iter().zip(codes);
        jobs.map(|(job, code)| Ok((job, enqueued(code)?))).collect()
    }

    /// Stores a sweep for that moment, as a job of low priority that no backlog counts against.
    pub(super) async fn enqueue_sweep(
        &self,
        tenant: &str,
        id: &str,
        due_ms: u64,
        stored: &[u8],
    ) -> Result<Enqueued, QueueError> {
        let arguments = CallArguments {
            shared: &self.arguments("each", NO_BOUND),
            tenants: vec![TenantsJobs::Tenant(tenant), TenantsJobs::Count(1)],
            elsewhere: HashMap::new(),
        };
        let ticket = format!("{}{id}", record::digit(Priority::Low));
        let tail = |command: &mut Cmd| {
            command.arg(&ticket).arg(due_ms).arg(stored);
        };
        let shard = self.shard_of(tenant);
        let codes: Vec<u8> = self
            .call(shard, &self.scripts().enqueue, &arguments, tail)
            .await?;
        let code = codes.first().copied();
        enqueued(code.ok_or_else(|| QueueError::Unexpected("enqueue: no answer".into()))?)
    }
}

fn enqueued(code: u8) -> Result<Enqueued, QueueError> {
    match code {
        b'a' => Ok(Enqueued::Accepted),
        b'd' => Ok(Enqueued::Duplicate),
        b'c' => Ok(Enqueued::Conflict),
        b'f' => Ok(Enqueued::BacklogFull {
            retry_after: BACKLOG_RETRY,
        }),
        other => Err(QueueError::Unexpected(format!("enqueue: {other}"))),
    }
}
