//! The outermost layer: whatever a delivery came to, panic and timeout included, is turned into the job's next state and written.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis::prelude::Task;
use futures::{FutureExt, TryFutureExt, future::Map};
use penstock_shared::{
    job::{
        MaxAttempts, PerType,
        state::{self, Api, Ending, Progress, Rules, Transition},
    },
    outcome::{AmbiguousPolicy, Fault, Outcome, Permit},
    quarantine::Quarantine,
    queue::{
        Queue,
        claim::Rider,
        record::{self, Record},
        run::{Run, field},
        settle::{Fields, Settlement},
    },
    span::millis,
};
use serde_json::json;
use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock},
    task::{JoinError, JoinHandle},
    time::timeout,
};
use tower::{BoxError, Layer, Service};

use crate::{
    assignment::Assignment,
    failpoint,
    group::RiderEnd,
    journal,
    patience::Patience,
    settler::{Ended, Settler},
};

/// Settles what the services inside it delivered.
#[derive(Debug, Clone)]
pub struct SettleLayer {
    /// What it takes to settle.
    pub desk: Arc<Desk>,
}

/// What it takes to settle.
#[derive(Debug)]
pub struct Desk {
    /// The queue, for what its records cannot tell.
    pub queue: Queue,
    /// Where settlements are written.
    pub settler: Settler,
    /// The policy, but for the quarantine.
    pub rules: Rules,
    /// How long an unanswered call may still be applied.
    pub quarantine: Quarantine,
    /// What becomes of a call of which cannot be told whether it took effect.
    pub ambiguous: PerType<AmbiguousPolicy>,
    /// Failed attempts that a job may have if it does not say.
    pub max_attempts: u32,
    /// How long after it became due a job may still be sent.
    pub max_age: Option<Duration>,
    /// How long a delivery may take.
    pub longest_delivery: Duration,
    /// This worker's name, for the history.
    pub worker: String,
    /// Held by every delivery until it is settled, and by a suspect alone.
    pub company: Arc<RwLock<()>>,
}

impl<S> Layer<S> for SettleLayer {
    type Service = Settle<S>;

    fn layer(&self, inner: S) -> Settle<S> {
        Settle {
            desk: Arc::clone(&self.desk),
            inner,
        }
    }
}

/// The service of [`SettleLayer`].
#[derive(Debug, Clone)]
pub struct Settle<S> {
    desk: Arc<Desk>,
    inner: S,
}

impl<S> Service<Task<Arc<Assignment>>> for Settle<S>
where
    S: Service<Task<Arc<Assignment>>, Response = Outcome>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = BoxError;
    type Future = Map<JoinHandle<()>, fn(Result<(), JoinError>) -> Result<(), BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    /// The delivery becomes a task of its own, up to its settlement: so deliveries use every core.
    fn call(&mut self, task: Task<Arc<Assignment>>) -> Self::Future {
        let job = Arc::clone(&task.args);
        let desk = Arc::clone(&self.desk);
        // A panic in here or in the future would end the whole worker: both are caught. The future is large, and is handed on several times:
        // it is given its place at once.
        let begun = catch_unwind(AssertUnwindSafe(|| Box::pin(self.inner.call(task))));
        let delivery = tokio::spawn(async move {
            let company = desk.company(&job).await;
            let outcome = match begun {
                Ok(delivery) => run(&job, delivery, desk.longest_delivery).await,
                Err(_) => broken_off(&job, PANICKED),
            };
            desk.settle(job, outcome, company).await;
        });
        delivery.map(ended)
    }
}

/// A panic on the way to the settlement is the worker's own.
fn ended(ended: Result<(), JoinError>) -> Result<(), BoxError> {
    ended.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(stopped) => stopped.into(),
    })
}

const PANICKED: &str = "the delivery panicked";
/// So often a delivery is given all its time again while a call of it is under way.
const HEARD_OUT: u32 = 3;

/// Runs a delivery to its end, or as long as it may take.
async fn run<F, E>(job: &Assignment, delivery: F, longest: Duration) -> Outcome
where
    F: Future<Output = Result<Outcome, E>>,
    E: Into<BoxError>,
{
    let delivery = delivery.map_err(|error| error.into().to_string());
    let mut delivery = pin!(AssertUnwindSafe(delivery).catch_unwind());
    let mut ended = timeout(longest, &mut delivery).await;
    // A call ends by itself, and is heard out: a process that was stopped finds the time over before it has read the answer, or sent the call.
    for _ in 0..HEARD_OUT {
        if ended.is_ok() || job.exposed().is_none() {
            break;
        }
        ended = timeout(longest, &mut delivery).await;
    }
    match ended {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(Ok(Err(error))) => broken_off(job, &error),
        Ok(Err(_)) => broken_off(job, PANICKED),
        // It took too long, and not for a call: it waited for others. That is not its failure.
        Err(_) if job.exposed().is_none() => cut_off(job, Duration::ZERO),
        Err(_) => broken_off(job, "the delivery took too long"),
    }
}

