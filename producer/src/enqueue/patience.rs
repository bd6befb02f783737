//! How long a Redis that is away is waited for.

use std::time::Duration;

use penstock_shared::queue::error::QueueError;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::report::Report;

/// How long it may be away.
const AWAY: Duration = Duration::from_secs(20);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// Since when Redis is away, if it is.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// When the first try began that failed, and why the last one did.
    failed: Option<(Instant, QueueError)>,
    tried: Option<Instant>,
}

/// What becomes of a try that can fail because Redis is away.
pub(super) trait Unanswered {
    /// The failure to say that there was no answer in time; `last` is why the tries before failed.
    fn unanswered(last: Option<QueueError>) -> Self;
}

impl Unanswered for QueueError {
    fn unanswered(last: Option<QueueError>) -> Self {
        last.unwrap_or_else(|| Self::Unreachable(format!("no answer for {} s", AWAY.as_secs())))
    }
}

impl Patience {
    /// Makes a try, and gives it up when patience ends.
    pub(super) async fn bound<T, E: Unanswered>(
        &mut self,
        attempt: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let now = Instant::now();
        self.tried = Some(now);
        let since = self.failed.as_ref().map_or(now, |(since, _)| *since);
        match timeout_at(since + AWAY, attempt).await {
            Ok(Ok(done)) => {
                self.failed = None;
                Ok(done)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let last = self.failed.as_ref().map(|(_, last)| last.clone());
                Err(E::unanswered(last))
            }
        }
    }

    /// Waits until it is time to try again; gives the error back when that is hopeless or patience has ended.
    pub(super) async fn endure(
        &mut self,
        error: QueueError,
        report: &Report,
    ) -> Result<(), QueueError> {
        if !error.is_transient() {
            return Err(error);
        }
        let now = Instant::now();
        let since = if let Some((since, _)) = self.failed {
            since
        } else {
            report.say(&format!("{error}; trying again for {} s", AWAY.as_secs()));
            self.tried.unwrap_or(now)
        };
        if now + PAUSE >= since + AWAY {
            return Err(error);
        }
        self.failed = Some((since, error));
        sleep_until(now + PAUSE).await;
        Ok(())
    }
}
