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

/// How far ahead a shard's clock may seem before it counts as set: as it answers, it may think of a moment somewhat before.
const AHEAD_US: i64 = 100_000;
/// How far back. Permits and leases come late for it, by as much, and no job is lost.
const BACK_US: i64 = 500_000;
/// What others have told may be too much by about as long as an answer may take. One that took longer tells of no step.
const ANSWER_US: i64 = 5_000_000;
/// Two clocks that were not set go apart by no more than this part of the time that passes; what goes apart faster adds up until it counts as set.
const DRIFT: i64 = 1_000;

/// A time that goes on as time does, whatever Redis' clock is set by: that clock, less what it was set by in all. It tells two moments, for on
/// the way of an answer some time passes. As a worker that was just started cannot know what happened before, it tells since when it is known.
#[derive(Debug, Clone, Copy)]
pub struct Steady {
    ahead: Bounds,
    origin: Instant,
    /// This worker has watched it since then, ms: of what passed before, nobody in it knows how long it took.
    pub since_ms: u64,
    /// When it was first told of the last lapse, ms: that was noticed by then.
    pub lapse_ms: u64,
}

/// By how much, µs, the steady time is ahead of the monotonic one since its origin.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Steady {
    /// It is not earlier, ms: by this it is reckoned whether enough time has passed.
    pub fn earliest_ms(&self) -> u64 {
        to_ms(since(self.origin, Instant::now()) + self.ahead.least)
    }

    /// It is not later, ms: what has happened is dated by this.
    pub fn latest_ms(&self) -> u64 {
        to_ms(since(self.origin, Instant::now()) + self.ahead.most + 999)
    }
}

fn since(origin: Instant, moment: Instant) -> i64 {
    let passed = moment.saturating_duration_since(origin);
    i64::try_from(passed.as_micros()).unwrap_or(i64::MAX / 4)
}

fn to_ms(us: i64) -> u64 {
    u64::try_from(us / 1_000).unwrap_or(0)
}

fn to_us(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000)
}

/// Notices that a shard's clock was set, by comparing it with the monotonic one: by each answer the two are apart by something between two bounds,
/// and by all of them together between the narrowest, so that an answer that comes late hides nothing.
#[derive(Debug, Default)]
pub struct Steps(Option<Last>);

/// The last answer, and what was known then.
#[derive(Debug)]
struct Last {
    steady: Steady,
    /// What this answer told of it alone.
    told: Bounds,
    /// Until when the drift of the clocks has been taken into account.
    drifted: Instant,
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
    /// Compares an answer with those before. With it came what workers have told in all that the clock was set by, and the last lapse.
    pub fn notice(
        &mut self,
        seen: Seen,
        shift_ms: i64,
        lapse: Option<Lapse>,
    ) -> (Steady, Option<Step>) {
        let last = self.0.as_ref();
        let origin = last.map_or(seen.sent, |last| last.steady.origin);
        let said = seen.now_ms.saturating_add_signed(-shift_ms);
        let (sent, received) = (since(origin, seen.sent), since(origin, seen.received));
        // It is cut to whole milliseconds.
        let told = Bounds {
            least: to_us(said) - received,
            most: to_us(said) + 999 - sent,
        };
        let drifted = last.map_or(seen.received, |last| last.drifted_until(seen.received));
        let known = last.map_or(told, |last| last.bounds_at(drifted));
        let others = shift_ms - last.map_or(shift_ms, |last| last.shift_ms);
        let by = known.set_by(told, others);
        let ahead = match by {
            Some(_) => known,
            None => known.narrowed(told),
        };
        let ms = said.clamp(
            to_ms(sent + ahead.least),
            to_ms(received + ahead.most).max(to_ms(sent + ahead.least)),
        );
        let heard = last.filter(|last| last.lapse == lapse);
        let steady = Steady {
            ahead,
            origin,
            since_ms: last.map_or(ms, |last| last.steady.since_ms.min(ms)),
            lapse_ms: heard.map_or(ms, |last| last.steady.lapse_ms.min(ms)),
        };
        self.0 = Some(Last {
            steady,
            told,
            drifted,
            shift_ms,
            lapse,
        });
        let known = shift_ms;
        let step = by.map(|by| Step { by, known });
        (steady, step.filter(|_| received - sent <= ANSWER_US))
    }