/// A delivery that ended without an outcome: if a call may have left, what became of it is unknown.
fn broken_off(job: &Assignment, message: &str) -> Outcome {
    let fault = Fault::new(message);
    tracing::error!(
        job = job.reference().id(),
        tenant = job.reference().tenant(),
        error = message,
        "a delivery broke off"
    );
    job.abandon();
    match job.exposed() {
        None => Outcome::Broken { fault },
        Some(call) if call.is_read => Outcome::Unavailable {
            fault,
            retry_after: None,
            permit: Permit::Unanswered,
        },
        Some(_) => Outcome::Unknown {
            fault,
            permit: Permit::Unanswered,
        },
    }
}

/// How long an unanswered call of the job is waited for: it may still be applied.
pub fn quarantine(job: &Assignment, quarantine: &Quarantine) -> Duration {
    match job.record() {
        // What rides along is of the same type.
        Ok(Record::Job(stored)) => {
            let span = quarantine.of(stored.payload.job_type());
            if stored.payload.is_idempotent() {
                return span;
            }
            span + Duration::from_millis(journal::aside(millis(span)))
        }
        Ok(Record::Sweep(sweep)) => quarantine.of(sweep.job_type),
        _ => quarantine.longest(),
    }
}

/// A delivery that is cut off since the worker ends, which costs no attempt. What may have changed something waits until
/// the quarantine is over; all else is as if it had not been claimed.
pub fn cut_off(job: &Assignment, quarantine: Duration) -> Outcome {
    job.abandon();
    let exposed = job.exposed();
    let wait = match exposed {
        Some(call) if !call.is_read => quarantine,
        _ => Duration::ZERO,
    };
    Outcome::CutOff {
        wait,
        permit: exposed.map_or(Permit::Answered, |_| Permit::Unanswered),
    }
}

/// What a delivery holds until it is settled.
pub type Company = (
    Option<OwnedRwLockReadGuard<()>>,
    Option<OwnedRwLockWriteGuard<()>>,
);

impl Desk {
    /// Waits until it may run; that is not yet part of its time.
    async fn company(&self, job: &Assignment) -> Company {
        let lock = Arc::clone(&self.company);
        if job.is_suspect() {
            (None, Some(lock.write_owned().await))
        } else {
            (Some(lock.read_owned().await), None)
        }
    }

    /// Hands in how a delivery ended.
    async fn settle(&self, job: Arc<Assignment>, outcome: Outcome, company: Company) {
        let settlement = self.settlement(&job, outcome).await;
        let ended = Ended {
            settlement,
            job,
            company,
        };
        self.settler.take(ended).await;
    }

    async fn settlement(&self, job: &Assignment, outcome: Outcome) -> Settlement {
        // What is measured from an end begins late, and ends late.
        let (now, ended) = (job.steady.earliest_ms(), job.steady.latest_ms());
        let stored = match job.record() {
            Ok(Record::Job(stored)) => Some(stored),
            _ => None,
        };
        let mut fields = std::mem::take(&mut *job.fields.lock());
        let run = &job.claimed.run;
        // A call that was cut off is under way for as long as it might have taken.
        let noted: Option<u64> = fields.get(field::UNANSWERED).and_then(|at| at.parse().ok());
        let forgotten = stored
            .as_ref()
            .and_then(|stored| journal::forgotten_call(job, self.queue.terms(), run, stored));
        let unanswered_at = noted
            .or(run.number(field::UNANSWERED))
            .max(forgotten)
            // How long ago that is, this worker knows only as far as it has watched.
            .map(|at: u64| at.max(job.steady.since_ms));
        let progress = Progress {
            attempts: run.attempts(),
            max_attempts: stored
                .as_ref()
                .and_then(|job| job.max_attempts)
                .map_or(self.max_attempts, MaxAttempts::get),
            probe: job.claimed.probe,
            exposed: job.exposed().is_some_and(|call| !call.is_read),
            unanswered_at,
            ambiguous: stored.as_ref().map_or(AmbiguousPolicy::Hold, |job| {
                self.ambiguous.of(job.payload.job_type())
            }),
            expired: stored
                .as_ref()
                .is_some_and(|stored| stored.is_expired(job.clock.now_ms(), self.max_age)),
        };
        let transition = state::after(&progress, outcome, &self.rules(job), now, rand::random());
        let unanswered = transition
            .unanswered
            .then_some(ended.max(noted.unwrap_or(0)));
        if let Some(at) = unanswered {
            fields.insert(field::UNANSWERED, at.to_string());
        }
        if let Some(fault) = &transition.fault {
            fields.insert(field::ERROR, fault.message.clone());
            fields.insert(
                field::HTTP_STATUS,
                fault
                    .status
                    .map(|status| status.to_string())
                    .unwrap_or_default(),
            );
        }
        if let Some(decided) = &transition.decided {
            fields.extend(journal::decided(job, decided));
        }
        let keys = match (&stored, &transition.ending) {
            (None, Ending::Dead { .. }) => Some(self.headed_by(job).await),
            _ => None,
        };
        let transition = match transition.permit {
            Permit::Answered if failpoint::is_broken("early-permit") => Transition {
                permit: Permit::Unsent,
                ..transition
            },
            _ => transition,
        };
        let (calls, took) = job.take_calls();
        Settlement {
            reference: job.reference().clone(),
            token: job.claimed.token,
            job_type: match job.record() {
                Ok(Record::Job(job)) => job.payload.job_type().as_str().to_owned(),
                Ok(Record::Sweep(_)) => "Sweep".to_owned(),
                _ => String::new(),
            },
            attempts: progress.attempts,
            history: transition
                .fault
                .as_ref()
                .map(|fault| self.history(job, fault)),
            record: Arc::clone(&job.claimed.record),
            has_run: job.has_run(),
            life_ms: job.claimed.life_ms(),
            stale: job.is_stale(),
            report: job.take_report(),
            riders: job
                .claimed
                .riders
                .iter()
                .filter_map(|rider| self.rides(job, rider, unanswered, now))
                .collect(),
            calls,
            took,
            keys,
            transition,
            fields,
        }
    }

