//! Redis' clock, as far as this worker knows it: its last word, and what has passed since by the monotonic clock.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use penstock_shared::span::millis;

/// Redis' time, estimated.
#[derive(Debug, Clone)]
pub struct RedisClock(Arc<Mutex<(u64, Instant)>>);

impl RedisClock {
    /// Set by what Redis has just said.
    pub fn new(now_ms: u64) -> Self {
        Self(Arc::new(Mutex::new((now_ms, Instant::now()))))
    }

    /// Redis has just said what time it is.
    pub fn set(&self, now_ms: u64) {
        *self.0.lock() = (now_ms, Instant::now());
    }

    /// Milliseconds of Redis' clock.
    pub fn now_ms(&self) -> u64 {
        let (at, since) = *self.0.lock();
        at.saturating_add(millis(since.elapsed()))
    }
}

/// What a shard's clock may be off between two answers without having been set: it is slewed, and answers are late.
const TOLERANCE: Duration = Duration::from_millis(500);

/// Notices that a shard's clock was set, by comparing it with the monotonic one.
#[derive(Debug, Default)]
pub struct Steps {
    last: Option<Seen>,
    /// What it was set by in all, ms, as far as workers have told.
    shift_ms: i64,
}

/// An answer: the time that it gave was right at some moment between the two.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// What time it was, ms.
    pub now_ms: u64,
    /// Just before it was asked for.
    pub sent: Instant,
    /// Just after it came.
    pub received: Instant,
}

/// A step that nobody has told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What the clock was set by, ms: rather too much than too little, so that nothing comes too early for it.
    pub by: i64,
    /// What it had been set by in all before.
    pub known: i64,
}

impl Steps {
    /// Compares an answer with the one before; `shift_ms` is what workers have told in all.
    pub fn notice(&mut self, seen: Seen, shift_ms: i64) -> Option<Step> {
        let before = self.last.replace(seen)?;
        let known = std::mem::replace(&mut self.shift_ms, shift_ms);
        // Another worker has seen it too, and told.
        if known != shift_ms {
            return None;
        }
        let signed = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let gone_on = seen.now_ms.cast_signed() - before.now_ms.cast_signed();
        let least = signed(seen.sent.saturating_duration_since(before.received));
        let most = signed(seen.received.saturating_duration_since(before.sent));
        let tolerance = signed(TOLERANCE);
        let set = gone_on < least - tolerance || gone_on > most + tolerance;
        set.then_some(Step {
            by: gone_on - least,
            known,
        })
    }

    /// It was told: this is what the clock was set by in all.
    pub fn told(&mut self, shift_ms: i64) {
        self.shift_ms = shift_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asked for at so many milliseconds of the monotonic clock, answered 20 ms later.
    fn seen(start: Instant, asked: u64, now_ms: u64) -> Seen {
        let sent = start + Duration::from_millis(asked);
        Seen {
            now_ms,
            sent,
            received: sent + Duration::from_millis(20),
        }
    }

    #[test]
    fn a_clock_that_goes_on_as_time_does_was_not_set() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        // However late an answer is, and however little is seen between two.
        for (asked, now_ms) in [(0, 1_000), (10, 1_000), (1_000, 2_015), (90_000, 91_300)] {
            assert_eq!(steps.notice(seen(start, asked, now_ms), 0), None, "{asked}");
        }
    }

    #[test]
    fn a_step_is_noticed_either_way_and_once() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        steps.notice(seen(start, 0, 1_000_000), 0);
        let forward = steps.notice(seen(start, 1_000, 4_601_000), 0);
        assert_eq!(
            forward,
            Some(Step {
                by: 3_600_020,
                known: 0
            })
        );
        steps.told(3_600_020);
        assert_eq!(steps.notice(seen(start, 2_000, 4_602_000), 3_600_020), None);
        let back = steps
            .notice(seen(start, 3_000, 1_003_000), 3_600_020)
            .unwrap();
        assert_eq!((back.by, back.known), (-3_599_980, 3_600_020));
    }

    #[test]
    fn what_another_worker_has_told_is_not_told_again() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        steps.notice(seen(start, 0, 1_000_000), 0);
        assert_eq!(steps.notice(seen(start, 1_000, 4_601_000), 3_600_000), None);
        assert_eq!(steps.notice(seen(start, 2_000, 4_602_000), 3_600_000), None);
    }
}
