//! The calls of one delivery: each has a permit of the shared ledger, passes the limiter, and is sent only while the lease is ours.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use penstock_shared::{
    ghl::{
        Answer, Bearer, CallError, Credentials, GhlClient, GrantState, Limiter, Operation, Origin,
        Reply, Request,
    },
    outcome::{Fault, Outcome, Permit},
    queue::{
        Queue,
        report::Report,
        settle::{Advance, Fields, Step},
    },
};

use crate::{
    assignment::Assignment, failpoint, offset::Offset, patience::Patience, tokens::Tokens,
};

/// The most tokens that one call tries: the two of a rotation, and one that came meanwhile.
const MOST_TOKENS: usize = 3;
/// When a job whose tenant's credentials this worker cannot read is offered again.
const UNREADABLE: Duration = Duration::from_secs(30);

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

/// The way to the API that all deliveries share.
#[derive(Debug)]
pub struct Api {
    /// The client.
    pub client: GhlClient,
    /// The lock on the door that needs no network.
    pub limiter: Limiter,
    /// What the API's clock shows.
    pub offset: Offset,
    /// Whose calls carry which token.
    pub tokens: Tokens,
    /// How long before its end a lease is not trusted any more: the time between the check and the send, and the clocks' drift.
    pub margin: Duration,
}

/// One delivery's calls, in order.
pub struct Calls<'a> {
    api: &'a Api,
    queue: &'a Queue,
    job: &'a Assignment,
    permit: Permit,
}

impl<'a> Calls<'a> {
    /// The first call's permit came with the claim.
    pub fn new(api: &'a Api, queue: &'a Queue, job: &'a Assignment) -> Self {
        Self {
            api,
            queue,
            job,
            permit: Permit::Unsent,
        }
    }

    /// What has become of the last permit.
    pub fn permit(&self) -> Permit {
        self.permit
    }

    /// What the API's clock shows now, if that is known.
    pub fn there(&self) -> Option<u64> {
        self.there_at(Instant::now())
    }

    /// What it showed at that moment.
    pub fn there_at(&self, at: Instant) -> Option<u64> {
        self.api.offset.there(at)
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
                Err(error) if error.is_transient() && self.job.is_ours(self.api.margin) => {
                    patience.failed(&error).await;
                }
                Err(error) => {
                    tracing::warn!(job = %self.job.reference(), %error, "the journal cannot be written: nothing is sent");
                    return Err(self.postponed(Duration::ZERO, "the journal cannot be written"));
                }
            }
        }
    }

    /// Makes one call; once more where its token is refused and there is another, with a further permit.
    pub async fn send(&mut self, request: &Request) -> Result<Answer, Stop> {
        let tenant = self.job.reference().tenant();
        let credentials = self.credentials().await?;
        if !credentials.may_write && !request.operation().is_read() {
            let permit = self.permit;
            return Err(Outcome::ReadOnly { permit }.into());
        }
        let mut refused = Vec::new();
        let mut bearer = match credentials.bearers.first() {
            Some(bearer) => bearer.clone(),
            None => match self.api.tokens.instead(tenant, &refused, false).await {
                Some(bearer) => bearer,
                None => return Err(self.unauthorised(&credentials)),
            },
        };
        loop {
            let error = match self.send_as(&bearer, request).await {
                Err(Stop::Call(error @ CallError::Unauthorized { .. })) => error,
                other => return other,
            };
            let permanent = matches!(
                error,
                CallError::Unauthorized {
                    permanent: true,
                    ..
                }
            );
            refused.push(bearer.fingerprint);
            match self.api.tokens.instead(tenant, &refused, permanent).await {
                Some(next) if refused.len() < MOST_TOKENS => bearer = next,
                _ => return Err(Stop::Call(error)),
            }
        }
    }

    /// What the tenant's calls may carry.
    async fn credentials(&self) -> Result<Arc<Credentials>, Stop> {
        let tenant = self.job.reference().tenant();
        self.api.tokens.of(tenant).await.map_err(|error| {
            tracing::warn!(tenant, %error, "the tenant's credentials cannot be read: its jobs wait for a worker that can");
            self.postponed(UNREADABLE, "the tenant's credentials cannot be read")
        })
    }

    /// There is nothing that the call could carry.
    fn unauthorised(&self, credentials: &Credentials) -> Stop {
        let fault = match (credentials.origin, credentials.state) {
            (Some(Origin::OAuth), GrantState::Revoked) => {
                "the tenant has uninstalled the app, or its grant was revoked: connect it again at /oauth/install of `penstock-producer serve`"
            }
            (Some(Origin::OAuth), _) => {
                "there is no token of the tenant's OAuth grant: connect it again at /oauth/install of `penstock-producer serve`"
            }
            _ => {
                "no token is configured: set PENSTOCK_GHL_TOKEN, add one of the tenant's own with `penstock-admin tokens add`, or connect it by OAuth"
            }
        };
        Outcome::Unauthorized {
            fault: Fault::new(fault),
            token: credentials.stamp.clone(),
            permit: self.permit,
        }
        .into()
    }

    /// Makes one call with this token.
    async fn send_as(&mut self, bearer: &Bearer, request: &Request) -> Result<Answer, Stop> {
        self.advance(Fields::new(), None).await?;
        let lane = self.job.reference().lane();
        let (burst, daily) = self.job.claimed.quotas;
        let passage = self
            .api
            .limiter
            .pass(lane.as_str(), burst, daily)
            .map_err(|refused| self.postponed(refused.wait, "the limiter of this worker"))?;
        // The last check before the send: from here on a stop of this process is what no queue can see.
        if !self.job.is_ours(self.api.margin) && !failpoint::is_broken("no-fence") {
            return Err(self.postponed(Duration::ZERO, "its lease is about to end"));
        }
        failpoint::pass("before-send");
        let timeout = self.api.client.timeout();
        self.job.expose(request.operation(), timeout);
        let (sent_ms, sent) = (self.job.clock.now_ms(), Instant::now());
        let sending = self.api.client.send(passage, &bearer.token, request);
        let Reply { answer, rate, date } = failpoint::during("mid-call", sending).await;
        failpoint::pass("after-response");
        if let Some(date) = date {
            self.api.offset.measure(date, sent, Instant::now());
        }
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
            self.job.called(sent.elapsed());
        }
        answer.map_err(Stop::Call)
    }

    /// Whoever has answered this call so, it was not the API as it is known: the call may still come.
    pub fn disbelieve(&mut self, operation: Operation) {
        self.permit = Permit::Unanswered;
        self.job.expose(operation, self.api.client.timeout());
    }

    /// What was read of its answer.
    pub fn read<T>(&mut self, request: &Request, read: Result<T, CallError>) -> Result<T, Stop> {
        if read.is_err() {
            self.disbelieve(request.operation());
        }
        read.map_err(Stop::Call)
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