    /// A step was told: this is what the clock was set by in all. Where another worker was faster, the next answer shows what is left to tell,
    /// as it does where it could not be told.
    pub fn told(&mut self, step: Step, shift_ms: i64) {
        if let Some(last) = self.0.as_mut().filter(|_| shift_ms == step.known + step.by) {
            last.shift_ms = shift_ms;
            last.steady.ahead = last.told.less(step.by.saturating_mul(1_000));
        }
    }
}

impl Last {
    /// Until when the drift is taken into account now, in whole microseconds of it.
    fn drifted_until(&self, now: Instant) -> Instant {
        let passed = since(self.drifted, now) / DRIFT * DRIFT;
        self.drifted + Duration::from_micros(passed.unsigned_abs())
    }

    /// How far apart the clocks may be by then.
    fn bounds_at(&self, moment: Instant) -> Bounds {
        let drift = since(self.drifted, moment) / DRIFT;
        let Bounds { least, most } = self.steady.ahead;
        Bounds {
            least: least - drift,
            most: most + drift,
        }
    }
}

impl Bounds {
    /// What the clock was set by, ms, if it was, by what an answer told; of `others` ms workers have told since the one before.
    fn set_by(self, told: Self, others: i64) -> Option<i64> {
        let too_far = told.least > self.most + AHEAD_US;
        // They may have told what was before this one watched, or too much: with both at odds it is rather too late than too early.
        let excused = match others {
            0 => 0,
            others => ANSWER_US + others.max(0).saturating_mul(1_000),
        };
        let too_little = told.most < self.least - BACK_US - excused;
        (too_far || too_little).then(|| (told.most - self.least).div_euclid(1_000) + 1)
    }

    /// As the clock was before it was set by so much.
    fn less(self, by: i64) -> Self {
        Self {
            least: self.least - by,
            most: self.most - by,
        }
    }

    /// What is known with one more answer. One that is at odds with the others, but by too little to have been set, is believed if it is the later.
    fn narrowed(self, told: Self) -> Self {
        if told.most < self.least {
            return told;
        }
        let most = self.most.min(told.most);
        Self {
            least: self.least.max(told.least).min(most),
            most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    /// A worker, and what workers have told its Redis.
    struct Scene {
        start: Instant,
        steps: Steps,
        shift_ms: i64,
        lapse: Option<Lapse>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                start: Instant::now(),
                steps: Steps::default(),
                shift_ms: 0,
                lapse: None,
            }
        }

        /// Asked for at so many ms of the monotonic clock, answered `takes` ms later.
        fn hear(&mut self, asked: u64, takes: u64, now_ms: u64) -> (Steady, Option<Step>) {
            let sent = self.start + Duration::from_millis(asked);
            let received = sent + Duration::from_millis(takes);
            let seen = Seen {
                now_ms,
                sent,
                received,
            };
            self.steps.notice(seen, self.shift_ms, self.lapse)
        }

        /// What is to be told, after an answer that took 20 ms.
        fn step(&mut self, asked: u64, now_ms: u64) -> Option<i64> {
            self.hear(asked, 20, now_ms).1.map(|step| step.by)
        }

        /// It is told, by this worker.
        fn tell(&mut self, asked: u64, now_ms: u64) -> i64 {
            let step = self.hear(asked, 20, now_ms).1.expect("a step");
            assert_eq!(step.known, self.shift_ms);
            self.shift_ms += step.by;
            self.steps.told(step, self.shift_ms);
            step.by
        }

        /// The bounds of the steady time as it was `at` ms.
        fn steady(&self, at: u64) -> (u64, u64) {
            let last = self.steps.0.as_ref().expect("an answer");
            let passed = since(last.steady.origin, self.start + Duration::from_millis(at));
            let Bounds { least, most } = last.steady.ahead;
            (to_ms(passed + least), to_ms(passed + most + 999))
        }
    }

