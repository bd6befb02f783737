//! Claims jobs for the free slots, one loop per shard.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use penstock_shared::{
    queue::{
        Queue,
        claim::{Claim, ClaimRequest, MOST_CALLS},
        lapse::Lapse,
    },
    span::millis,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    assignment::{Assignment, Roster},
    clock::{RedisClock, Seen, Steady, Step, Steps},
    failpoint,
    patience::Patience,
};

/// The longest that an idle worker waits before it looks for itself: a wake-up that was lost costs no more.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The least between two claims that gave nothing.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);
/// How long the jobs that are due but not for this worker, since their tenants have their share of its slots, are left before it looks again.
const CROWDED: Duration = Duration::from_millis(20);
/// How long slots are gathered under load, so that one claim fills many.
const GATHER: Duration = Duration::from_millis(1);

/// How long a lapse of Redis is told of, to those that start after it.
const NEWS: Duration = Duration::from_secs(10);

/// What the claim loops share.
#[derive(Clone)]
pub struct Feed {
    /// The queue.
    pub queue: Queue,
    /// This worker's name.
    pub worker: String,
    /// One permit per slot.
    pub slots: Arc<Semaphore>,
    /// How many slots there are.
    pub concurrency: usize,
    /// The jobs that this worker has.
    pub roster: Roster,
    /// Ended when nothing more is to be claimed.
    pub stopping: CancellationToken,
}

impl Feed {
    /// Claims until it is stopped, and hands the jobs over.
    pub async fn run(self, shard: u16, jobs: mpsc::Sender<Arc<Assignment>>) {
        let idle = Idle::start(self.queue.clone(), shard, self.stopping.clone());
        let mut patience = Patience::new("claim");
        let mut number = first_number();
        let mut steps = Steps::default();
        let (mut lapse, clock) = (None, RedisClock::unset());
        while let Some(slots) = self.free_slots().await {
            number += 1;
            let asked = slots.len();
            let Some(answer) = self.claim(shard, number, slots, &mut patience).await else {
                break;
            };
            clock.set(answer.seen);
            let last = answer.claim.lapses.last();
            let (steady, step) = steps.notice(answer.seen, answer.claim.shift_ms, last);
            let (since_ms, latest_ms) = (steady.since_ms, steady.latest_ms());
            self.queue.watch_clock(shard, since_ms, latest_ms);
            let noticed = last.map(|last| last.noticed_ms);
            if noticed != lapse {
                lapse = noticed;
                warn(shard, &answer.claim);
            }
            let is_all = answer.claim.jobs.len() < asked && !answer.claim.bounded;
            let next = answer.claim.next;
            self.hand_over(answer, steady, &clock, &jobs).await;
            if let Some(step) = step {
                self.tell(shard, step, &mut steps).await;
            }
            if is_all {
                tokio::select! {
                    () = self.rest(&idle, next) => {}
                    () = self.stopping.cancelled() => break,
                }
            }
        }
    }

    /// Redis' clock was set: what it is set by is told. Until it is, claims give nothing that it may have freed.
    async fn tell(&self, shard: u16, step: Step, steps: &mut Steps) {
        tracing::warn!(
            shard,
            by_ms = step.by,
            "Redis' clock was set: permits and holds move with it"
        );
        match self.queue.step(shard, step.by, step.known).await {
            Ok(shift_ms) => steps.told(step, shift_ms),
            Err(error) => tracing::warn!(%error, "that Redis' clock was set could not be told"),
        }
    }

