//! What Redis has forgotten: it was restarted from an older file, or a replica took over that lagged (`scripts/part/era.lua`).

use std::sync::Arc;

use super::{Queue, error::QueueError, ledger::Window};
use crate::{quota::Quota, span::millis};

/// Redis went back in time. Times are milliseconds of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lapse {
    /// What was acknowledged from then on may be forgotten: less what the clock had been set by until then.
    pub since_ms: u64,
    /// When that was noticed: what came later is remembered.
    pub noticed_ms: u64,
    /// How much time was forgotten.
    pub lost_ms: u64,
    /// What was due until then may have been sent. Later than `noticed_ms` if the clock was set back with it.
    pub until_ms: u64,
}

/// Each time that Redis went back, as far as it is told apart; the last one first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lapses(Arc<[Lapse]>);

impl Lapses {
    /// From the shard's `travel`; what is no lapse is none.
    pub(super) fn read(travel: &str) -> Self {
        Self(travel.split_whitespace().filter_map(Lapse::read).collect())
    }

    /// The last one.
    pub fn last(&self) -> Option<Lapse> {
        self.0.first().copied()
    }

    /// All those together in which a call may have been forgotten that was due at `from_ms`, and that were noticed after `seen_ms`.
    pub fn concerning(&self, from_ms: u64, seen_ms: u64) -> Option<Lapse> {
        let concerning = self.0.iter().copied();
        concerning
            .filter(|lapse| lapse.until_ms >= from_ms && lapse.noticed_ms > seen_ms)
            .reduce(Lapse::with)
    }

    /// One burst window after the last was noticed, at `filled` if that is known by the clock as it is now, counts as full; until when, if that is not over.
    pub(super) fn fill(&self, burst: &mut Window, filled: Option<u64>, now: u64) -> Option<u64> {
        let noticed = self.last()?.noticed_ms;
        let until = filled.unwrap_or(noticed) + millis(burst.quota.window());
        if until <= now {
            return None;
        }
        // What comes back before then lets nothing through either.
        let early = burst.returns.iter_mut();
        early.for_each(|(moment, _)| *moment = until.max(*moment));
        burst.hold(burst.left(true), until);
        Some(until)
    }

    /// The day is charged once with what may have been sent in the time that was forgotten; `charged`: by which lapse the lane's was last.
    pub(super) fn charge(&self, day: &mut Window, burst: &Window, charged: Option<u64>, now: u64) {
        let is_new = |lapse: &&Lapse| lapse.noticed_ms > charged.unwrap_or(0);
        for lapse in self.0.iter().filter(is_new) {
            let until = lapse.noticed_ms + millis(day.quota.window());
            if until > now {
                day.hold(lapse.sent(burst).min(day.allowed(true)), until);
            }
        }
    }
}

impl Queue {
    /// Each time that Redis went back, as the tenant's shard knows it.
    pub async fn lapses_of(&self, tenant: &str) -> Result<Lapses, QueueError> {
        let mut travel = redis::cmd("HGET");
        travel.arg(self.keys_of(tenant).config()).arg("travel");
        let travel: Option<String> = self.connection().run(&travel).await?;
        Ok(Lapses::read(&travel.unwrap_or_default()))
    }
}

impl From<Vec<Lapse>> for Lapses {
    fn from(lapses: Vec<Lapse>) -> Self {
        Self(lapses.into())
    }
}

