//! Ends deliveries in Redis, many in one round trip, and keeps at it while Redis is away.

use std::sync::Arc;

use penstock_shared::{
    job::state::{Api, Ending},
    queue::{
        Queue,
        error::QueueError,
        settle::{self, MOST_ENDS, Settled, Settlement},
    },
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

use crate::{
    assignment::{Assignment, Roster},
    failpoint,
    patience::Patience,
    settle::Company,
};

/// A delivery that has ended, and what is let go of when that is written.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub settlement: Settlement,
    /// The job, with its slot.
    pub job: Arc<Assignment>,
    /// Its leave to run, alone or beside others.
    pub company: Company,
}

/// Where deliveries hand in how they ended.
#[derive(Debug, Clone)]
pub struct Settler {
    queue: Queue,
    roster: Roster,
    /// By shard: one that is away holds up no other.
    inboxes: Vec<mpsc::Sender<Ended>>,
}

impl Settler {
    /// Starts what settles. The task ends when nobody can hand in anything more and all of it is written.
    pub fn start(queue: Queue, roster: Roster) -> (Self, JoinHandle<()>) {
        let mut shards = JoinSet::new();
        let mut start = |shard| {
            // Not many: what waits here when a worker is killed was done, and is looked for or done again.
            let (sender, inbox) = mpsc::channel(MOST_ENDS * 2);
            shards.spawn(serve(queue.clone(), shard, roster.clone(), inbox));
            sender
        };
        let inboxes = (0..queue.shards()).map(&mut start).collect();
        let settler = Self {
            queue,
            roster,
            inboxes,
        };
        let all_written = tokio::spawn(async { drop(shards.join_all().await) });
        (settler, all_written)
    }

    /// Takes over what becomes of a delivery. It is written as soon as Redis takes it, however long that is away: the fencing token decides
    /// then whether it still counts.
    pub async fn take(&self, ended: Ended) {
        if ended.settlement.transition.ending == Ending::None {
            // It was written already, as the job was put back.
            return conclude(&self.roster, &ended.settlement, &ended.job, Settled::Ok);
        }
        let shard = self.queue.shard_of(ended.settlement.reference.tenant());
        // The receiver goes only after all senders, unless it panics; then the worker ends.
        if let Ok(place) = self.inboxes[usize::from(shard)].reserve().await {
            // Not before: where Redis falls behind, no more is claimed than it can take.
            ended.job.vacate();
            place.send(ended);
        }
    }
}

async fn serve(queue: Queue, shard: u16, roster: Roster, mut inbox: mpsc::Receiver<Ended>) {
    let mut batch = Vec::with_capacity(MOST_ENDS);
    while inbox.recv_many(&mut batch, MOST_ENDS).await > 0 {
        while !batch.is_empty() {
            let split = |ended: Ended| (ended.settlement, (ended.job, ended.company));
            let fitting = settle::fitting(batch.iter().map(|ended| &ended.settlement));
            let fitting = batch.drain(..fitting).map(split);
            let (settlements, held): (Vec<_>, Vec<_>) = fitting.unzip();
            failpoint::pass("before-settle");
            let settled = write(&queue, shard, &settlements).await;
            failpoint::pass("mid-settle");
            let ended = settlements.iter().zip(held).zip(settled);
            for ((settlement, (job, _company)), settled) in ended {
                conclude(&roster, settlement, &job, settled);
            }
            failpoint::pass("after-settle");
        }
    }
}

/// Writes until Redis has taken it, whatever it refuses for: somebody may mend that. Only what it cannot make sense of would be refused for
/// ever: then one by one, so that a single bad settlement holds up no other.
async fn write(queue: &Queue, shard: u16, settlements: &[Settlement]) -> Vec<Settled> {
    let mut patience = Patience::new("settle");
    loop {
        match queue.settle(shard, settlements).await {
            Ok(settled) => {
                patience.succeeded();
                return settled;
            }
            Err(QueueError::Unexpected(answer)) if settlements.len() == 1 => {
                tracing::error!(answer, job = %settlements[0].reference, "a delivery cannot be settled; its lease will end");
                return vec![Settled::Missing];
            }
            Err(QueueError::Unexpected(_)) => break,
            Err(error) => patience.failed(&error).await,
        }
    }
    let mut settled = Vec::with_capacity(settlements.len());
    for settlement in settlements.chunks(1) {
        settled.extend(Box::pin(write(queue, shard, settlement)).await);
    }
    settled
}

