//! One call after another, each with a permit of the tenant's ledger.

use std::time::Duration;

use anyhow::anyhow;
use penstock_shared::settings::Settings;
use penstock_shared::{
    ghl::{Answer, Bearer, CallError, Credentials, GhlClient, Limiter, Request},
    job::Tenant,
    program::{Failure, VERSION},
    queue::{Queue, ledger::Ledger, reference::Lane, status::LaneStatus},
    quota::Quota,
    span,
};

use crate::moment::moment;

/// How long is waited for one permit, where that is done: the burst comes back within it, the day does not.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// When a permit that only the end of a call gives back is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whether a permit is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It is there, or it is told when to come back.
    None,
    /// For a while.
    Some,
}

/// Who calls for a tenant.
pub(super) struct Caller<'a> {
    queue: &'a Queue,
    lane: Lane,
    client: GhlClient,
    /// The one to be tried first before the others.
    bearers: Vec<Bearer>,
    /// Where no worker has ever said what the quota is, this is what keeps to it.
    limiter: Limiter,
    quotas: (Quota, Quota),
    patience: Patience,
}

impl<'a> Caller<'a> {
    pub(super) async fn new(
        queue: &'a Queue,
        settings: &Settings,
        tenant: &Tenant,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let ghl = &settings.ghl;
        let agent = format!("penstock/{VERSION}");
        let client = GhlClient::new(&ghl.base_url, ghl.http_timeout, &agent);
        let app = ghl.app.as_ref().map(|app| app.client_id.as_str());
        let known = queue.known_of(tenant.as_str(), app).await?;
        let credentials = Credentials::choose(&known, ghl.token.as_ref(), ghl.all_may_write);
        if credentials.bearers.is_empty() {
            return Err(Failure::failed(anyhow!(
                "there is no token for {tenant}: `penstock-admin check {tenant}` says why"
            )));
        }
        Ok(Self {
            queue,
            lane: Lane::ghl(tenant.as_str()),
            client: client.map_err(Failure::bad_input)?,
            bearers: credentials.bearers,
            limiter: Limiter::default(),
            quotas: (ghl.burst, ghl.daily),
            patience,
        })
    }

    /// Makes one call; with the next token where one is refused, as in the midst of a rotation.
    pub(super) async fn call(&self, request: &Request) -> Result<Answer, Failure> {
        let mut refused = None;
        for bearer in &self.bearers {
            match self.send(bearer, request).await? {
                Err(error @ CallError::Unauthorized { .. }) => refused = Some(error),
                answer => return answer.map_err(told),
            }
        }
        let none = || Failure::failed(anyhow!("there is no token"));
        Err(refused.map_or_else(none, told))
    }

    async fn send(
        &self,
        bearer: &Bearer,
        request: &Request,
    ) -> Result<Result<Answer, CallError>, Failure> {
        self.wait(async || self.take_permit().await).await?;
        let (burst, daily) = self.quotas;
        let passage = self.wait(async || {
            let passage = self.limiter.pass(self.lane.as_str(), burst, daily);
            Ok(passage.map_err(|refused| refused.wait))
        });
        let passage = passage.await?;
        let reply = self.client.send(passage, &bearer.token, request).await;
        Ok(reply.answer)
    }

