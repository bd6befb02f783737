//! When a failed job is tried again.

use std::time::Duration;

/// Delays between attempts: exponential, with full jitter, so that jobs that failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The upper bound of the first delay.
    pub first: Duration,
    /// The upper bound of any delay.
    pub longest: Duration,
}

impl Backoff {
    /// The delay after failed attempt number `attempt` (from 1); `jitter` is uniform in 0..1 and passed in, so that the result is a function of its arguments.
    pub fn delay(&self, attempt: u32, jitter: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(40);
        let bound = self
            .first
            .checked_mul(1_u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX))
            .unwrap_or(self.longest)
            .min(self.longest);
        bound.mul_f64(jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(600),
    };

    #[test]
    fn doubles_up_to_the_longest() {
        let at = |attempt| BACKOFF.delay(attempt, 1.0).as_secs();
        assert_eq!(
            [at(1), at(2), at(3), at(10), at(11), at(1000)],
            [1, 2, 4, 512, 600, 600]
        );
    }

    #[test]
    fn jitter_covers_the_whole_range() {
        assert_eq!(BACKOFF.delay(3, 0.0), Duration::ZERO);
        assert_eq!(BACKOFF.delay(3, 0.5), Duration::from_secs(2));
        assert_eq!(BACKOFF.delay(3, f64::NAN.max(7.0)), Duration::from_secs(4));
    }
}
