//! Storing jobs.

use std::{collections::HashMap, time::Duration};

use redis::Cmd;
use serde::Serialize;

pub use super::batch::MOST_JOBS;
use super::{
    Policy, Queue,
    batch::{Batch, Contents, Encoded, Spread},
    error::QueueError,
    record::{self, NewJob},
    spread::part_id,
};
use crate::job::{Destination, JobId, Priority};

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
    /// It is for several contacts, and another job is stored under the id of one of those that it is spread over.
    PartTaken {
        /// Which of them, from 1.
        number: usize,
    },
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

    /// Of one that was refused for an id that stands for another job, which id that is: its `own`, or that of one that it is spread over.
    pub fn taken_id(self, own: &JobId) -> JobId {
        match self {
            Self::PartTaken { number } => part_id(own, number),
            _ => own.clone(),
        }
    }
}

/// Whether jobs stand and fall together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Each by itself.
    Each,
    /// If one is refused, none is stored; `Accepted` then means "would have been".
    AllOrNothing,
    /// Each by itself, however full the backlog is: what follows from a job that can end only when this is stored. Bounded, a backlog of such jobs
    /// would never be worked off.
    Following,
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

/// The arguments of one call: those of all, and what the jobs are that follow.
#[derive(Serialize)]
struct CallArguments<'a> {
    #[serde(flatten)]
    shared: &'a Arguments<'a>,
    #[serde(flatten)]
    contents: Contents<'a>,
}

