//! What Redis has forgotten: it was restarted from an older file, or a replica took over that lagged (`scripts/part/era.lua`).

use super::ledger::Window;
use crate::span::millis;

/// Redis went back in time. Times are milliseconds of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lapse {
    /// What was acknowledged from then on may be forgotten.
    pub since_ms: u64,
    /// When that was noticed: what came later is remembered.
    pub noticed_ms: u64,
}

/// What follows from a lapse for the ledgers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charge {
    noticed_ms: u64,
    /// How much time was forgotten.
    lost_ms: u64,
}

impl Charge {
    /// From the shard's `travel`.
    pub(super) fn read(travel: &str) -> Option<Self> {
        let mut numbers = travel.split('/').map(|number| number.parse().ok());
        let (_, noticed_ms, lost_ms) = (numbers.next()??, numbers.next()??, numbers.next()??);
        Some(Self {
            noticed_ms,
            lost_ms,
        })
    }

    /// One burst window after it was noticed counts as full; until when, if that is not over.
    pub(super) fn fill(&self, burst: &mut Window, now: u64) -> Option<u64> {
        let until = self.noticed_ms + millis(burst.quota.window());
        if until <= now {
            return None;
        }
        burst.hold(burst.left(true), until);
        Some(until)
    }

    /// The day is charged once with what may have been sent in the time that was forgotten; `charged`: by which lapse the lane's was last.
    pub(super) fn charge(&self, day: &mut Window, burst: &Window, charged: Option<u64>, now: u64) {
        let until = self.noticed_ms + millis(day.quota.window());
        if charged == Some(self.noticed_ms) || until <= now {
            return;
        }
        let (calls, span) = (burst.allowed(true), millis(burst.quota.window()).max(1));
        let sent = calls + (calls * self.lost_ms).div_ceil(span);
        day.hold(sent.min(day.allowed(true)), until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn window(quota: &str) -> Window {
        let quota: crate::quota::Quota = quota.parse().unwrap();
        Window {
            quota,
            configured: quota,
            normal: quota.calls().get().into(),
            taken: 0,
            returns: Vec::new(),
        }
    }

    #[test]
    fn a_burst_window_counts_as_full() {
        let charge = Charge::read("990000/995000/2000").unwrap();
        let mut burst = window("100/10s");
        assert_eq!(charge.fill(&mut burst, NOW), Some(1_005_000));
        assert_eq!((burst.taken, burst.frees_ms(true)), (100, Some(1_005_000)));
        let mut later = window("100/10s");
        assert_eq!(charge.fill(&mut later, 1_005_000), None);
        assert_eq!(later.taken, 0);
    }

    #[test]
    fn the_day_is_charged_once_with_a_window_more_than_the_time_lost() {
        let charge = Charge::read("990000/995000/20000").unwrap();
        let (mut day, burst) = (window("1000/1d"), window("100/10s"));
        charge.charge(&mut day, &burst, Some(995_000), NOW);
        assert_eq!(day.taken, 0);
        charge.charge(&mut day, &burst, None, NOW);
        assert_eq!((day.taken, day.returns[0].0), (300, 87_395_000));
        let all = Charge::read("0/995000/995000").unwrap();
        all.charge(&mut day, &burst, None, NOW);
        assert_eq!(day.left(true), 0);
    }

    #[test]
    fn what_is_no_lapse_is_none() {
        for text in ["", "1/2", "a/b/c"] {
            assert!(Charge::read(text).is_none(), "{text}");
        }
    }
}