    /// Waits until there may be work. What is due already is for other workers, who are woken: this one must not answer its own call. Or nothing is
    /// given since Redis' clock seemed ahead.
    async fn rest(&self, idle: &Idle, next: Option<Duration>) {
        if next == Some(Duration::ZERO) {
            let _ = tokio::time::timeout(CROWDED, self.roster.vacated()).await;
            return;
        }
        let wait = next.unwrap_or(LONGEST_WAIT);
        idle.wait(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT)).await;
    }

    /// All slots that are free, at least one, as far as one claim fills them; `None` when stopping.
    async fn free_slots(&self) -> Option<Vec<OwnedSemaphorePermit>> {
        let first = tokio::select! {
            slot = Arc::clone(&self.slots).acquire_owned() => slot.ok()?,
            () = self.stopping.cancelled() => return None,
        };
        if self.slots.available_permits() < self.concurrency / 4 {
            tokio::time::sleep(GATHER).await;
        }
        let mut slots = vec![first];
        self.fill(&mut slots, MOST_CALLS);
        Some(slots)
    }

    /// Takes more of the slots that are free, up to so many in all.
    fn fill(&self, slots: &mut Vec<OwnedSemaphorePermit>, most: usize) {
        while slots.len() < most
            && let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned()
        {
            slots.push(slot);
        }
    }

    /// Claims, again and again with the same number until Redis has answered; `None` when stopping. Between two tries the slots are free for
    /// the other shards' jobs, and the next asks for those that are left.
    async fn claim(
        &self,
        shard: u16,
        number: u64,
        mut slots: Vec<OwnedSemaphorePermit>,
        patience: &mut Patience,
    ) -> Option<Answer> {
        let asked = slots.len();
        loop {
            self.fill(&mut slots, asked);
            let request = ClaimRequest {
                number,
                slots: slots.len() + self.slots.available_permits(),
                held: self.roster.held(),
            };
            let sent = Instant::now();
            match self.queue.claim(shard, &self.worker, &request).await {
                Ok(claim) => {
                    patience.succeeded();
                    return Some(Answer {
                        seen: Seen {
                            now_ms: claim.now_ms,
                            sent,
                            received: Instant::now(),
                        },
                        claim,
                        slots,
                    });
                }
                Err(error) => {
                    slots.clear();
                    tokio::select! {
                        () = patience.failed(&error) => {}
                        () = self.stopping.cancelled() => return None,
                    }
                }
            }
        }
    }

    async fn hand_over(
        &self,
        answer: Answer,
        steady: Steady,
        clock: &RedisClock,
        jobs: &mpsc::Sender<Arc<Assignment>>,
    ) {
        if !answer.claim.jobs.is_empty() {
            failpoint::pass("after-claim");
        }
        let until = answer.seen.sent + self.queue.terms().lease;
        let mut slots = answer.slots.into_iter();
        for claimed in answer.claim.jobs {
            // A first try may have had more slots than there are now, but what it gave is this worker's: it has some jobs too many for a
            // moment.
            let slot = slots
                .next()
                .or_else(|| Arc::clone(&self.slots).try_acquire_owned().ok());
            // The receiver lives as long as this loop: it is closed only after the loop has ended.
            let job = self
                .roster
                .admit(claimed, until, steady, clock.clone(), slot);
            let _ = jobs.send(job).await;
        }
    }
}

/// Redis went back in time: all that follows from that is slow, and nobody must wonder why.
fn warn(shard: u16, claim: &Claim) {
    let is_new = |lapse: &Lapse| claim.now_ms < lapse.noticed_ms + millis(NEWS);
    let Some(lapse) = claim.lapses.last().filter(is_new) else {
        return;
    };
    metrics::counter!("penstock_lapses_total").increment(1);
    let at = |ms: u64| jiff::Timestamp::from_millisecond(ms.cast_signed()).unwrap_or_default();
    tracing::warn!(
        shard,
        since = %at(lapse.since_ms.saturating_add_signed(claim.shift_ms)),
        noticed = %at(lapse.noticed_ms),
        "Redis has lost what it had acknowledged, or nobody can tell: a burst window counts as full, and notes and tasks that were due are read back before they are sent"
    );
}

/// What a claim gave, and the slots for it.
struct Answer {
    claim: Claim,
    /// What time it was. The leases run from when it was asked for, at the earliest.
    seen: Seen,
    slots: Vec<OwnedSemaphorePermit>,
}

/// A restarted worker has a new name, so any number would do; the time makes requests tell apart in a log.
fn first_number() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(1)
}

/// Waiting for the shard's wake-up token on a connection of its own.
struct Idle {
    waiting: Arc<AtomicBool>,
    arm: Arc<Notify>,
    woken: Arc<Notify>,
}

impl Idle {
    fn start(queue: Queue, shard: u16, stopping: CancellationToken) -> Self {
        let idle = Self {
            waiting: Arc::default(),
            arm: Arc::default(),
            woken: Arc::default(),
        };
        let (waiting, arm, woken) = (idle.waiting.clone(), idle.arm.clone(), idle.woken.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = listen(queue, shard, waiting, arm, woken) => {}
                () = stopping.cancelled() => {}
            }
        });
        idle
    }

    /// Waits until there may be work, for `longest` at the most.
    async fn wait(&self, longest: Duration) {
        self.waiting.store(true, Ordering::SeqCst);
        self.arm.notify_one();
        let _ = tokio::time::timeout(longest, self.woken.notified()).await;
        self.waiting.store(false, Ordering::SeqCst);
    }
}

async fn listen(
    queue: Queue,
    shard: u16,
    waiting: Arc<AtomicBool>,
    arm: Arc<Notify>,
    woken: Arc<Notify>,
) {
    let mut patience = Patience::new("wait for work");
    loop {
        let mut wake = match queue.wake(shard).await {
            Ok(wake) => wake,
            Err(error) => {
                patience.failed(&error).await;
                continue;
            }
        };
        patience.succeeded();
        let error = loop {
            arm.notified().await;
            match wake.wait().await {
                Ok(true) if waiting.load(Ordering::SeqCst) => woken.notify_one(),
                // This worker has found work by itself meanwhile: the token is for another one.
                Ok(true) => {
                    if let Err(error) = queue.pass_on(shard).await {
                        break error;
                    }
                }
                Ok(false) => {}
                Err(error) => break error,
            }
            if waiting.load(Ordering::SeqCst) {
                arm.notify_one();
            }
        };
        // The break may be over already: look at once.
        woken.notify_one();
        patience.failed(&error).await;
    }
}
