//! The quotas, counted per tenant at the moment of arrival.
//!
//! Every call counts, whatever it comes to, but one refused for the quota itself: it consumes nothing. Counting is exact: the
//! times of the calls that still count are kept, never more than the quota has calls.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::clock::{Moment, micros};
use super::options::{Quota, Terms, Window};

/// What a tenant has left at the moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meter {
    pub(crate) terms: Terms,
    pub(crate) burst_left: u32,
    pub(crate) daily_left: u32,
    /// How long until a call would be let in, where this one was not.
    pub(crate) refused_for: Option<Duration>,
}

/// Every tenant's counters.
#[derive(Debug)]
pub(crate) struct Quotas {
    terms: Terms,
    tenants: HashMap<Arc<str>, Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    burst: Counter,
    daily: Counter,
}

impl Quotas {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            tenants: HashMap::new(),
        }
    }

    pub(crate) const fn terms(&self) -> Terms {
        self.terms
    }

    /// Puts other terms in force. What was counted stays counted; a longer window starts with what the shorter one still knew.
    pub(crate) const fn set_terms(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// Counts a call of this tenant, or refuses it, when either quota is used up.
    pub(crate) fn take(&mut self, tenant: &Arc<str>, now: Moment) -> Meter {
        let Terms {
            burst,
            daily,
            window,
        } = self.terms;
        let counters = self.tenants.entry(Arc::clone(tenant)).or_default();
        let wait = [
            counters.burst.wait(burst, window, now),
            counters.daily.wait(daily, window, now),
        ]
        .into_iter()
        .flatten()
        .max();
        if wait.is_none() {
            counters.burst.times.push_back(now);
            counters.daily.times.push_back(now);
        }
        Meter {
            terms: self.terms,
            burst_left: counters.burst.left(burst),
            daily_left: counters.daily.left(daily),
            refused_for: wait,
        }
    }
}

/// The times of the calls that still count against one quota.
#[derive(Debug, Default)]
struct Counter {
    times: VecDeque<Moment>,
}

impl Counter {
    /// How long until this quota has room; none if it has now.
    fn wait(&mut self, quota: Quota, window: Window, now: Moment) -> Option<Duration> {
        let start = first_that_counts(quota, window, now);
        while self.times.front().is_some_and(|time| *time < start) {
            self.times.pop_front();
        }
        let excess = self.times.len().checked_sub(quota.calls as usize)?;
        let frees = match window {
            // After a quota was lowered, more than one has to leave.
            Window::Sliding => self.times[excess].plus(quota.window),
            Window::Fixed => start.plus(quota.window),
        };
        Some(frees.since(now))
    }

    fn left(&self, quota: Quota) -> u32 {
        quota
            .calls
            .saturating_sub(u32::try_from(self.times.len()).unwrap_or(u32::MAX))
    }
}

/// The first moment whose calls count against a call made now.
fn first_that_counts(quota: Quota, window: Window, now: Moment) -> Moment {
    match window {
        Window::Sliding => now.minus(quota.window).plus(Duration::from_micros(1)),
        Window::Fixed => {
            let length = micros(quota.window);
            Moment::from_micros(now.micros() / length * length)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(burst: &str, daily: &str, window: Window) -> Terms {
        Terms {
            burst: burst.parse().unwrap(),
            daily: Quota::daily(daily).unwrap(),
            window,
        }
    }

    fn at(millis: u64) -> Moment {
        Moment::from_micros(1_700_000_000_000_000 + millis * 1_000)
    }

    #[test]
    fn a_sliding_window_frees_a_call_exactly_one_window_later() {
        let mut quotas = Quotas::new(terms("2/10s", "1000", Window::Sliding));
        let tenant: Arc<str> = "t".into();
        assert_eq!(quotas.take(&tenant, at(0)).burst_left, 1);
        assert_eq!(quotas.take(&tenant, at(4_000)).burst_left, 0);
        assert_eq!(
            quotas.take(&tenant, at(9_000)).refused_for,
            Some(Duration::from_secs(1))
        );
        assert_eq!(quotas.take(&tenant, at(10_000)).refused_for, None);
        assert_eq!(
            quotas.take(&tenant, at(10_000)).refused_for,
            Some(Duration::from_secs(4))
        );
    }

    #[test]
    fn a_fixed_window_frees_all_at_its_boundary() {
        let mut quotas = Quotas::new(terms("2/10s", "1000", Window::Fixed));
        let tenant: Arc<str> = "t".into();
        quotas.take(&tenant, at(9_000));
        quotas.take(&tenant, at(9_500));
        assert_eq!(
            quotas.take(&tenant, at(9_999)).refused_for,
            Some(Duration::from_millis(1))
        );
        assert_eq!(quotas.take(&tenant, at(10_000)).burst_left, 1);
    }

    #[test]
    fn a_refusal_consumes_nothing_of_either_quota() {
        let mut quotas = Quotas::new(terms("1/10s", "2", Window::Sliding));
        let tenant: Arc<str> = "t".into();
        assert_eq!(quotas.take(&tenant, at(0)).daily_left, 1);
        assert_eq!(quotas.take(&tenant, at(1)).daily_left, 1);
        assert_eq!(quotas.take(&tenant, at(10_000)).daily_left, 0);
        let refused = quotas.take(&tenant, at(20_000));
        assert_eq!(
            (refused.burst_left, refused.refused_for),
            (1, Some(Duration::from_secs(86_380)))
        );
    }

    #[test]
    fn tenants_do_not_share() {
        let mut quotas = Quotas::new(terms("1/10s", "10", Window::Sliding));
        assert_eq!(quotas.take(&"a".into(), at(0)).refused_for, None);
        assert_eq!(quotas.take(&"b".into(), at(0)).refused_for, None);
    }

    #[test]
    fn a_lowered_quota_counts_what_was_already_taken() {
        let mut quotas = Quotas::new(terms("5/10s", "100", Window::Sliding));
        let tenant: Arc<str> = "t".into();
        for second in 0..5 {
            quotas.take(&tenant, at(second * 1_000));
        }
        quotas.set_terms(terms("2/10s", "100", Window::Sliding));
        let refused = quotas.take(&tenant, at(5_000));
        assert_eq!(
            (refused.burst_left, refused.refused_for),
            (0, Some(Duration::from_secs(8)))
        );
    }

    proptest! {
        #[test]
        fn no_sliding_window_ever_holds_more_than_the_quota(gaps in prop::collection::vec(0_u64..400, 1..200), calls in 1_u32..8) {
            let mut quotas = Quotas::new(terms(&format!("{calls}/1s"), "100000", Window::Sliding));
            let tenant: Arc<str> = "t".into();
            let mut time = 0;
            let mut let_in = Vec::new();
            for gap in gaps {
                time += gap;
                let in_window = let_in.iter().filter(|then| time - **then < 1_000).count();
                let refused = quotas.take(&tenant, at(time)).refused_for;
                prop_assert_eq!(refused.is_some(), in_window >= calls as usize);
                if refused.is_none() {
                    let_in.push(time);
                }
            }
        }
    }
}