    /// Waits for what `ask` asks for, which says in how long to ask again, as long as there is patience.
    async fn wait<T>(
        &self,
        ask: impl AsyncFn() -> Result<Result<T, Duration>, Failure>,
    ) -> Result<T, Failure> {
        loop {
            let wait = match ask().await? {
                Ok(got) => return Ok(got),
                Err(wait) => wait,
            };
            if self.patience == Patience::None || wait > LONGEST_WAIT {
                let tenant = self.lane.tenant();
                let wait = span::render(wait);
                return Err(Failure::failed(anyhow!(
                    "no call of {tenant}'s quota is left to what is not of high priority: come back in {wait}"
                )));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// A permit, or in how long to ask again. What is kept for high priority is left alone: nobody's job has to wait for a person's curiosity.
    async fn take_permit(&self) -> Result<Result<(), Duration>, Failure> {
        let outlook = self.queue.outlook(&self.lane).await?;
        if let Some(why) = held(&outlook.status) {
            return Err(Failure::failed(anyhow!("{}: {why}", self.lane.tenant())));
        }
        let now = self.queue.now().await?;
        if let Some(wait) = low_share(&outlook.ledger, now) {
            return Ok(Err(wait));
        }
        let wait = self
            .queue
            .take_permit(self.lane.tenant(), self.quotas)
            .await?;
        Ok(wait.map_or(Ok(()), Err))
    }
}

/// Why nobody calls for the tenant now, and when to come back.
fn held(lane: &LaneStatus) -> Option<String> {
    if lane.paused {
        return Some("a person paused it: `tenant resume` lets it go on".to_owned());
    }
    let until = lane.held_until_ms.map(moment);
    match (lane.why.as_deref(), until) {
        (Some("needs-authorisation"), Some(_)) => Some(
            "there is no token for it, or the API refused it: `penstock-admin check` says which"
                .to_owned(),
        ),
        (why, Some(until)) => {
            let why = why.unwrap_or("no reason was given");
            Some(format!("it is held ({why}): come back at {until}"))
        }
        (_, None) if lane.breaker_open => {
            let why = "the API kept failing, and its jobs try one call at a time: come back once one has succeeded";
            Some(why.to_owned())
        }
        (_, None) => None,
    }
}

/// In how long there is a call for what is not of high priority; `None`: now.
fn low_share(ledger: &Ledger, now_ms: u64) -> Option<Duration> {
    let windows = [&ledger.burst, &ledger.daily].into_iter().flatten();
    let full = windows.filter(|window| window.left(false) == 0);
    let waits = full.map(|window| {
        let frees = window.frees_ms(false);
        let wait = frees.map(|at| Duration::from_millis(at.saturating_sub(now_ms).max(1)));
        wait.unwrap_or(ASK_AGAIN)
    });
    waits.max()
}

/// What the API said, and when to come back where it says that too.
fn told(error: CallError) -> Failure {
    let retry_after = match &error {
        CallError::Throttled { retry_after } | CallError::ServerError { retry_after, .. } => {
            *retry_after
        }
        _ => None,
    };
    Failure::failed(match retry_after {
        Some(wait) => anyhow!("{error}: come back in {}", span::render(wait)),
        None => anyhow::Error::new(error),
    })
}

#[cfg(test)]
mod tests {
    use penstock_shared::queue::ledger::Window;

    use super::*;

    fn window(normal: u64, taken: u64, returns: &[(u64, u64)]) -> Window {
        let quota: Quota = "10/10s".parse().unwrap();
        Window {
            quota,
            configured: quota,
            normal,
            taken,
            returns: returns.to_vec(),
        }
    }

    #[test]
    fn the_share_of_high_priority_is_left_alone() {
        let ledger = |burst, daily| Ledger {
            burst: Some(burst),
            daily: Some(daily),
            ..Ledger::default()
        };
        let free = || window(10, 3, &[]);
        assert_eq!(low_share(&Ledger::default(), 0), None);
        assert_eq!(low_share(&ledger(free(), free()), 0), None);
        // One is left to high priority.
        let kept = window(9, 9, &[(5_000, 1), (9_000, 8)]);
        let wait = low_share(&ledger(free(), kept), 2_000);
        assert_eq!(wait, Some(Duration::from_secs(3)));
        let flying = window(10, 10, &[]);
        assert_eq!(low_share(&ledger(flying, free()), 0), Some(ASK_AGAIN));
    }

    #[test]
    fn who_is_held_is_told_until_when() {
        let lane = LaneStatus::default();
        assert_eq!(held(&lane), None);
        let paused = LaneStatus {
            paused: true,
            ..lane.clone()
        };
        assert!(held(&paused).unwrap().contains("tenant resume"));
        let open = LaneStatus {
            breaker_open: true,
            ..lane.clone()
        };
        assert!(held(&open).unwrap().contains("one call at a time"));
        for (why, says) in [
            ("throttled", "1970-01-01T00:00:09"),
            ("needs-authorisation", "penstock-admin check"),
        ] {
            let held_until_ms = Some(9_000);
            let why = Some(why.to_owned());
            let told = held(&LaneStatus {
                held_until_ms,
                why,
                ..lane.clone()
            })
            .unwrap();
            assert!(told.contains(says), "{told}");
        }
    }
}
