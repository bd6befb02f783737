//! The second lock on the door: one limiter per process that every call passes, whatever its
//! purpose. It needs no network, and holds when the shared ledger is lost.

use std::{collections::HashMap, sync::Arc, time::Duration};

use governor::{
    RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};
use parking_lot::Mutex;

use crate::quota::Quota;

/// After so many passages, lanes that have been idle are forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// Proof that one call passed the [`Limiter`]. It is spent by the call.
#[derive(Debug)]
#[must_use = "a passage is for one call"]
pub struct Passage(());

/// The call would exceed the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over the quota for another {wait:?}")]
pub struct NotUntil {
    /// How long until it may be tried again.
    pub wait: Duration,
}

type Lanes<C> =
    RateLimiter<String, DashMapStateStore<String>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A keyed governor limiter for each quota in use. Whatever keeps to its quotas in every window
/// passes unhindered.
#[derive(Debug)]
pub struct Limiter<C: Clock = DefaultClock> {
    clock: C,
    quotas: Mutex<Quotas<C>>,
}

#[derive(Debug)]
struct Quotas<C: Clock> {
    lanes: HashMap<Quota, Arc<Lanes<C>>>,
    until_sweep: u32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self::with_clock(DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limiter<C> {
    /// A limiter that measures time by this clock.
    pub fn with_clock(clock: C) -> Self {
        let quotas = Quotas {
            lanes: HashMap::new(),
            until_sweep: SWEEP_EVERY,
        };
        Self {
            clock,
            quotas: Mutex::new(quotas),
        }
    }

    /// Lets one call of a lane pass, or says how long it has to wait; never waits itself. A quota
    /// that has changed starts afresh.
    pub fn pass(&self, lane: &str, burst: Quota, daily: Quota) -> Result<Passage, NotUntil> {
        let lane = lane.to_owned();
        // The short window first: what it refuses is not charged to the day.
        for quota in [burst, daily] {
            let lanes = self.quotas.lock().lanes(quota, &self.clock);
            lanes.check_key(&lane).map_err(|refused| NotUntil {
                wait: refused.wait_time_from(self.clock.now()),
            })?;
        }
        Ok(Passage(()))
    }
}

impl<C: Clock + Clone> Quotas<C> {
    fn lanes(&mut self, quota: Quota, clock: &C) -> Arc<Lanes<C>> {
        self.until_sweep -= 1;
        if self.until_sweep == 0 {
            self.sweep();
        }
        let start = || {
            Arc::new(RateLimiter::dashmap_with_clock(
                quota.governor(),
                clock.clone(),
            ))
        };
        Arc::clone(self.lanes.entry(quota).or_insert_with(start))
    }

    /// Forgets lanes whose windows are whole again, and quotas that no lane uses.
    fn sweep(&mut self) {
        self.lanes.retain(|_, lanes| {
            lanes.retain_recent();
            lanes.shrink_to_fit();
            // One that a call is just passing would forget that call.
            !lanes.is_empty() || Arc::strong_count(lanes) > 1
        });
        self.until_sweep = SWEEP_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    fn limiter() -> (FakeRelativeClock, Limiter<FakeRelativeClock>) {
        let clock = FakeRelativeClock::default();
        (clock.clone(), Limiter::with_clock(clock))
    }

    #[test]
    fn lanes_are_limited_apart() {
        let (clock, limiter) = limiter();
        let (burst, daily) = (quota("2/10s"), quota("100/1d"));
        for lane in ["ghl/a", "ghl/b"] {
            assert!(limiter.pass(lane, burst, daily).is_ok());
            assert!(limiter.pass(lane, burst, daily).is_ok());
            let refused = limiter.pass(lane, burst, daily).unwrap_err();
            assert_eq!(refused.wait, Duration::from_secs(5));
        }
        clock.advance(Duration::from_secs(5));
        assert!(limiter.pass("ghl/a", burst, daily).is_ok());
    }

    #[test]
    fn both_windows_count() {
        let (clock, limiter) = limiter();
        let (burst, daily) = (quota("10/1s"), quota("2/1d"));
        assert!(limiter.pass("ghl/a", burst, daily).is_ok());
        assert!(limiter.pass("ghl/a", burst, daily).is_ok());
        clock.advance(Duration::from_secs(1));
        let refused = limiter.pass("ghl/a", burst, daily).unwrap_err();
        assert_eq!(refused.wait, Duration::from_secs(43_199));
    }

    #[test]
    fn a_changed_quota_holds_at_once() {
        let (_, limiter) = limiter();
        let daily = quota("100/1d");
        assert!(limiter.pass("ghl/a", quota("5/1s"), daily).is_ok());
        assert!(limiter.pass("ghl/a", quota("1/1s"), daily).is_ok());
        assert!(limiter.pass("ghl/a", quota("1/1s"), daily).is_err());
    }

    #[test]
    fn idle_lanes_and_quotas_are_forgotten() {
        let (clock, limiter) = limiter();
        let (burst, daily) = (quota("5/1s"), quota("100/1h"));
        for lane in 0..SWEEP_EVERY {
            let _ = limiter.pass(&format!("ghl/{lane}"), burst, daily);
        }
        clock.advance(Duration::from_secs(7_200));
        limiter.quotas.lock().sweep();
        assert!(limiter.quotas.lock().lanes.is_empty());
    }
}
