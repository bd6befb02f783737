//! The calls of one delivery to GHL, and the tokens that they carry.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use penstock_shared::{
    ghl::{
        Answer, Bearer, CallError, Credentials, GhlClient, GrantState, Operation, Origin, Request,
    },
    outcome::{Fault, Outcome, Permit},
    queue::{Queue, run::field, settle::Fields},
};

pub use crate::gate::Stop;
use crate::{
    assignment::Assignment,
    gate::{Gate, Leaving, Sent, Turn},
    offset::Offset,
    tokens::Tokens,
};

/// The most tokens that one call tries: the two of a rotation, and one that came meanwhile.
const MOST_TOKENS: usize = 3;
/// When a job that would write looks again whether its tenant may, at first and at the latest.
const MAY_IT_WRITE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3_600));
/// When a job whose tenant's credentials this worker cannot read is offered again.
const UNREADABLE: Duration = Duration::from_secs(30);

/// The way to the API that all deliveries share.
#[derive(Debug)]
pub struct Api {
    /// The client.
    pub client: GhlClient,
    /// What every call passes.
    pub gate: Gate,
    /// What the API's clock shows.
    pub offset: Offset,
    /// Whose calls carry which token.
    pub tokens: Tokens,
}

/// One delivery's calls, in order.
pub struct Calls<'a> {
    api: &'a Api,
    turn: Turn<'a>,
}

impl<'a> Calls<'a> {
    /// The first call's permit came with the claim.
    pub fn new(api: &'a Api, queue: &'a Queue, job: &'a Assignment) -> Self {
        Self {
            api,
            turn: Turn::new(&api.gate, queue, job),
        }
    }

    /// The same, for calls to others than GHL.
    pub fn turn(&mut self) -> &mut Turn<'a> {
        &mut self.turn
    }

    /// What has become of the last permit.
    pub fn permit(&self) -> Permit {
        self.turn.permit()
    }

    /// Makes sure that the next call has a permit, and writes the journal durably: what was learnt, and the intent if it needs one.
    pub async fn advance(&mut self, fields: Fields, intent: Option<String>) -> Result<(), Stop> {
        self.turn.advance(fields, intent).await
    }

    /// Not now.
    pub fn postponed(&self, wait: Duration, why: &'static str) -> Stop {
        self.turn.postponed(wait, why)
    }

    /// What the API's clock shows now, if that is known.
    pub fn there(&self) -> Option<u64> {
        self.there_at(Instant::now())
    }

    /// What it showed at that moment.
    pub fn there_at(&self, at: Instant) -> Option<u64> {
        self.api.offset.there(at)
    }

    /// Makes one call; once more where its token is refused and there is another, with a further permit.
    pub async fn send(&mut self, request: &Request) -> Result<Answer, Stop> {
        let tenant = self.turn.job().reference().tenant();
        let credentials = self.credentials().await?;
        if !credentials.may_write && !request.operation().is_read() {
            return Err(self.read_only());
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

    /// Stops a job that would write, where its tenant may only read: before anything is looked up for it.
    pub async fn expect_to_write(&self) -> Result<(), Stop> {
        if self.credentials().await?.may_write {
            Ok(())
        } else {
            Err(self.read_only())
        }
    }

    /// The tenant may only read. Nobody knows when a person allows more: as that is said the job goes on, and it looks ever more rarely by itself.
    fn read_only(&self) -> Stop {
        let job = self.turn.job();
        let times = job.claimed.run.number(field::READ_ONLY).unwrap_or(0);
        job.note(field::READ_ONLY, (times + 1).to_string());
        Outcome::ReadOnly {
            wait: until_asked_again(times),
            permit: self.permit(),
        }
        .into()
    }

    /// What the tenant's calls may carry.
    async fn credentials(&self) -> Result<Arc<Credentials>, Stop> {
        let tenant = self.turn.job().reference().tenant();
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
            (Some(Origin::Private), _) => {
                "the tenant's private tokens were revoked: add another with `penstock-admin tokens add`, or connect it by OAuth"
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
            permit: self.permit(),
        }
        .into()
    }

    /// Makes one call with this token.
    async fn send_as(&mut self, bearer: &Bearer, request: &Request) -> Result<Answer, Stop> {
        let (api, leaving) = (self.api, self.leaving(request.operation()));
        let send = |passage| api.client.send(passage, &bearer.token, request);
        let Sent {
            answer,
            date,
            left,
            answered,
        } = self.turn.send(leaving, send).await?;
        if let Some(date) = date {
            api.offset.measure(date, left, answered);
        }
        answer.map_err(Stop::Call)
    }

    fn leaving(&self, operation: Operation) -> Leaving {
        Leaving {
            is_read: operation.is_read(),
            timeout: self.api.client.timeout(),
        }
    }

    /// Whoever has answered this call so, it was not the API as it is known: the call may still come.
    pub fn disbelieve(&mut self, operation: Operation) {
        let leaving = self.leaving(operation);
        self.turn.disbelieve(leaving);
    }

    /// What was read of its answer.
    pub fn read<T>(&mut self, request: &Request, read: Result<T, CallError>) -> Result<T, Stop> {
        if read.is_err() {
            self.disbelieve(request.operation());
        }
        read.map_err(Stop::Call)
    }
}

/// How long a job waits that was stopped so often before, since its tenant may only read: twice as long each time.
fn until_asked_again(times: u64) -> Duration {
    let (first, longest) = MAY_IT_WRITE;
    let doubled = 1 << times.min(16);
    (first * doubled).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_may_not_write_asks_ever_more_rarely() {
        let waits = [0, 1, 2, 7, u64::MAX].map(|times| until_asked_again(times).as_secs());
        assert_eq!(waits, [30, 60, 120, 3_600, 3_600]);
    }
}
