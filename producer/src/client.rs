//! Handing jobs to the queue, with every refusal typed.

use std::{fmt, time::Duration};

use penstock_shared::{
    job::{Fault, Job, JobId, Tenant},
    queue::{
        Location, Queue, Terms,
        enqueue::{Admission, Enqueued, Interrupted},
        error::QueueError,
        record::NewJob,
    },
    settings::Settings,
};
use serde::Serialize;

use crate::gather::Gather;

/// A producer's handle to the queue: cheap to clone, shared by all tasks of a program. It reconnects by itself.
#[derive(Debug, Clone)]
pub struct Client {
    queue: Queue,
    gather: Gather,
}

/// A job is in the queue, as durably as `PENSTOCK_DURABILITY` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The caller's id, or the one that was made for it.
    pub id: JobId,
    /// Who put it there.
    pub status: Status,
}

/// Who put a job into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// This call.
    Accepted,
    /// An earlier one with the same id, type and payload; nothing changed.
    Duplicate,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
        })
    }
}

/// Why one job was not taken, and what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The id is taken.
    #[error("{0}")]
    Conflict(Conflict),
    /// It has more bytes than a job may have.
    #[error("{0}")]
    TooLarge(Fault),
    /// The tenant has as many unfinished jobs as it may.
    #[error("tenant {tenant} has as many unfinished jobs as it may (PENSTOCK_MAX_BACKLOG): try again in {} s", retry_after.as_secs())]
    BacklogFull {
        /// Whose backlog it is.
        tenant: Tenant,
        /// When to try again.
        retry_after: Duration,
    },
    /// The queue failed; whether the job is stored is not known. Repeating it with this id is harmless.
    #[error("{error}; job {id} may be stored or not: repeat it with this id")]
    Unavailable {
        /// The id that the job has in the queue, if it is there.
        id: JobId,
        /// What happened.
        error: QueueError,
    },
}

/// Another job of this tenant is stored under the same id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.fault())]
pub struct Conflict {
    /// Which job of the batch, from 0.
    pub index: usize,
    /// The id of the job.
    pub id: JobId,
    /// The id that is taken: the same, or, of a job for several contacts, that of one of those that it is spread over.
    pub taken: JobId,
}

impl Conflict {
    /// The same as a fault of the job.
    pub fn fault(&self) -> Fault {
        taken(&self.id, &self.taken)
    }
}

/// What is wrong with a job's id where another job is stored under the one that is `taken`.
pub(crate) fn taken(id: &JobId, taken: &JobId) -> Fault {
    let message = if id == taken {
        "another type or payload is stored under this id; an id stands for one job".to_owned()
    } else {
        format!(
            "it is spread over a job for each of its contacts, and another type or payload is stored under the id of one of them, {taken}: give it another id"
        )
    };
    Fault {
        path: "id".to_owned(),
        message,
    }
}

/// Why a batch was not taken, and what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BatchRefusal {
    /// Some ids are taken; nothing was stored.
    #[error("{} of the jobs have an id that stands for another job", .0.len())]
    Conflicts(Vec<Conflict>),
    /// A job has more bytes than it may; nothing was stored.
    #[error("job {index} of the batch: {fault}")]
    TooLarge {
        /// Which job of the batch, from 0.
        index: usize,
        /// How many bytes it has.
        fault: Fault,
    },
    /// A tenant has as many unfinished jobs as it may; nothing was stored.
    #[error("tenant {tenant} has as many unfinished jobs as it may (PENSTOCK_MAX_BACKLOG): try again in {} s", retry_after.as_secs())]
    BacklogFull {
        /// Whose backlog it is.
        tenant: Tenant,
        /// When to try again.
        retry_after: Duration,
    },
    /// The queue failed midway. Repeating the batch with these ids is harmless.
    #[error("{error}; repeat the jobs with the same ids")]
    Interrupted {
        /// What is known of each job, in order.
        jobs: Vec<Standing>,
        /// What happened.
        error: QueueError,
    },
}

/// A single job's, as that of a batch of one.
impl From<Refusal> for BatchRefusal {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict(conflict) => Self::Conflicts(vec![conflict]),
            Refusal::TooLarge(fault) => Self::TooLarge { index: 0, fault },
            Refusal::BacklogFull {
                tenant,
                retry_after,
            } => Self::BacklogFull {
                tenant,
                retry_after,
            },
            Refusal::Unavailable { id, error } => Self::Interrupted {
                jobs: vec![Standing { id, stored: None }],
                error,
            },
        }
    }
}

/// What is known of a job when the queue has failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The caller's id, or the one that was made for it.
    pub id: JobId,
    /// Whether it is stored; `None`: not known.
    pub stored: Option<bool>,
}

