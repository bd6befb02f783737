//! How far the API's clock is ahead of Redis', as the `Date` of its answers tells.

use jiff::Timestamp;
use parking_lot::Mutex;

/// The last measure, ms; a date has whole seconds, and its answer was some time on the way.
#[derive(Debug, Default)]
pub struct Offset(Mutex<Option<i64>>);

impl Offset {
    /// An answer that was asked for and came at these moments of Redis' clock says what time it is.
    pub fn measure(&self, date: Timestamp, asked_ms: u64, came_ms: u64) {
        let between = asked_ms.midpoint(came_ms).cast_signed();
        // Somewhere in that second.
        let there = date.as_millisecond().saturating_add(500);
        *self.0.lock() = Some(there.saturating_sub(between));
    }

    /// What the API's clock shows at this moment of Redis'; `None` as long as it has not told.
    pub fn there(&self, here_ms: u64) -> Option<u64> {
        let offset = *self.0.lock();
        here_ms.checked_add_signed(offset?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_counts() {
        let offset = Offset::default();
        assert_eq!(offset.there(1_000), None);
        let date = Timestamp::from_second(3_600).unwrap();
        offset.measure(date, 1_000, 2_000);
        assert_eq!(offset.there(1_500), Some(3_600_500));
        offset.measure(date, 7_200_000, 7_202_000);
        assert_eq!(offset.there(7_201_000), Some(3_600_500));
    }
}