impl Lapse {
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('/').map(|number| number.parse().ok());
        let mut number = || numbers.next()?;
        Some(Self {
            since_ms: number()?,
            noticed_ms: number()?,
            lost_ms: number()?,
            until_ms: number()?,
        })
    }

    /// Both, if nobody can tell which of them took what.
    fn with(self, other: Self) -> Self {
        Self {
            since_ms: self.since_ms.min(other.since_ms),
            noticed_ms: self.noticed_ms.max(other.noticed_ms),
            lost_ms: self.lost_ms.saturating_add(other.lost_ms),
            until_ms: self.until_ms.max(other.until_ms),
        }
    }

    /// How much of a burst quota may have been used in the time that was forgotten, and in the window before.
    fn sent(self, burst: &Window) -> u64 {
        // What calls nobody has sent nothing.
        if burst.quota.calls().get() == Quota::MAX_CALLS {
            return 0;
        }
        let (calls, span) = (burst.allowed(true), millis(burst.quota.window()).max(1));
        calls.saturating_add(calls.saturating_mul(self.lost_ms).div_ceil(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn window(quota: &str) -> Window {
        let quota: Quota = quota.parse().unwrap();
        Window {
            quota,
            configured: quota,
            normal: quota.calls().get().into(),
            taken: 0,
            returns: Vec::new(),
        }
    }

    #[test]
    fn no_day_is_charged_with_what_calls_nobody() {
        let lapses = Lapses::read("990000/995000/2000/995000");
        let (burst, mut day) = (window("10000000/1s"), window("10000000/1d"));
        lapses.charge(&mut day, &burst, None, NOW);
        assert_eq!(day.taken, 0);
    }

    #[test]
    fn a_burst_window_counts_as_full() {
        let lapses = Lapses::read("990000/995000/2000/995000 100/200/3/200");
        let mut burst = window("100/10s");
        assert_eq!(lapses.fill(&mut burst, None, NOW), Some(1_005_000));
        assert_eq!((burst.taken, burst.frees_ms(true)), (100, Some(1_005_000)));
        let mut used = window("100/10s");
        used.hold(70, 1_001_000);
        used.hold(20, 1_009_000);
        lapses.fill(&mut used, None, NOW);
        assert_eq!(used.frees_ms(true), Some(1_005_000));
        assert_eq!(
            used.returns,
            [(1_005_000, 10), (1_005_000, 70), (1_009_000, 20)]
        );
        let mut later = window("100/10s");
        assert_eq!(lapses.fill(&mut later, None, 1_005_000), None);
        assert_eq!(later.taken, 0);
    }

    #[test]
    fn the_day_is_charged_once_with_a_window_more_than_the_time_lost() {
        let lapses = Lapses::read("990000/995000/20000/995000");
        let (mut day, burst) = (window("1000/1d"), window("100/10s"));
        lapses.charge(&mut day, &burst, Some(995_000), NOW);
        assert_eq!(day.taken, 0);
        lapses.charge(&mut day, &burst, None, NOW);
        assert_eq!((day.taken, day.returns[0].0), (300, 87_395_000));
        let all = Lapses::read("0/995000/995000/995000");
        all.charge(&mut day, &burst, None, NOW);
        assert_eq!(day.left(true), 0);
    }

    #[test]
    fn the_day_is_charged_for_each_lapse_since_the_last_charge() {
        let lapses = Lapses::read(
            "990000/995000/0/995000 880000/885000/10000/885000 770000/775000/0/775000",
        );
        let (mut day, burst) = (window("1000/1d"), window("100/10s"));
        lapses.charge(&mut day, &burst, Some(775_000), NOW);
        assert_eq!(day.taken, 100 + 200);
    }

    #[test]
    fn a_call_is_looked_for_in_all_lapses_that_may_have_taken_it() {
        let lapses = Lapses::read("900/950/50/950 500/600/100/600 100/200/100/200");
        let noticed = |from, seen| {
            let lapse = lapses.concerning(from, seen);
            lapse.map(|lapse| (lapse.since_ms, lapse.noticed_ms))
        };
        assert_eq!(noticed(50, 0), Some((100, 950)));
        assert_eq!(noticed(201, 0), Some((500, 950)));
        assert_eq!(noticed(50, 200), Some((500, 950)));
        assert_eq!(noticed(50, 600), Some((900, 950)));
        assert_eq!(noticed(951, 0), None);
        assert_eq!(noticed(50, 950), None);
        // The clock was set back with it.
        let back = Lapses::read("900/950/50/4950");
        assert!(back.concerning(4_000, 0).is_some());
    }

    #[test]
    fn what_is_no_lapse_is_none() {
        for text in ["", "1/2/3", "a/b/c/d"] {
            assert_eq!(Lapses::read(text).last(), None, "{text}");
        }
    }
}
