//! What the API's clock shows, as the `Date` of its answers tells, against the monotonic one: nobody sets that.

use std::{collections::VecDeque, time::Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use penstock_shared::span::millis;

use crate::readback::CLOCKS;

/// So many answers are remembered: one that is wrong is contradicted by the others.
const REMEMBERED: usize = 5;
/// A date has whole seconds: it was told somewhere in its own.
const SECOND: i64 = 1_000;

/// The last answers' dates.
#[derive(Debug)]
pub struct Offset {
    /// What the dates are reckoned back to.
    origin: Instant,
    readings: Mutex<VecDeque<Reading>>,
}

/// What the API's clock showed at the origin by one answer, ms: it was some time on the way.
#[derive(Debug, Clone, Copy)]
struct Reading {
    least: i64,
    most: i64,
}

impl Reading {
    /// Those of several answers contradict each other if they leave nothing between them.
    fn agree(&self) -> bool {
        self.least.saturating_sub(self.most) <= signed(millis(CLOCKS))
    }
}

impl Default for Offset {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            readings: Mutex::default(),
        }
    }
}

impl Offset {
    /// An answer that was asked for and came at these moments says what time it is.
    pub fn measure(&self, date: Timestamp, asked: Instant, came: Instant) {
        let date = date.as_millisecond();
        let mut readings = self.readings.lock();
        if readings.len() == REMEMBERED {
            readings.pop_front();
        }
        readings.push_back(Reading {
            least: date.saturating_sub(self.since(came)),
            most: date
                .saturating_add(SECOND)
                .saturating_sub(self.since(asked)),
        });
    }

    /// What the API's clock shows at this moment, ms; `None` as long as it has not told, and while its answers contradict each other.
    pub fn there(&self, at: Instant) -> Option<u64> {
        let there = self.at_origin()?.saturating_add(self.since(at));
        u64::try_from(there).ok()
    }

    fn at_origin(&self) -> Option<i64> {
        let all = self.all()?;
        // Of answers that all took long nobody knows when in that time they were dated.
        let is_known = all.most.saturating_sub(all.least) <= 2 * signed(millis(CLOCKS));
        (all.agree() && is_known).then(|| all.least.midpoint(all.most))
    }

    /// What all answers say together.
    fn all(&self) -> Option<Reading> {
        let readings = self.readings.lock();
        Some(Reading {
            least: readings.iter().map(|reading| reading.least).max()?,
            most: readings.iter().map(|reading| reading.most).min()?,
        })
    }

    fn since(&self, at: Instant) -> i64 {
        signed(millis(at.saturating_duration_since(self.origin)))
    }
}

/// What the API's clock showed at a moment, of what was noted then and what is known now: a note may come of a single wrong answer, and if the two
/// differ nobody knows.
pub fn agreed(noted: Option<u64>, known: Option<u64>) -> Option<u64> {
    let differ = noted
        .zip(known)
        .is_some_and(|(noted, known)| noted.abs_diff(known) > millis(CLOCKS));
    noted.or(known).filter(|_| !differ)
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: i64 = 3_600;

    fn after(offset: &Offset, s: u64) -> Instant {
        offset.origin + Duration::from_secs(s)
    }

    /// An answer that was asked for so many seconds after the origin, and took so many.
    fn answered(offset: &Offset, date_s: i64, asked: u64, took: u64) {
        let date = Timestamp::from_second(date_s).unwrap();
        offset.measure(date, after(offset, asked), after(offset, asked + took));
    }

    #[test]
    fn answers_tell_and_time_goes_on() {
        let offset = Offset::default();
        assert_eq!(offset.there(offset.origin), None);
        answered(&offset, HOUR, 10, 0);
        let there = |at| offset.there(after(&offset, at));
        assert_eq!(there(10), Some(3_600_500));
        assert_eq!(there(70), Some(3_660_500));
        // One that took long tells less, and contradicts nothing.
        answered(&offset, HOUR + 10, 20, 30);
        assert_eq!(there(10), Some(3_600_500));
    }

    #[test]
    fn an_answer_that_took_too_long_tells_nothing_by_itself() {
        let offset = Offset::default();
        answered(&offset, HOUR + 30, 10, 20);
        assert_eq!(offset.there(offset.origin), None);
        answered(&offset, HOUR + 30, 30, 0);
        assert_eq!(offset.there(after(&offset, 30)), Some(3_630_500));
    }

    #[test]
    fn what_was_noted_counts_unless_it_is_contradicted() {
        assert_eq!(agreed(None, None), None);
        assert_eq!(agreed(Some(5), None), Some(5));
        assert_eq!(agreed(None, Some(7)), Some(7));
        assert_eq!(agreed(Some(5), Some(10_005)), Some(5));
        assert_eq!(agreed(Some(5), Some(10_006)), None);
    }

    #[test]
    fn while_answers_contradict_each_other_nothing_is_known() {
        let offset = Offset::default();
        let there = || offset.there(offset.origin);
        answered(&offset, HOUR, 0, 0);
        answered(&offset, HOUR + 11, 0, 0);
        assert!(there().is_some());
        answered(&offset, 3 * HOUR, 0, 0);
        assert!(there().is_none());
        // Until it is forgotten.
        for s in 1..5 {
            answered(&offset, HOUR + s, s.unsigned_abs(), 0);
            assert_eq!(there(), None, "{s}");
        }
        answered(&offset, HOUR + 5, 5, 0);
        assert_eq!(there(), Some(3_600_500));
    }
}
