//! Storing a chunk, whatever it takes: waiting where a backlog is full, trying again while Redis is away.

use std::time::Duration;

use penstock_shared::{
    job::{JobId, Tenant},
    queue::{
        Queue,
        enqueue::{Admission, Enqueued, Interrupted},
        error::QueueError,
        record::NewJob,
    },
};

use super::{
    patience::{Patience, Unanswered},
    report::Report,
};

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    /// This run stored it.
    Accepted,
    /// It was stored before.
    Duplicate,
    /// Another job is stored under its id, or under that of one that it is spread over.
    Conflict {
        /// Its own id.
        id: JobId,
        /// The id that is taken.
        taken: JobId,
    },
}

/// How far a chunk came.
#[derive(Debug)]
pub(super) struct Ended {
    /// What became of each job; `None` where it is not known.
    pub(super) settled: Vec<Option<Settled>>,
    /// Why not all of them are settled.
    pub(super) gave_up: Option<QueueError>,
}

/// A job on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    Open,
    /// A try whose answer is missing may have stored it.
    Unsure,
    Settled(Settled),
}

/// Stores the jobs in their order.
pub(super) async fn store(
    queue: &Queue,
    jobs: &[NewJob],
    patience: &mut Patience,
    report: &mut Report,
) -> Ended {
    let mut slots = vec![Slot::Open; jobs.len()];
    let gave_up = settle_all(queue, jobs, &mut slots, patience, report)
        .await
        .err();
    let known = |slot| match slot {
        Slot::Settled(settled) => Some(settled),
        Slot::Open | Slot::Unsure => None,
    };
    Ended {
        settled: slots.into_iter().map(known).collect(),
        gave_up,
    }
}

async fn settle_all(
    queue: &Queue,
    jobs: &[NewJob],
    slots: &mut [Slot],
    patience: &mut Patience,
    report: &mut Report,
) -> Result<(), QueueError> {
    loop {
        let open = unsettled(slots);
        if open.is_empty() {
            return Ok(());
        }
        match patience.bound(attempt(queue, jobs, &open)).await {
            Ok(codes) => {
                let full = mark(jobs, slots, &open, codes.into_iter().map(Some));
                if let Some((tenant, wait)) = full {
                    report.waits_for(tenant);
                    tokio::time::sleep(wait).await;
                }
            }
            Err(Interrupted { settled, error }) => {
                mark(jobs, slots, &open, settled.into_iter());
                patience.endure(error, report).await?;
            }
        }
    }
}

fn unsettled(slots: &[Slot]) -> Vec<usize> {
    let open = |slot: &Slot| !matches!(slot, Slot::Settled(_));
    let places = slots.iter().enumerate().filter(|(_, slot)| open(slot));
    places.map(|(place, _)| place).collect()
}

async fn attempt(
    queue: &Queue,
    jobs: &[NewJob],
    open: &[usize],
) -> Result<Vec<Enqueued>, Interrupted> {
    if open.len() == jobs.len() {
        return queue.enqueue(jobs, Admission::Each).await;
    }
    let rest: Vec<NewJob> = open.iter().map(|place| jobs[*place].clone()).collect();
    queue.enqueue(&rest, Admission::Each).await
}

/// Notes what became of the open jobs, and tells of a tenant whose backlog is full.
fn mark<'a>(
    jobs: &'a [NewJob],
    slots: &mut [Slot],
    open: &[usize],
    codes: impl Iterator<Item = Option<Enqueued>>,
) -> Option<(&'a Tenant, Duration)> {
    let mut full = None;
    // A try that was given up has no codes at all.
    let codes = codes.chain(std::iter::repeat(None));
    for (place, code) in open.iter().zip(codes) {
        let (slot, new) = (&mut slots[*place], &jobs[*place]);
        *slot = match code {
            None => Slot::Unsure,
            Some(Enqueued::Accepted) => Slot::Settled(Settled::Accepted),
            // The try whose answer is missing stored it.
            Some(Enqueued::Duplicate) if *slot == Slot::Unsure => Slot::Settled(Settled::Accepted),
            Some(Enqueued::Duplicate) => Slot::Settled(Settled::Duplicate),
            Some(code @ (Enqueued::Conflict | Enqueued::PartTaken { .. })) => {
                let (id, taken) = (new.id.clone(), code.taken_id(&new.id));
                Slot::Settled(Settled::Conflict { id, taken })
            }
            Some(Enqueued::BacklogFull { retry_after }) => {
                full = full.or(Some((&new.job.tenant, retry_after)));
                Slot::Open
            }
        };
    }
    full
}

impl Unanswered for Interrupted {
    fn unanswered(last: Option<QueueError>) -> Self {
        Self {
            settled: Vec::new(),
            error: QueueError::unanswered(last),
        }
    }
}
