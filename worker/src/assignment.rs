//! A job that this worker has been given, and what it may still do with it.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;
use parking_lot::Mutex;
use penstock_shared::{
    queue::{
        claim::{Claimed, Renewed, Rider, SUSPECT},
        record::{self, Record, RecordError},
        reference::{Lane, Reference},
        report::Report,
        run::field,
        settle::Fields,
    },
    span::{millis, moment},
};
use tokio::sync::{Notify, OwnedSemaphorePermit};

use crate::{
    clock::{RedisClock, Steady},
    gate::Leaving,
    group::RiderEnd,
};

/// A leased job on its way through this worker.
#[derive(Debug)]
pub struct Assignment {
    /// What the queue gave.
    pub claimed: Claimed,
    /// The time that quarantines are measured by, from its claim on.
    pub steady: Steady,
    /// The clock of its shard's Redis.
    pub clock: RedisClock,
    record: OnceLock<Result<Record, RecordError>>,
    /// What this delivery writes into the journal when it ends.
    pub fields: Mutex<Fields>,
    /// The call of which bytes may have left since the last answer, and when it has ended at the latest (ms, steady).
    exposed: Mutex<Option<(Leaving, u64)>>,
    /// How the riders have ended, as far as they have.
    riders: Mutex<Vec<(Reference, RiderEnd)>>,
    /// What the last response said of the quota, as long as nobody has told the ledger.
    report: Mutex<Option<Report>>,
    /// Calls made and the time that these took, as long as nobody has told the ledger.
    calls: Mutex<(u32, Duration)>,
    steps: AtomicU32,
    lease: Lease,
    slot: Mutex<Option<Slot>>,
}

/// What a job takes up of its worker while it is delivered.
#[derive(Debug)]
struct Slot {
    lane: Lane,
    taken: Taken,
    /// None if all were taken when the answer to a repeated claim came.
    permit: Option<OwnedSemaphorePermit>,
}

/// How many slots each lane takes up: every claim asks for it.
#[derive(Debug, Default, Clone)]
struct Taken {
    lanes: Arc<Mutex<HashMap<Lane, usize>>>,
    vacated: Arc<Notify>,
}

/// How long a lease is ours, by our own monotonic clock.
#[derive(Debug, Clone)]
struct Lease(Arc<Mutex<Term>>);

#[derive(Debug, Clone, Copy)]
struct Term {
    /// Until then; `None` if the job is another's.
    until: Option<Instant>,
    /// It had ended before it was prolonged.
    broken: bool,
}

impl Term {
    fn lasts(self, margin: Duration) -> bool {
        let now = Instant::now();
        self.until.is_some_and(|until| now + margin < until)
    }
}

impl Assignment {
    /// Which job it is.
    pub fn reference(&self) -> &Reference {
        &self.claimed.reference
    }

    /// When it was enqueued, or due first: since then it is decided what it does.
    pub fn first_due(&self) -> Timestamp {
        moment(self.claimed.life_ms())
    }

    /// What is stored under its id, decoded once, by whoever asks first.
    pub fn record(&self) -> Result<&Record, &RecordError> {
        let decode = || record::decode(&self.claimed.record);
        self.record.get_or_init(decode).as_ref()
    }

    /// Whether it has ended as many workers in a row as may be chance: it runs alone.
    pub fn is_suspect(&self) -> bool {
        self.claimed.run.lost() == SUSPECT
    }

    /// Whether the lease is certainly still ours for `margin` more.
    pub fn is_ours(&self, margin: Duration) -> bool {
        self.lease.0.lock().lasts(margin)
    }

    /// Whether it was not certain at any time that the lease was ours: another may have had the job meanwhile.
    pub fn is_stale(&self) -> bool {
        let term = self.lease.0.lock();
        term.broken || !term.lasts(Duration::ZERO)
    }

    /// Lets others have its slot: its delivery has ended, and only that has to be written still.
    pub fn vacate(&self) {
        self.slot.lock().take();
    }

    /// Marks that a call is about to leave.
    pub fn expose(&self, leaving: Leaving) {
        let until = self.steady.latest_ms() + millis(leaving.timeout);
        *self.exposed.lock() = Some((leaving, until));
    }

    /// Marks that the call was answered, or provably not sent.
    pub fn cover(&self) {
        *self.exposed.lock() = None;
    }