impl Queue {
    /// Stores jobs in their order, each once, and says of each what became of it. One for several contacts is stored with those that it is spread over,
    /// or not at all, and needs no more room in the backlog than one does, though all of them count in it then. Safe to repeat with the same ids.
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
        let keys = self.contact_keys(jobs).await?;
        let batches = self.batches(jobs, &keys)?;
        let bound = self.terms().max_backlog;
        match admission {
            Admission::Each => return self.store(&batches, "each", bound, settled).await,
            Admission::Following => return self.store(&batches, "each", NO_BOUND, settled).await,
            Admission::AllOrNothing => {}
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
            batches.push(Batch::of(shard, job));
        }
        Ok(batches.into_iter().map(Batch::by_tenant).collect())
    }

    /// The same with those that they are spread over, for as long as its call takes: of all batches at once they might be very many.
    fn spread<'b, 'a>(&self, batch: &'b Batch<'a>) -> Result<Spread<'b, 'a>, QueueError> {
        let jobs = batch.jobs.iter();
        let parts: Result<_, _> = jobs.map(|job| self.encode_spread(job.new)).collect();
        let parts = parts?;
        Ok(Spread { batch, parts })
    }

    /// What storing the jobs would come to. No script call knows of another's jobs, so what is already met is kept here.
    async fn check(
        &self,
        batches: &[Batch<'_>],
        outlook: &mut [Option<Enqueued>],
    ) -> Result<(), QueueError> {
        let mut arguments = self.arguments("check", self.terms().max_backlog);
        let mut met = Met::default();
        for batch in batches {
            let spread = self.spread(batch)?;
            let codes = self.call_enqueue(&arguments, &spread).await?;
            for ((job, parts), code) in spread.each().zip(codes) {
                let tenant = job.tenant();
                let ids = parts.iter().map(|part| (&part.id, part.parts.fingerprint));
                let (is_new, code) = met.judge(tenant, job, ids, code);
                if is_new && code == Enqueued::Accepted {
                    *arguments.pending.entry(tenant).or_default() += 1;
                }
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
        let mut arguments = self.arguments(mode, max_backlog);
        for batch in batches {
            self.check_memory(batch.shard, batch.bytes).await?;
            let spread = self.spread(batch)?;
            let codes = self.call_enqueue(&arguments, &spread).await?;
            for (job, code) in batch.jobs.iter().zip(codes) {
                settled[job.at] = Some(code);
                if let Enqueued::BacklogFull { .. } = code {
                    // For all that come after it, too: there may be room by the next call, and they would overtake this one.
                    arguments.pending.insert(job.tenant(), max_backlog);
                }
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

    /// What became of each job of the batch.
    async fn call_enqueue(
        &self,
        arguments: &Arguments<'_>,
        spread: &Spread<'_, '_>,
    ) -> Result<Vec<Enqueued>, QueueError> {
        let arguments = CallArguments {
            shared: arguments,
            contents: spread.contents(),
        };
        let tail = |command: &mut Cmd| spread.write(command);
        let shard = spread.batch.shard;
        let answer = self.call(shard, &self.scripts().enqueue, &arguments, tail);
        let (codes, taken): (Vec<u8>, Vec<usize>) = answer.await?;
        let mut taken = taken.into_iter();
        let codes = codes.into_iter();
        codes.map(|code| enqueued(code, &mut taken)).collect()
    }

    /// How many unfinished jobs a tenant has.
    pub async fn backlog(&self, tenant: &str) -> Result<u64, QueueError> {
        let mut open = redis::cmd("HGET");
        open.arg(self.keys_of(tenant).open()).arg(tenant);
        let open: Option<u64> = self.connection().run(&open).await?;
        Ok(open.unwrap_or(0))
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
            contents: Contents::one(tenant),
        };
        let ticket = format!("{}{id}", record::digit(Priority::Low));
        let tail = |command: &mut Cmd| {
            command.arg(&ticket).arg(due_ms).arg(stored);
        };
        let shard = self.shard_of(tenant);
        let answer = self.call(shard, &self.scripts().enqueue, &arguments, tail);
        let (codes, _): (Vec<u8>, Vec<usize>) = answer.await?;
        let code = codes.first().copied();
        let code = code.ok_or_else(|| QueueError::Unexpected("enqueue: no answer".into()))?;
        enqueued(code, &mut std::iter::empty())
    }
}

/// `taken`: of each whose code says so, which of the jobs that it is spread over has an id that is taken.
fn enqueued(code: u8, taken: &mut impl Iterator<Item = usize>) -> Result<Enqueued, QueueError> {
    match code {
        b'a' => Ok(Enqueued::Accepted),
        b'd' => Ok(Enqueued::Duplicate),
        b'c' => Ok(Enqueued::Conflict),
        b'p' => taken
            .next()
            .map(|number| Enqueued::PartTaken { number })
            .ok_or_else(|| QueueError::Unexpected("enqueue: whose id is taken?".into())),
        b'f' => Ok(Enqueued::BacklogFull {
            retry_after: BACKLOG_RETRY,
        }),
        other => Err(QueueError::Unexpected(format!("enqueue: {other}"))),
    }
}

/// What the ids stand for that a check has met, by tenant: its fingerprint, and what became of it if it is not one that another is spread over.
#[derive(Default)]
struct Met<'a>(HashMap<(&'a str, String), ([u8; 8], Enqueued)>);

impl<'a> Met<'a> {
    /// What becomes of a job of which a call says `code`, and whether it was not met before.
    fn judge<'p>(
        &mut self,
        tenant: &'a str,
        job: &Encoded<'_>,
        parts: impl Iterator<Item = (&'p JobId, [u8; 8])> + Clone,
        code: Enqueued,
    ) -> (bool, Enqueued) {
        let fingerprint = job.parts.fingerprint;
        let name = |id: &JobId| (tenant, id.as_str().to_owned());
        if let Some((first, code)) = self.0.get(&name(&job.new.id)) {
            let is_same = *first == fingerprint;
            return (false, if is_same { *code } else { Enqueued::Conflict });
        }
        let mut numbered = parts.clone().zip(1..);
        let taken = numbered.find(|((id, fingerprint), _)| {
            let met = self.0.get(&name(id));
            met.is_some_and(|(first, _)| first != fingerprint)
        });
        let code = match (code, taken) {
            (Enqueued::Accepted, Some((_, number))) => Enqueued::PartTaken { number },
            _ => code,
        };
        self.0.insert(name(&job.new.id), (fingerprint, code));
        if code == Enqueued::Accepted {
            for (id, fingerprint) in parts {
                self.0.entry(name(id)).or_insert((fingerprint, code));
            }
        }
        (true, code)
    }
}
