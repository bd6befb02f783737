//! Why a webhook is refused, and how that is told to senders of which each understands something else.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use parking_lot::Mutex;

use super::Problem;
use crate::hooks::NoEvents;

/// Anybody may be refused as often as he likes: the log tells of it so often.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Ghl,
    Smsfactor,
    Smore,
    Generic,
}

impl Sender {
    /// What makes it come again: GHL does so for this one in any case.
    fn for_now(self) -> StatusCode {
        match self {
            Self::Ghl => StatusCode::TOO_MANY_REQUESTS,
            Self::Smsfactor | Self::Smore | Self::Generic => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What says that there is nothing at this address. Smore would never come again.
    fn nothing_here(self) -> StatusCode {
        match self {
            Self::Smore => StatusCode::SERVICE_UNAVAILABLE,
            Self::Ghl | Self::Smsfactor | Self::Generic => StatusCode::NOT_FOUND,
        }
    }
}

/// Why a webhook is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no such hook.
    Unconfigured,
    /// It comes from somewhere else.
    Address,
    /// A web page sends it.
    Page,
    /// Its sender has not proved itself.
    Unproved,
    /// What is proved is of no use.
    NoEvents(NoEvents),
    /// All that it tells of is too old.
    Late,
    /// Its body did not come as it should have, or it cannot be stored now.
    Other(Box<Problem>),
}

impl From<NoEvents> for Refusal {
    fn from(none: NoEvents) -> Self {
        Self::NoEvents(none)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Other(Box::new(problem))
    }
}

impl Refusal {
    /// By what it is counted.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Unconfigured => "unconfigured",
            Self::Address => "address",
            Self::Page => "page",
            Self::Unproved => "signature",
            Self::NoEvents(NoEvents::Unreadable(_)) => "unreadable",
            Self::NoEvents(NoEvents::OtherApp) => "app",
            Self::Late => "late",
            Self::Other(problem) if problem.is_for_now() => "unavailable",
            Self::Other(_) => "body",
        }
    }

    /// As its sender understands it.
    pub(super) fn told_to(self, sender: Sender) -> Problem {
        let of_webhook = |status, detail: &str| Problem::of_webhook(status, detail);
        match self {
            Self::Unconfigured => of_webhook(
                sender.nothing_here(),
                "no such hook is in the file that PENSTOCK_HOOKS names, or there are several and the address names none",
            ),
            Self::Address => of_webhook(
                StatusCode::FORBIDDEN,
                "it comes from an address that is not among the hook's sources",
            ),
            Self::Page => of_webhook(
                StatusCode::FORBIDDEN,
                "a hook whose sender proves nothing takes in nothing from web pages",
            ),
            Self::Unproved => of_webhook(
                StatusCode::UNAUTHORIZED,
                "its signature is missing, or not one of these bytes by a key of the hook's",
            ),
            Self::NoEvents(none @ NoEvents::OtherApp) => {
                Problem::of_webhook(StatusCode::FORBIDDEN, none.to_string())
            }
            Self::NoEvents(none) => Problem::bad_request(none.to_string()),
            Self::Late => of_webhook(
                StatusCode::UNPROCESSABLE_ENTITY,
                "what it tells of is older than PENSTOCK_HOOK_WINDOW, or dated ahead",
            ),
            // It may have come slowly, or waited for memory: nobody would send it again.
            Self::Other(problem) if problem.is_for_now() || problem.is_too_slow() => {
                problem.told_for_now_as(sender.for_now())
            }
            Self::Other(problem) => *problem,
        }
    }
}

/// Tells the log of refusals, without a word of what was sent.
#[derive(Debug, Default)]
pub(in crate::http) struct Refusals(Mutex<Untold>);

#[derive(Debug, Default)]
struct Untold {
    last: Option<Instant>,
    since: u64,
}

impl Refusals {
    pub(super) fn tell(&self, source: &str, refusal: &Refusal) {
        let mut untold = self.0.lock();
        if untold.last.is_some_and(|last| last.elapsed() < TOLD_EVERY) {
            untold.since += 1;
            return;
        }
        let others = std::mem::take(&mut untold.since);
        untold.last = Some(Instant::now());
        drop(untold);
        tracing::warn!(
            source,
            reason = refusal.reason(),
            others,
            "a webhook was refused"
        );
    }
}

#[cfg(test)]
mod tests {
    use axum::{http::header::RETRY_AFTER, response::IntoResponse as _};

    use super::*;

    /// Nobody would send it again, though it may have waited for memory and nothing else.
    #[test]
    fn a_body_that_did_not_come_in_time_is_asked_for_again() {
        for (sender, status) in [
            (Sender::Ghl, 429),
            (Sender::Smsfactor, 503),
            (Sender::Smore, 503),
            (Sender::Generic, 503),
        ] {
            for problem in [Problem::too_slow(), Problem::busy()] {
                let told = Refusal::from(problem).told_to(sender).into_response();
                assert_eq!(told.status(), status, "{sender:?}");
                assert!(told.headers().contains_key(RETRY_AFTER));
            }
            let told = Refusal::from(Problem::encoded()).told_to(sender);
            assert_eq!(told.into_response().status(), 415);
        }
    }
}
