//! The second lock, which knows the quota and nothing of the ledger.

use std::time::Duration;

use anyhow::{Result, ensure};
use governor::clock::FakeRelativeClock;
use penstock_shared::{ghl::Limiter, quota::Quota};

/// One worker's, with time as an input.
pub(crate) struct SecondLock {
    clock: FakeRelativeClock,
    limiter: Limiter<FakeRelativeClock>,
}

impl SecondLock {
    pub(crate) fn new() -> Self {
        let clock = FakeRelativeClock::default();
        let limiter = Limiter::with_clock(clock.clone());
        Self { clock, limiter }
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    fn allows(&self, [burst, daily]: [Quota; 2]) -> bool {
        self.limiter.pass("ghl/acme", burst, daily).is_ok()
    }

    /// A call that the ledger allowed is never held back.
    pub(crate) fn send(&self, quotas: [Quota; 2]) -> Result<()> {
        ensure!(
            self.allows(quotas),
            "governor refuses what the ledger allowed"
        );
        Ok(())
    }

    /// After a rest it allows what the ledger does: the whole burst, and not one call more.
    pub(crate) fn send_all(&self, quotas: [Quota; 2]) -> Result<()> {
        let calls = quotas[0].calls().get();
        let sent = (0..=calls).filter(|_| self.allows(quotas)).count();
        ensure!(
            sent == calls as usize,
            "governor allows {sent} calls, not {calls}"
        );
        Ok(())
    }
}
