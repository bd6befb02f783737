//! What every call of a delivery passes, wherever it goes: each has a permit of the shared ledger, passes the limiter, and is sent only while the
//! lease is ours.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use penstock_shared::{
    outcome::{Outcome, Permit},
    queue::{
        Queue,
        report::Report,
        settle::{Advance, Fields, Step},
    },
    wire::{CallError, Limiter, Passage, Reply},
};

use crate::{assignment::Assignment, failpoint, patience::Patience};

/// Why a delivery goes no further.
#[derive(Debug)]
pub enum Stop {
    /// With this outcome, whatever was being called.
    Outcome(Outcome),
    /// The call failed; what that means depends on the call.
    Call(CallError),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Outcome(outcome)
    }
}

/// What all calls of this worker pass.
#[derive(Debug)]
pub struct Gate {
    /// The lock on the door that needs no network: one for all of this process.
    pub limiter: Arc<Limiter>,
    /// How long before its end a lease is not trusted any more: the time between the check and the send, and the clocks' drift.
    pub margin: Duration,
}

/// What leaves: whether it changes nothing, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Leaving {
    /// Whether it changes nothing.
    pub is_read: bool,
    /// The longest that it may take.
    pub timeout: Duration,
}

/// A call that was answered, and when.
#[derive(Debug)]
pub struct Sent<T> {
    /// The answer.
    pub answer: Result<T, CallError>,
    /// What the other's clock showed.
    pub date: Option<Timestamp>,
    /// When it left, by our own.
    pub left: Instant,
    /// When it was answered.
    pub answered: Instant,
}

/// One delivery's calls, in order.
pub struct Turn<'a> {
    gate: &'a Gate,
    queue: &'a Queue,
    job: &'a Assignment,
    permit: Permit,
}

impl<'a> Turn<'a> {
    /// The first call's permit came with the claim.
    pub fn new(gate: &'a Gate, queue: &'a Queue, job: &'a Assignment) -> Self {
        Self {
            gate,
            queue,
            job,
            permit: Permit::Unsent,
        }
    }

    /// The job.
    pub fn job(&self) -> &'a Assignment {
        self.job
    }

    /// What has become of the last permit.
    pub fn permit(&self) -> Permit {
        self.permit
    }

    /// Makes sure that the next call has a permit, and writes the journal durably: what was learnt, and the intent if it needs one.
    pub async fn advance(&mut self, fields: Fields, intent: Option<String>) -> Result<(), Stop> {
        let answered = self.permit == Permit::Answered;
        if !answered && fields.is_empty() && intent.is_none() {
            return Ok(());
        }
        let (calls, took) = self.job.take_calls();
        let step = Step {
            number: self.job.next_step(),
            answered,
            fields,
            intent,
            report: self.job.take_report(),
            calls,
            took,
        };
        match self.write(&step).await? {
            Advance::Lost if failpoint::is_broken("no-fence") => Ok(()),
            Advance::Granted => {
                self.permit = Permit::Unsent;
                Ok(())
            }
            Advance::Later | Advance::Lost => Err(Outcome::Returned.into()),
        }
    }

    /// Repeats the step while Redis is away and the lease is ours.
    async fn write(&self, step: &Step) -> Result<Advance, Stop> {
        let mut patience = Patience::new("advance");
        loop {
            match self
                .queue
                .advance(self.job.reference(), self.job.claimed.token, step)
                .await
            {
                Ok(advance) => return Ok(advance),
                Err(error) if error.is_transient() && self.job.is_ours(self.gate.margin) => {
                    patience.failed(&error).await;
                }
                Err(error) => {
                    tracing::warn!(job = %self.job.reference(), %error, "the journal cannot be written: nothing is sent");
                    return Err(self.postponed(Duration::ZERO, "the journal cannot be written"));
                }
            }
        }
    }

    /// Makes one call.
    pub async fn send<T, F>(
        &mut self,
        leaving: Leaving,
        send: impl FnOnce(Passage) -> F,
    ) -> Result<Sent<T>, Stop>
    where
        F: Future<Output = Reply<T>>,
    {
        self.advance(Fields::new(), None).await?;
        let lane = self.job.reference().lane();
        let (burst, daily) = self.job.claimed.quotas;
        let passage = self
            .gate
            .limiter
            .pass(lane.as_str(), burst, daily)
            .map_err(|refused| self.postponed(refused.wait, "the limiter of this worker"))?;
        // The last check before the send: from here on a stop of this process is what no queue can see.
        if !self.job.is_ours(self.gate.margin) && !failpoint::is_broken("no-fence") {
            return Err(self.postponed(Duration::ZERO, "its lease is about to end"));
        }
        failpoint::pass("before-send");
        self.job.expose(leaving);
        let (sent_ms, left) = (self.job.clock.now_ms(), Instant::now());
        let Reply { answer, rate, date } = failpoint::during("mid-call", send(passage)).await;
        failpoint::pass("after-response");
        let answered = Instant::now();
        self.job.reported(Report { sent_ms, rate });
        self.permit = match &answer {
            Err(CallError::Unanswered { .. }) => Permit::Unanswered,
            Err(CallError::NotSent { .. }) => Permit::Unsent,
            // Who stands before the API may have given it up, and the API counts it when it comes.
            Err(error) if error.may_still_take_effect() => Permit::Unanswered,
            _ => Permit::Answered,
        };
        if self.permit != Permit::Unanswered {
            self.job.cover();
        }
        if self.permit != Permit::Unsent {
            self.job.called(left.elapsed());
        }
        Ok(Sent {
            answer,
            date,
            left,
            answered,
        })
    }

    /// Whoever has answered this call so, it was not the API as it is known: the call may still come.
    pub fn disbelieve(&mut self, leaving: Leaving) {
        self.permit = Permit::Unanswered;
        self.job.expose(leaving);
    }

    /// Not now.
    pub fn postponed(&self, wait: Duration, why: &'static str) -> Stop {
        Outcome::Postponed {
            wait,
            why,
            permit: self.permit,
        }
        .into()
    }
}