impl Client {
    /// Connects to the queue, and makes sure that it can be used.
    pub async fn connect(settings: &Settings) -> Result<Self, QueueError> {
        let queue = Queue::connect(Location::from(settings), Terms::from(settings)).await?;
        Ok(Self::over(queue))
    }

    /// A client of a queue that is already connected.
    pub fn over(queue: Queue) -> Self {
        Self {
            gather: Gather::new(queue.clone()),
            queue,
        }
    }

    /// The queue itself.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Stores one job, under its own id or a new one. Jobs of one client that meet on the way are stored together, in the order of their
    /// calls: many tasks may call this at once. When the queue fails, those that wait behind the failed call are refused with it.
    pub async fn enqueue(&self, job: Job) -> Result<Receipt, Refusal> {
        let new = named(job);
        new.job.check_size().map_err(Refusal::TooLarge)?;
        let (id, tenant) = (new.id.clone(), new.job.tenant.clone());
        match self.gather.store(new).await {
            Ok(code) => receipt(&id, code).map_err(|refused| refused.of_one(id, tenant)),
            Err(error) => Err(Refusal::Unavailable { id, error }),
        }
    }

    /// Stores several jobs in their order, all or none of them.
    pub async fn enqueue_all(&self, jobs: Vec<Job>) -> Result<Vec<Receipt>, BatchRefusal> {
        let jobs: Vec<NewJob> = jobs.into_iter().map(named).collect();
        for (index, new) in jobs.iter().enumerate() {
            let sized = new.job.check_size();
            sized.map_err(|fault| BatchRefusal::TooLarge { index, fault })?;
        }
        match self.queue.enqueue(&jobs, Admission::AllOrNothing).await {
            Ok(codes) => receipts(&jobs, &codes),
            Err(interrupted) => Err(interruption(jobs, interrupted)),
        }
    }
}

fn named(mut job: Job) -> NewJob {
    let id = job.id.take().unwrap_or_else(JobId::generate);
    NewJob { id, job }
}

/// Why a single job was not stored although the queue works.
enum Refused {
    /// Another job is stored under this id.
    Conflict(JobId),
    Full(Duration),
}

impl Refused {
    fn of_one(self, id: JobId, tenant: Tenant) -> Refusal {
        match self {
            Self::Conflict(taken) => Refusal::Conflict(Conflict {
                index: 0,
                id,
                taken,
            }),
            Self::Full(retry_after) => Refusal::BacklogFull {
                tenant,
                retry_after,
            },
        }
    }
}

fn receipt(id: &JobId, code: Enqueued) -> Result<Receipt, Refused> {
    let status = match code {
        Enqueued::Accepted => Status::Accepted,
        Enqueued::Duplicate => Status::Duplicate,
        Enqueued::Conflict | Enqueued::PartTaken { .. } => {
            return Err(Refused::Conflict(code.taken_id(id)));
        }
        Enqueued::BacklogFull { retry_after } => return Err(Refused::Full(retry_after)),
    };
    Ok(Receipt {
        id: id.clone(),
        status,
    })
}

fn receipts(jobs: &[NewJob], codes: &[Enqueued]) -> Result<Vec<Receipt>, BatchRefusal> {
    let (mut receipts, mut conflicts, mut full) =
        (Vec::with_capacity(jobs.len()), Vec::new(), None);
    for (index, (new, code)) in jobs.iter().zip(codes).enumerate() {
        match receipt(&new.id, *code) {
            Ok(receipt) => receipts.push(receipt),
            Err(Refused::Conflict(taken)) => conflicts.push(Conflict {
                index,
                id: new.id.clone(),
                taken,
            }),
            Err(Refused::Full(retry_after)) => full = full.or(Some((&new.job.tenant, retry_after))),
        }
    }
    match full {
        // A conflict stays whatever the backlog does, so it is told first.
        _ if !conflicts.is_empty() => Err(BatchRefusal::Conflicts(conflicts)),
        Some((tenant, retry_after)) => Err(BatchRefusal::BacklogFull {
            tenant: tenant.clone(),
            retry_after,
        }),
        None => Ok(receipts),
    }
}

fn interruption(jobs: Vec<NewJob>, interrupted: Interrupted) -> BatchRefusal {
    let known = interrupted.settled.into_iter();
    let jobs = jobs.into_iter().zip(known).map(|(new, known)| Standing {
        id: new.id,
        stored: known.map(Enqueued::is_stored),
    });
    BatchRefusal::Interrupted {
        jobs: jobs.collect(),
        error: interrupted.error,
    }
}