    /// How a rider's run ends; `None` if it comes back as if it had not been taken.
    fn rides(
        &self,
        job: &Assignment,
        rider: &Rider,
        unanswered_at: Option<u64>,
        now: u64,
    ) -> Option<Settlement> {
        let stored = match record::decode(&rider.record) {
            Ok(Record::Job(stored)) => Some(stored),
            _ => None,
        };
        let mut fields = Fields::new();
        let ending = match job.end_of(rider) {
            Some(RiderEnd::Done(result)) => {
                let done = Ending::Done {
                    result,
                    effect: None,
                };
                // Of its leader's contact it is the leader that waits.
                let forgotten = stored
                    .as_ref()
                    .filter(|_| !rider.behind)
                    .and_then(|stored| {
                        journal::forgotten_call(job, self.queue.terms(), &Run::default(), stored)
                    });
                state::heard_out(done, forgotten, &self.rules(job), now)
            }
            Some(RiderEnd::Apart) => {
                fields.insert(field::SINGLY, "1".to_owned());
                state::BACK_AT_ONCE
            }
            // The next job of its contact waits for what may still be applied; of the leader's contact it is the leader that waits.
            None => {
                fields.insert(field::UNANSWERED, unanswered_at?.to_string());
                state::BACK_AT_ONCE
            }
        };
        let job_type = stored.map_or_else(String::new, |stored| {
            stored.payload.job_type().as_str().to_owned()
        });
        Some(Settlement {
            reference: rider.reference.clone(),
            token: job.claimed.token,
            job_type,
            attempts: 0,
            transition: Transition {
                api: Some(Api::Up),
                ..Transition::new(ending, Permit::Answered)
            },
            fields,
            history: None,
            record: Arc::clone(&rider.record),
            has_run: false,
            life_ms: 0,
            stale: false,
            keys: None,
            report: None,
            riders: Vec::new(),
            calls: 0,
            took: Duration::ZERO,
        })
    }

    /// The policy for this job: its type's quarantine, or the longest where nobody can tell the type.
    fn rules(&self, job: &Assignment) -> Rules {
        Rules {
            quarantine: quarantine(job, &self.quarantine),
            throttle: job.claimed.quotas.0.window(),
            ..self.rules
        }
    }

    fn history(&self, job: &Assignment, fault: &Fault) -> String {
        json!({
            "at": job.clock.now_ms(),
            "delivery": job.claimed.deliveries,
            "worker": self.worker,
            "httpStatus": fault.status,
            "error": fault.message,
        })
        .to_string()
    }

    /// What cannot be decoded does not tell whose sequence it heads: that is looked for, lest it block its contact for ever.
    async fn headed_by(&self, job: &Assignment) -> Vec<String> {
        let mut patience = Patience::new("look for the sequence of an undecodable job");
        loop {
            match self.queue.headed_by(job.reference()).await {
                Ok(keys) => return keys,
                Err(error) => patience.failed(&error).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assignment::tests::claimed, gate::Leaving};

    const LONGEST: Duration = Duration::from_millis(200);

    /// What a delivery comes to that takes somewhat longer than it may.
    async fn takes_long(exposed: bool) -> Outcome {
        let (_roster, job) = claimed(1, Duration::from_secs(60));
        if exposed {
            job.expose(Leaving {
                is_read: false,
                timeout: LONGEST,
            });
        }
        let delivery = async {
            tokio::time::sleep(LONGEST * 3 / 2).await;
            Ok::<_, BoxError>(Outcome::Returned)
        };
        run(&job, delivery, LONGEST).await
    }

    #[tokio::test]
    async fn a_delivery_is_heard_out_while_its_call_is_under_way() {
        assert!(matches!(takes_long(true).await, Outcome::Returned));
        assert!(matches!(takes_long(false).await, Outcome::CutOff { .. }));
    }
}