    #[test]
    fn a_clock_that_goes_on_as_time_does_was_not_set() {
        let mut scene = Scene::new();
        // However late an answer is, either way, and however little is seen between two.
        for (asked, takes, now_ms) in [
            (0, 20, 1_000_000),
            (10, 20, 1_000_020),
            (1_000, 5_000, 1_001_000),
            (7_000, 5_000, 1_011_990),
            (90_000, 20, 1_090_015),
        ] {
            assert_eq!(scene.hear(asked, takes, now_ms).1, None, "{asked}");
        }
    }

    #[test]
    fn a_step_is_noticed_either_way_and_once() {
        let mut scene = Scene::new();
        assert_eq!(scene.step(0, 9_000_010), None);
        let ahead = scene.tell(1_000, 9_001_010 + HOUR);
        assert!((3_600_000..3_600_050).contains(&ahead), "{ahead}");
        assert_eq!(scene.step(2_000, 9_002_010 + HOUR), None);
        let back = scene.tell(3_000, 9_003_010);
        assert!((-3_600_000..-3_599_900).contains(&back), "{back}");
        assert_eq!(scene.step(4_000, 9_004_010), None);
    }

    /// Nor does it hide it for good that the answer was late.
    #[test]
    fn a_short_step_ahead_is_noticed_however_late_an_answer_is() {
        let mut scene = Scene::new();
        scene.step(0, 1_000_010);
        scene.step(1_000, 1_001_010);
        // 2 s ahead, and 2 s on the way.
        assert_eq!(scene.hear(2_000, 2_000, 1_004_010).1, None);
        let told = scene.tell(5_000, 1_007_010);
        assert!((2_000..2_050).contains(&told), "{told}");
        let mut scene = Scene::new();
        scene.step(0, 1_000_010);
        let told = scene.tell(1_000, 1_001_160);
        assert!((150..200).contains(&told), "{told}");
    }

    #[test]
    fn one_that_was_noticed_by_a_slow_answer_is_told_once() {
        let mut scene = Scene::new();
        scene.step(0, 1_000_010);
        // The question was on its way for 4 s.
        let (_, step) = scene.hear(1_000, 4_010, 1_005_000 + HOUR);
        let step = step.expect("a step");
        scene.shift_ms = step.by;
        scene.steps.told(step, step.by);
        for asked in [6_000, 7_000] {
            assert_eq!(scene.step(asked, 1_000_010 + asked + HOUR), None);
        }
    }

    /// Another has told of the first, and died.
    #[test]
    fn a_second_step_that_is_heard_of_with_the_first_is_told() {
        let mut scene = Scene::new();
        scene.step(0, 5_000_010);
        scene.shift_ms = -1_000;
        let now_ms = 5_000_010 + 2_000 - 1_000 - 60_000;
        let by = scene.step(2_000, now_ms).expect("a step");
        assert!((-60_020..-59_950).contains(&by), "{by}");
    }

    /// What it was set by is not known well enough.
    #[test]
    fn an_answer_that_took_too_long_tells_of_no_step() {
        let mut scene = Scene::new();
        scene.step(0, 1_000_010);
        let (_, step) = scene.hear(1_000, 6_000, 1_004_000 + HOUR);
        assert_eq!(step, None);
        let by = scene.step(8_000, 1_008_010 + HOUR).expect("a step");
        assert!(by.abs_diff(HOUR.cast_signed()) < 50, "{by}");
    }

    /// Each too short to be noticed.
    #[test]
    fn small_steps_ahead_add_up() {
        let mut scene = Scene::new();
        scene.step(0, 1_000_010);
        let told = (1..5).find_map(|step| scene.step(1_000 * step, 1_000_010 + 1_060 * step));
        assert!(told.is_some_and(|by| by >= 120), "{told:?}");
    }

    #[test]
    fn the_steady_time_is_known_as_well_as_by_the_quickest_answers() {
        let mut scene = Scene::new();
        scene.hear(0, 2_000, 1_000_010);
        scene.hear(3_000, 20, 1_003_010);
        scene.hear(4_000, 3_000, 1_004_500);
        let (earliest, latest) = scene.steady(8_000);
        assert!(
            earliest <= 1_008_000 && latest >= 1_008_000 && latest - earliest < 40,
            "{earliest} {latest}"
        );
    }

