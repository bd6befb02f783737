//! How fast dead letters are sent again.

use std::{str::FromStr, time::Duration};

use penstock_shared::quota::Quota;

/// So many in a time, such as `5/s` or `100/10m`: at most one a millisecond, so that each has a moment of its own and their order stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    count: u32,
    window: Duration,
}

impl Pace {
    /// When the one with this number, from 0, becomes due, from now.
    pub(super) fn delay(self, number: u64) -> Duration {
        let ms = u128::from(number) * self.window.as_millis() / u128::from(self.count);
        Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // `5/s` is how people write `5/1s`.
        let full = match text.split_once('/') {
            Some((count, unit)) if unit.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                format!("{count}/1{unit}")
            }
            _ => text.to_owned(),
        };
        let quota: Quota = full
            .parse()
            .map_err(|_| "a rate is written COUNT/TIME, such as 5/s or 100/10m".to_owned())?;
        let (count, window) = (quota.calls().get(), quota.window());
        if u128::from(count) > window.as_millis() {
            return Err("a rate is at most 1000/s".to_owned());
        }
        Ok(Self { count, window })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(text: &str) -> Vec<u128> {
        let pace: Pace = text.parse().unwrap();
        (0..4)
            .map(|number| pace.delay(number).as_millis())
            .collect()
    }

    #[test]
    fn rates_space_evenly() {
        assert_eq!(delays("5/s"), [0, 200, 400, 600]);
        assert_eq!(delays("3/10s"), [0, 3333, 6666, 10_000]);
        assert_eq!(delays("1000/s"), [0, 1, 2, 3]);
        assert_eq!(delays("60/h"), [0, 60_000, 120_000, 180_000]);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "5", "5/", "/s", "0/s", "1001/s", "5/x", "-1/s"] {
            assert!(text.parse::<Pace>().is_err(), "{text}");
        }
    }
}
