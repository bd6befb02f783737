//! Waiting for Redis to come back: soon at first, never often, and said once, and again where the reason is another.

use std::time::Duration;

use penstock_shared::queue::error::QueueError;

const SOONEST: Duration = Duration::from_millis(20);
/// Whoever tries that often comes back within the moment in which a restarted Redis tells nobody anything (`part/era.lua`, MOMENT): it is heard before
/// others act.
const LATEST: Duration = Duration::from_millis(500);

/// The delays of one loop that must not give up.
#[derive(Debug)]
pub struct Patience {
    what: &'static str,
    next: Duration,
    /// What was said last of the failure that goes on.
    said: Option<QueueError>,
}

impl Patience {
    /// For a loop that does `what`.
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            next: SOONEST,
            said: None,
        }
    }

    /// Redis could not be asked: waits a little, with jitter, so that not all workers come back at once.
    pub async fn failed(&mut self, error: &QueueError) {
        if self.said.as_ref().is_none_or(|said| !said.is_like(error)) {
            tracing::warn!(%error, doing = self.what, "Redis does not serve; trying on");
            self.said = Some(error.clone());
        }
        tokio::time::sleep(self.next.mul_f64(rand::random_range(0.5..1.0))).await;
        self.next = (self.next * 2).min(LATEST);
    }

    /// Redis serves.
    pub fn succeeded(&mut self) {
        if self.said.take().is_some() {
            tracing::info!(doing = self.what, "Redis serves again");
        }
        self.next = SOONEST;
    }
}