/// Says what was written, and lets the job go.
fn conclude(roster: &Roster, settlement: &Settlement, job: &Assignment, settled: Settled) {
    let (name, tenant) = (job.reference().id(), job.reference().tenant());
    let effect = settlement.transition.ending.effect();
    match settled {
        Settled::Ok => {
            report(settlement);
            if job.claimed.probe {
                report_probe(settlement);
            }
        }
        Settled::Refused => tracing::warn!(
            job = name,
            tenant,
            effect,
            "what was taken for its effect may not be all that it has made, or is another job's: it is looked for again"
        ),
        Settled::Lost | Settled::Missing => tracing::warn!(
            job = name,
            tenant,
            token = job.claimed.token,
            effect,
            "the delivery is no longer this worker's: nothing was written, but for what the next one is to know"
        ),
    }
    roster.release(job);
}

/// Metrics and one line of log: recorded by what is written, not by what was hoped.
fn report(settlement: &Settlement) {
    settlement.riders.iter().for_each(report_rider);
    let (state, level_is_warn) = match &settlement.transition.ending {
        Ending::Done { .. } => ("done", false),
        Ending::Dead { .. } => ("dead", true),
        Ending::Back { attempt: true, .. } => ("retrying", true),
        Ending::Back { .. } | Ending::Deferred { .. } | Ending::Aside { .. } => {
            ("postponed", false)
        }
        Ending::None => ("returned", false),
    };
    let death = match &settlement.transition.ending {
        Ending::Dead { cause, fault, .. } => Some((cause.as_str(), fault)),
        _ => None,
    };
    let cause = death.map(|(cause, _)| cause);
    count(settlement, state);
    let fault = settlement.transition.fault.as_ref();
    let fault = fault.or(death.map(|(_, fault)| fault));
    let (status, error) = (
        fault.and_then(|fault| fault.status),
        fault.map(|fault| fault.message.as_str()),
    );
    let (job, tenant) = (settlement.reference.id(), settlement.reference.tenant());
    let destination = settlement.reference.lane().destination();
    if let Some(decided) = &settlement.transition.decided {
        let policy = decided.policy.as_str();
        metrics::counter!("penstock_ambiguous_total", "policy" => policy).increment(1);
        let evidence = decided.evidence.to_string();
        tracing::warn!(
            job,
            tenant,
            policy,
            error,
            evidence,
            "nobody can tell whether it took effect: the policy decides"
        );
    }
    if let Some(hold) = &settlement.transition.hold {
        // Nobody else can say it: held jobs are not delivered, and so leave no line.
        tracing::warn!(
            tenant,
            destination,
            why = hold.why,
            error,
            "the tenant is held"
        );
    }
    if level_is_warn {
        tracing::warn!(
            job,
            tenant,
            destination,
            end = state,
            cause,
            attempts_before = settlement.attempts,
            status,
            error,
            "delivery ended"
        );
    } else {
        tracing::debug!(
            job,
            tenant,
            destination,
            end = state,
            attempts_before = settlement.attempts,
            status,
            error,
            "delivery ended"
        );
    }
}

/// What became of the breaker: the probe itself costs no attempt, and so leaves no other line.
fn report_probe(settlement: &Settlement) {
    let tenant = settlement.reference.tenant();
    let destination = settlement.reference.lane().destination();
    let fault = settlement.transition.fault.as_ref();
    let status = fault.and_then(|fault| fault.status);
    let error = fault.map(|fault| fault.message.as_str());
    match settlement.transition.api {
        Some(Api::Up) => {
            tracing::info!(
                tenant,
                destination,
                "the API answered the probe: the breaker is closed"
            );
        }
        Some(Api::Down) => tracing::warn!(
            tenant,
            destination,
            status,
            error,
            "the API failed the probe: the breaker stays open"
        ),
        None => {}
    }
}

fn count(settlement: &Settlement, end: &'static str) {
    let destination = settlement.reference.lane().destination().to_owned();
    let job_type = settlement.job_type.clone();
    metrics::counter!("penstock_deliveries_total", "destination" => destination, "end" => end, "type" => job_type).increment(1);
}

/// A rider that is done has saved a call.
fn report_rider(settlement: &Settlement) {
    let done = matches!(settlement.transition.ending, Ending::Done { .. });
    let end = if done { "done" } else { "postponed" };
    count(settlement, end);
    if done {
        metrics::counter!("penstock_calls_saved_total").increment(1);
    }
}
