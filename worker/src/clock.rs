//! The clock of a shard's Redis, as far as this worker knows it: its last word, and what has passed since by the monotonic clock. The shards of
//! a cluster are on servers of their own, whose clocks may differ.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use penstock_shared::{queue::lapse::Lapse, span::millis};

/// A Redis' time, estimated.
#[derive(Debug, Clone)]
pub struct RedisClock(Arc<Mutex<(u64, Instant)>>);

impl RedisClock {
    /// It has said nothing yet.
    pub fn unset() -> Self {
        Self(Arc::new(Mutex::new((0, Instant::now()))))
    }

    /// It has said what time it is.
    pub fn set(&self, seen: Seen) {
        *self.0.lock() = (seen.now_ms, seen.received);
    }

    /// Milliseconds of Redis' clock.
    pub fn now_ms(&self) -> u64 {
        let (at, since) = *self.0.lock();
        at.saturating_add(millis(since.elapsed()))
    }
}

/// What a shard's clock may be off between two answers without having been set: it is slewed, and answers are late.
pub const TOLERANCE: Duration = Duration::from_millis(500);

/// A time that goes on as time does, whatever Redis' clock is set by: that clock, less what it was set by in all. It tells two moments, for on
/// the way of an answer some time passes. As a worker that was just started cannot know what happened before, it tells since when it is known.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    /// What it was as the last answer was given, ms.
    ms: u64,
    sent: Instant,
    received: Instant,
    /// This worker has watched it since then, ms: of what passed before, nobody in it knows how long it took.
    pub since_ms: u64,
    /// When it was first told of the last lapse, ms: that was noticed by then.
    pub lapse_ms: u64,
}

impl Steady {
    /// It is not earlier, ms: by this it is reckoned whether enough time has passed.
    pub fn earliest_ms(&self) -> u64 {
        self.ms.saturating_add(millis(self.received.elapsed()))
    }

    /// It is not later, ms: what has happened is dated by this.
    pub fn latest_ms(&self) -> u64 {
        self.ms.saturating_add(millis(self.sent.elapsed()))
    }
}

/// Notices that a shard's clock was set, by comparing it with the monotonic one.
#[derive(Debug, Default)]
pub struct Steps(Option<Last>);

/// The last answer, and what was known then.
#[derive(Debug)]
struct Last {
    steady: Steady,
    /// What the clock was set by in all, ms, as far as workers had told.
    shift_ms: i64,
    lapse: Option<Lapse>,
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
    /// Compares an answer with the one before. With it came what workers have told in all that the clock was set by, and the last lapse.
    pub fn notice(
        &mut self,
        seen: Seen,
        shift_ms: i64,
        lapse: Option<Lapse>,
    ) -> (Steady, Option<Step>) {
        let last = self.0.as_ref();
        let said = seen.now_ms.saturating_add_signed(-shift_ms);
        let by = last.and_then(|last| last.set_by(&seen, said, shift_ms));
        let ms = said.saturating_add_signed(-by.unwrap_or(0));
        let heard = last.filter(|last| last.lapse == lapse);
        let steady = Steady {
            ms,
            sent: seen.sent,
            received: seen.received,
            since_ms: last.map_or(ms, |last| last.steady.since_ms.min(ms)),
            lapse_ms: heard.map_or(ms, |last| last.steady.lapse_ms.min(ms)),
        };
        self.0 = Some(Last {
            steady,
            shift_ms,
            lapse,
        });
        let known = shift_ms;
        (steady, by.map(|by| Step { by, known }))
    }

    /// A step was told: this is what the clock was set by in all. Where another worker was faster, the next answer shows what is left to tell,
    /// as it does where it could not be told.
    pub fn told(&mut self, step: Step, shift_ms: i64) {
        if let Some(last) = self.0.as_mut().filter(|_| shift_ms == step.known + step.by) {
            last.shift_ms = shift_ms;
        }
    }
}

impl Last {
    /// What the clock was set by since, if it was, by what it said: the time less what was told.
    fn set_by(&self, seen: &Seen, said: u64, shift_ms: i64) -> Option<i64> {
        let signed = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let gone_on = said.cast_signed() - self.steady.ms.cast_signed();
        let least = signed(seen.sent.saturating_duration_since(self.steady.received));
        let most = signed(seen.received.saturating_duration_since(self.steady.sent));
        let tolerance = signed(TOLERANCE);
        let too_far = gone_on > most + tolerance;
        // Another worker may have told more than this one has seen: with both at odds it is rather too late than too early.
        let too_little = gone_on < least - tolerance && shift_ms == self.shift_ms;
        (too_far || too_little).then_some(gone_on - least)
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

    /// What is told of an answer that was asked for at so many ms, to a worker that was told of these before.
    fn told(
        steps: &mut Steps,
        start: Instant,
        asked: u64,
        now_ms: u64,
        shift_ms: i64,
    ) -> Option<Step> {
        steps.notice(seen(start, asked, now_ms), shift_ms, None).1
    }

    #[test]
    fn a_clock_that_goes_on_as_time_does_was_not_set() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        // However late an answer is, and however little is seen between two.
        for (asked, now_ms) in [(0, 1_000), (10, 1_000), (1_000, 2_015), (90_000, 91_300)] {
            assert_eq!(told(&mut steps, start, asked, now_ms, 0), None, "{asked}");
        }
    }