    /// The call that may be on its way.
    pub fn exposed(&self) -> Option<Leaving> {
        self.exposed.lock().map(|(leaving, _)| leaving)
    }

    /// The call that may be on its way is not waited for any more. Its bytes may be, by whatever carries them, as long as it might have taken.
    pub fn abandon(&self) {
        let exposed = *self.exposed.lock();
        if let Some((_, until)) = exposed.filter(|(leaving, _)| !leaving.is_read) {
            self.note(field::UNANSWERED, until.to_string());
        }
    }

    /// A response has said this of the quota.
    pub fn reported(&self, report: Report) {
        *self.report.lock() = Some(report);
    }

    /// What the last response said of the quota: once, for the ledger.
    pub fn take_report(&self) -> Option<Report> {
        self.report.lock().take()
    }

    /// A rider has ended so.
    pub fn rider_ends(&self, rider: &Rider, end: RiderEnd) {
        self.riders.lock().push((rider.reference.clone(), end));
    }

    /// How a rider has ended, if it has.
    pub fn end_of(&self, rider: &Rider) -> Option<RiderEnd> {
        let ends = self.riders.lock();
        let end = ends.iter().find(|(name, _)| *name == rider.reference);
        end.map(|(_, end)| end.clone())
    }

    /// A call was made, and took so long.
    pub fn called(&self, took: Duration) {
        let mut calls = self.calls.lock();
        *calls = (calls.0 + 1, calls.1 + took);
    }

    /// The calls made and the time that these took: once, for the ledger.
    pub fn take_calls(&self) -> (u32, Duration) {
        std::mem::take(&mut *self.calls.lock())
    }