    #[test]
    fn what_another_worker_has_told_is_not_told_again() {
        let mut scene = Scene::new();
        scene.step(0, 1_000_000);
        scene.shift_ms = 3_600_000;
        for asked in [1_000, 2_000] {
            assert_eq!(scene.step(asked, 1_000_000 + HOUR + asked), None);
        }
    }

    /// This one had noticed it, too, and by a slower answer.
    #[test]
    fn nor_where_that_one_was_faster() {
        let mut scene = Scene::new();
        scene.step(0, 1_000_010);
        let (_, step) = scene.hear(1_000, 800, 1_001_790 + HOUR);
        let step = step.expect("a step");
        assert!(step.by > 3_600_700, "{}", step.by);
        // What the other one has told.
        scene.shift_ms = 3_600_020;
        scene.steps.told(step, scene.shift_ms);
        assert_eq!(scene.step(3_000, 1_003_010 + HOUR), None);
    }

    #[test]
    fn what_others_have_not_told_is_told_as_long_as_they_have_not() {
        let mut scene = Scene::new();
        scene.step(0, 1_000_010);
        // Set twice, an hour and a minute, and only the hour was told.
        scene.shift_ms = 3_600_000;
        for asked in [1_000, 2_000] {
            let left = scene.step(asked, 1_060_010 + HOUR + asked).unwrap();
            assert!((60_000..60_050).contains(&left), "{left}");
        }
    }

    #[test]
    fn however_it_is_set_the_steady_time_goes_on_no_faster_than_time() {
        let mut scene = Scene::new();
        scene.step(0, 9_000_010);
        scene.tell(1_000, 9_001_010 + HOUR);
        scene.step(2_000, 9_002_010 + HOUR);
        scene.tell(3_000, 9_003_010);
        // Redis has forgotten all that it was set by.
        scene.shift_ms = 0;
        scene.step(4_000, 9_004_010 + HOUR);
        let (earliest, latest) = scene.steady(5_000);
        assert!(
            (9_004_800..=9_005_000).contains(&earliest) && (earliest..=9_005_050).contains(&latest),
            "{earliest} {latest}"
        );
    }

    #[test]
    fn a_worker_counts_nothing_that_it_has_not_seen_pass() {
        let mut scene = Scene::new();
        let lapse = |noticed_ms| {
            Some(Lapse {
                since_ms: 0,
                noticed_ms,
                lost_ms: 0,
                until_ms: 0,
            })
        };
        let mut known = |asked, now_ms, shift_ms, lapse| {
            (scene.shift_ms, scene.lapse) = (shift_ms, lapse);
            let (steady, _) = scene.hear(asked, 20, now_ms);
            (steady.since_ms, steady.lapse_ms)
        };
        assert_eq!(known(0, 1_000_000, 0, None), (1_000_000, 1_000_000));
        assert_eq!(known(1_000, 1_001_000, 0, lapse(1)).1, 1_001_000);
        let later = known(2_000, 1_002_000, 0, lapse(1));
        assert_eq!(later, (1_000_000, 1_001_000));
        // It was set before this worker was started, and that is told only now.
        let later = known(3_000, 1_003_000, 600_000, lapse(1));
        assert_eq!(later, (403_000, 403_000));
        // What is noticed with a step is dated by the time that has passed.
        let (_, lapse_ms) = known(4_000, 4_604_000, 600_000, lapse(2));
        assert!((404_000..404_100).contains(&lapse_ms), "{lapse_ms}");
    }

    #[test]
    fn between_its_two_moments_lies_the_time_that_the_answer_took() {
        let received = Instant::now();
        let seen = Seen {
            now_ms: 10_000,
            sent: received.checked_sub(Duration::from_secs(5)).unwrap(),
            received,
        };
        let (steady, _) = Steps::default().notice(seen, 0, None);
        let (earliest, latest) = (steady.earliest_ms(), steady.latest_ms());
        assert!(
            earliest >= 10_000 && latest >= earliest + 5_000,
            "{earliest} {latest}"
        );
    }
}