    #[test]
    fn a_step_is_noticed_either_way_and_once() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        told(&mut steps, start, 0, 9_000_000, 0);
        let ahead = told(&mut steps, start, 1_000, 12_601_000, 0).unwrap();
        assert_eq!((ahead.by, ahead.known), (3_600_020, 0));
        steps.told(ahead, 3_600_020);
        assert_eq!(told(&mut steps, start, 2_000, 12_602_000, 3_600_020), None);
        let back = told(&mut steps, start, 3_000, 9_003_000, 3_600_020).unwrap();
        assert_eq!((back.by, back.known), (-3_599_980, 3_600_020));
    }

    #[test]
    fn what_another_worker_has_told_is_not_told_again() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        told(&mut steps, start, 0, 1_000_000, 0);
        for (asked, now_ms) in [(1_000, 4_601_000), (2_000, 4_602_000)] {
            assert_eq!(told(&mut steps, start, asked, now_ms, 3_600_000), None);
        }
    }

    #[test]
    fn what_others_have_not_told_is_told_as_long_as_they_have_not() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        told(&mut steps, start, 0, 1_000_000, 0);
        // Set twice, an hour and a minute, and only the hour was told.
        let left = told(&mut steps, start, 1_000, 4_661_000, 3_600_000).unwrap();
        assert_eq!((left.by, left.known), (60_020, 3_600_000));
        let again = told(&mut steps, start, 2_000, 4_662_000, 3_600_000).unwrap();
        assert_eq!((again.by, again.known), (60_040, 3_600_000));
        // Another one was faster, with something else.
        steps.told(again, 3_600_500);
        assert!(told(&mut steps, start, 3_000, 4_663_000, 3_600_500).is_some());
    }

    /// Of what was seen 20 ms after it was asked for.
    fn steady_ms(steps: &mut Steps, start: Instant, asked: u64, now_ms: u64, shift_ms: i64) -> u64 {
        steps
            .notice(seen(start, asked, now_ms), shift_ms, None)
            .0
            .ms
    }

    #[test]
    fn however_it_is_set_the_steady_time_goes_on_no_faster_than_time() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        assert_eq!(steady_ms(&mut steps, start, 0, 9_000_000, 0), 9_000_000);
        // Set ahead, and told with what it may have been at the most.
        assert_eq!(
            steady_ms(&mut steps, start, 1_000, 12_601_000, 0),
            9_000_980
        );
        assert_eq!(
            steady_ms(&mut steps, start, 2_000, 12_602_000, 3_600_020),
            9_001_980
        );
        // Set back.
        assert_eq!(
            steady_ms(&mut steps, start, 3_000, 9_003_000, 3_600_020),
            9_002_960
        );
        // Redis has forgotten all that it was set by.
        assert_eq!(
            steady_ms(&mut steps, start, 4_000, 12_604_000, 0),
            9_003_940
        );
    }

    #[test]
    fn a_worker_counts_nothing_that_it_has_not_seen_pass() {
        let (start, mut steps) = (Instant::now(), Steps::default());
        let lapse = |noticed_ms| {
            Some(Lapse {
                since_ms: 0,
                noticed_ms,
                lost_ms: 0,
                until_ms: 0,
            })
        };
        let mut known = |asked, now_ms, shift_ms, lapse| {
            let (steady, _) = steps.notice(seen(start, asked, now_ms), shift_ms, lapse);
            (steady.since_ms, steady.lapse_ms)
        };
        assert_eq!(known(0, 1_000_000, 0, None), (1_000_000, 1_000_000));
        assert_eq!(known(1_000, 1_001_000, 0, lapse(1)).1, 1_001_000);
        let later = known(2_000, 1_002_000, 0, lapse(1));
        assert_eq!(later, (1_000_000, 1_001_000));
        // It was set before this worker was started, and that is told only now.
        let later = known(3_000, 1_003_000, 600_000, lapse(1));
        assert_eq!(later, (403_000, 403_000));
    }

    #[test]
    fn between_its_two_moments_lies_the_time_that_the_answer_took() {
        let received = Instant::now();
        let steady = Steady {
            ms: 1_000,
            sent: received.checked_sub(Duration::from_secs(5)).unwrap(),
            received,
            since_ms: 0,
            lapse_ms: 0,
        };
        let (earliest, latest) = (steady.earliest_ms(), steady.latest_ms());
        assert!(
            earliest >= 1_000 && latest >= earliest + 5_000,
            "{earliest} {latest}"
        );
    }
}
