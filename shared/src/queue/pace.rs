//! What a lane's jobs have cost lately: how many calls, and how long each took.

use std::collections::BTreeMap;

use super::settle::Settlement;
use crate::{job::state::Ending, span::millis};

/// What a call takes before any was made: a guess.
const GUESS_MS: u64 = 200;
/// So many jobs tell enough; fewer are taken together with one that is guessed.
const ENOUGH: u64 = 10;

/// Jobs ended and calls made for them, of the lane's last thousand or so; it stands in the lane's hash, written by `count_pace` in
/// `part/ledger.lua`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    jobs: u64,
    calls: u64,
    /// The calls after which a job waited for another attempt.
    failed: u64,
    /// The time that all calls took.
    took_ms: u64,
}

impl Default for Pace {
    /// A guess: one job with one call.
    fn default() -> Self {
        Self {
            jobs: 1,
            calls: 1,
            failed: 0,
            took_ms: GUESS_MS,
        }
    }
}

impl Pace {
    /// What stands in the lane's hash; where that is no pace, as if nothing did.
    pub(super) fn read(text: &str) -> Self {
        let numbers = text.split('/').map_while(|number| number.parse().ok());
        let guess = Self::default();
        match numbers.collect::<Vec<u64>>()[..] {
            [jobs, calls, failed, took_ms] if jobs >= ENOUGH && calls > 0 => Self {
                jobs,
                calls,
                failed: failed.min(calls),
                took_ms,
            },
            [jobs, calls, failed, took_ms] => Self {
                jobs: guess.jobs.saturating_add(jobs),
                calls: guess.calls.saturating_add(calls),
                failed: failed.min(calls),
                took_ms: guess.took_ms.saturating_add(took_ms),
            },
            _ => guess,
        }
    }

    /// The calls that so many jobs need until all have ended.
    pub fn calls_for(&self, jobs: u64) -> u64 {
        share(jobs, self.calls, self.jobs)
    }

    /// The calls that so many jobs need until each has ended or waits for another attempt: for that it goes behind whatever is due by then.
    pub fn first_calls_for(&self, jobs: u64) -> u64 {
        share(jobs, self.calls - self.failed, self.jobs)
    }

    /// What one call takes in the mean, in milliseconds.
    pub fn call_ms(&self) -> u64 {
        self.took_ms / self.calls
    }

    /// What so many jobs take one after another, in milliseconds.
    pub fn jobs_ms(&self, jobs: u64) -> u64 {
        share(jobs, self.took_ms, self.jobs)
    }
}

fn share(jobs: u64, sum: u64, of: u64) -> u64 {
    let share = u128::from(jobs) * u128::from(sum) / u128::from(of);
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// What each lane's deliveries add to its pace: jobs ended, calls made, those of them after which a job waits for another attempt, and the
/// milliseconds that they took.
pub(super) fn of_lanes(settlements: &[Settlement]) -> BTreeMap<&str, [u64; 4]> {
    let mut paces: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    let riders = settlements.iter().flat_map(|leader| &leader.riders);
    for settlement in settlements.iter().chain(riders) {
        let ending = &settlement.transition.ending;
        let ended = matches!(ending, Ending::Done { .. } | Ending::Dead { .. });
        let waits = matches!(ending, Ending::Back { after, .. } if !after.is_zero());
        let calls = u64::from(settlement.calls);
        let failed = if waits { calls } else { 0 };
        let added = [ended.into(), calls, failed, millis(settlement.took)];
        let pace = paces.entry(settlement.reference.lane().as_str());
        let sums = pace.or_default().iter_mut().zip(added);
        sums.for_each(|(sum, number)| *sum += number);
    }
    paces
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn a_lane_that_has_never_run_is_guessed() {
        for nothing in ["", "1/2/3", "a/b/c/d", "1/2/3/4/5"] {
            let pace = Pace::read(nothing);
            assert_eq!((pace.calls_for(7), pace.call_ms()), (7, 200), "{nothing}");
        }
    }

    #[test]
    fn few_jobs_say_little() {
        let pace = Pace::read("1/2/0/400");
        assert_eq!((pace.calls_for(100), pace.call_ms()), (150, 200));
        let failing = Pace::read("0/99/99/0");
        assert_eq!((failing.calls_for(1), failing.first_calls_for(1)), (100, 1));
        let nothing = Pace::read("20/0/0/0");
        assert_eq!((nothing.calls_for(21), nothing.call_ms()), (1, 200));
    }

    #[test]
    fn many_jobs_say_enough() {
        let pace = Pace::read("1000/2000/0/100000");
        assert_eq!((pace.calls_for(500), pace.call_ms()), (1000, 50));
        assert_eq!(pace.jobs_ms(500), 50_000);
        let merged = Pace::read("1000/10/0/5000");
        assert_eq!((merged.calls_for(500), merged.call_ms()), (5, 500));
    }

    #[test]
    fn other_attempts_are_not_before_whoever_is_due() {
        let pace = Pace::read("100/120/20/0");
        assert_eq!((pace.calls_for(100), pace.first_calls_for(100)), (120, 100));
    }

    #[test]
    fn what_is_too_much_is_the_most() {
        let pace = Pace::read(&format!("10/{}/0/0", u64::MAX));
        assert_eq!(pace.calls_for(u64::MAX), u64::MAX);
    }
}