    /// The number of the next step of this delivery.
    pub fn next_step(&self) -> u32 {
        self.steps.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Whether anything may stand in its journal already.
    pub fn has_run(&self) -> bool {
        !self.claimed.run.is_empty() || self.steps.load(Ordering::SeqCst) > 0
    }

    /// Notes something for the journal, written when the delivery ends; an empty value takes the field out.
    pub fn note(&self, name: &'static str, value: impl Into<String>) {
        self.fields.lock().insert(name, value.into());
    }
}

/// Every job that this worker has, so that all leases are renewed together.
#[derive(Debug, Default, Clone)]
pub struct Roster {
    jobs: Arc<Mutex<HashMap<Reference, Entry>>>,
    taken: Taken,
}

#[derive(Debug)]
struct Entry {
    token: u64,
    lease: Lease,
}

impl Roster {
    /// Takes a claimed job in; `until` is the end of its lease, measured from before the claim was sent.
    pub fn admit(
        &self,
        claimed: Claimed,
        until: Instant,
        steady: Steady,
        clock: RedisClock,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Arc<Assignment> {
        let slot = self.taken.slot(claimed.reference.lane(), permit);
        let lease = Lease(Arc::new(Mutex::new(Term {
            until: Some(until),
            broken: false,
        })));
        let entry = Entry {
            token: claimed.token,
            lease: lease.clone(),
        };
        self.jobs.lock().insert(claimed.reference.clone(), entry);
        Arc::new(Assignment {
            claimed,
            steady,
            clock,
            record: OnceLock::new(),
            fields: Mutex::default(),
            exposed: Mutex::default(),
            riders: Mutex::default(),
            report: Mutex::default(),
            calls: Mutex::default(),
            steps: AtomicU32::new(0),
            lease,
            slot: Mutex::new(Some(slot)),
        })
    }

    /// Lets a settled job go.
    pub fn release(&self, assignment: &Assignment) {
        let mut jobs = self.jobs.lock();
        let reference = assignment.reference();
        if jobs
            .get(reference)
            .is_some_and(|entry| entry.token == assignment.claimed.token)
        {
            jobs.remove(reference);
        }
    }

    /// Waits until a slot is vacated, if none was since the last time.
    pub async fn vacated(&self) {
        self.taken.vacated.notified().await;
    }

    /// The jobs whose leases are to be renewed.
    pub fn leased(&self) -> Vec<(Reference, u64)> {
        self.jobs
            .lock()
            .iter()
            .map(|(reference, entry)| (reference.clone(), entry.token))
            .collect()
    }

    /// All leases that are still ours were prolonged until then.
    pub fn prolonged(&self, asked: &[(Reference, u64)], renewed: &Renewed, until: Instant) {
        let jobs = self.jobs.lock();
        for (reference, token) in asked {
            let Some(entry) = jobs.get(reference).filter(|entry| entry.token == *token) else {
                continue;
            };
            let mut term = entry.lease.0.lock();
            term.broken |= !term.lasts(Duration::ZERO);
            if renewed.lost.contains(reference) {
                term.until = None;
            } else if term.until.is_some() && (!term.broken || *token > renewed.uncertain) {
                term.until = Some(until);
            }
        }
    }

    /// How many slots each lane holds.
    pub fn held(&self) -> Vec<(String, usize)> {
        let lanes = self.taken.lanes.lock();
        let held = lanes.iter().map(|(lane, count)| (lane.to_string(), *count));
        held.collect()
    }

    /// How many slots are taken.
    pub fn size(&self) -> usize {
        self.taken.lanes.lock().values().sum()
    }
}

impl Taken {
    fn slot(&self, lane: &Lane, permit: Option<OwnedSemaphorePermit>) -> Slot {
        *self.lanes.lock().entry(lane.clone()).or_default() += 1;
        Slot {
            lane: lane.clone(),
            taken: self.clone(),
            permit,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut lanes = self.taken.lanes.lock();
        if let Some(count) = lanes.get_mut(&self.lane) {
            *count -= 1;
            if *count == 0 {
                lanes.remove(&self.lane);
            }
        }
        drop(lanes);
        // First, since whoever is told counts it.
        self.permit.take();
        self.taken.vacated.notify_one();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use penstock_shared::queue::{lapse::Lapses, reference::Reference, run::Run};

    use super::*;
    use crate::clock::{Seen, Steps};

    /// A job of which nothing is known, claimed with this token, for so long.
    pub(crate) fn claimed(token: u64, lease: Duration) -> (Roster, Arc<Assignment>) {
        let claimed = Claimed {
            reference: Reference::parse("ghl/acme/1a").expect("a reference"),
            token,
            deliveries: 1,
            record: Arc::from([]),
            probe: false,
            run: Run::default(),
            lapses: Lapses::default(),
            quotas: (
                "100/10s".parse().expect("a quota"),
                "200000/1d".parse().expect("a quota"),
            ),
            riders: Vec::new(),
        };
        let now = Instant::now();
        let seen = Seen {
            now_ms: 1_000_000,
            sent: now,
            received: now,
        };
        let (steady, _) = Steps::default().notice(seen, 0, None);
        let (roster, clock) = (Roster::default(), RedisClock::unset());
        let job = roster.admit(claimed, now + lease, steady, clock, None);
        (roster, job)
    }

    const LONG: Duration = Duration::from_secs(60);

    /// All leases of the roster are prolonged; of tokens up to `uncertain` nobody knows who had them meanwhile.
    fn prolong(roster: &Roster, lost: &[Reference], uncertain: u64) {
        let renewed = Renewed {
            lost: lost.to_vec(),
            uncertain,
        };
        roster.prolonged(&roster.leased(), &renewed, Instant::now() + LONG);
    }

    #[test]
    fn a_lease_that_lasts_is_prolonged_whatever_redis_has_forgotten() {
        let (roster, job) = claimed(7, LONG);
        prolong(&roster, &[], 7);
        assert!(job.is_ours(LONG / 2) && !job.is_stale());
    }

    #[test]
    fn one_that_has_ended_is_taken_up_again_where_nothing_is_forgotten_and_stays_stale() {
        let (roster, job) = claimed(7, Duration::ZERO);
        assert!(!job.is_ours(Duration::ZERO) && job.is_stale());
        prolong(&roster, &[], 7);
        assert!(!job.is_ours(Duration::ZERO));
        prolong(&roster, &[], 6);
        assert!(job.is_ours(LONG / 2) && job.is_stale());
    }

    #[test]
    fn what_is_anothers_stays_so() {
        let (roster, job) = claimed(7, LONG);
        prolong(&roster, &[job.reference().clone()], 0);
        prolong(&roster, &[], 0);
        assert!(!job.is_ours(Duration::ZERO) && job.is_stale());
    }
}
