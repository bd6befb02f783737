//! How many calls an account may make in a window of time: one type, parsed once, which feeds the
//! permit ledger in Redis and the limiter in each worker alike.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    job::Destination,
    span::{self, SpanError},
};

/// At most this many calls in any window of this length.
///
/// Written `CALLS/WINDOW`, such as `100/10s` or `200000/1d`; serialised as that text.
///
/// # Examples
/// ```
/// use penstock_shared::quota::Quota;
/// let quota: Quota = "100/10s".parse().unwrap();
/// assert_eq!(quota.calls().get(), 100);
/// assert_eq!(quota.to_string(), "100/10s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quota {
    calls: NonZeroU32,
    window: Duration,
}

/// Why something is not a quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// Not of the form `CALLS/WINDOW`.
    #[error("a quota is written CALLS/WINDOW, such as `100/10s`")]
    Form,
    /// The number of calls is not within 1 to [`Quota::MAX_CALLS`].
    #[error("a quota's calls are a whole number from 1 to {}", Quota::MAX_CALLS)]
    Calls,
    /// The window cannot be read.
    #[error("a quota's window cannot be read: {0}")]
    Span(#[from] SpanError),
    /// The window is shorter or longer than allowed, or not in whole milliseconds.
    #[error("a quota's window is a whole number of milliseconds from 1s to 7d")]
    Window,
}

impl Quota {
    /// The most calls that a quota may allow in its window.
    pub const MAX_CALLS: u32 = 10_000_000;
    /// The shortest window.
    pub const MIN_WINDOW: Duration = Duration::from_secs(1);
    /// The longest window.
    pub const MAX_WINDOW: Duration = Duration::from_secs(7 * 86_400);

    /// A quota, if both of its parts make sense.
    pub fn new(calls: u32, window: Duration) -> Result<Self, QuotaError> {
        let calls = NonZeroU32::new(calls)
            .filter(|calls| calls.get() <= Self::MAX_CALLS)
            .ok_or(QuotaError::Calls)?;
        let in_range = (Self::MIN_WINDOW..=Self::MAX_WINDOW).contains(&window);
        if !in_range || !window.subsec_nanos().is_multiple_of(1_000_000) {
            return Err(QuotaError::Window);
        }
        Ok(Self { calls, window })
    }

    const fn most(window: Duration) -> Self {
        let calls = NonZeroU32::MIN.saturating_add(Self::MAX_CALLS - 1);
        Self { calls, window }
    }

    /// The most calls in one window.
    pub fn calls(self) -> NonZeroU32 {
        self.calls
    }

    /// The length of the window, in whole milliseconds.
    pub fn window(self) -> Duration {
        self.window
    }

    /// Whether whoever keeps to this quota keeps to the other one too.
    fn implies(self, other: Self) -> bool {
        let windows = other.window.as_nanos().div_ceil(self.window.as_nanos());
        windows.saturating_mul(self.calls.get().into()) <= other.calls.get().into()
    }

    /// The quota that keeps both: what an API announces replaces what is configured only downwards.
    ///
    /// Its window is never shorter than this one's: calls made before the announcement would be over too early for this quota.
    #[must_use]
    pub fn stricter(self, told: Self) -> Self {
        if self.implies(told) {
            self
        } else {
            Self {
                calls: self.calls.min(told.calls),
                window: self.window.max(told.window),
            }
        }
    }

    /// The same quota for governor: a burst of all the calls, refilled over the window.
    ///
    /// Whatever keeps to this quota in every window conforms to it, so that the limiter never
    /// holds back a call that the ledger allowed.
    pub fn governor(self) -> governor::Quota {
        // Division rounds the interval down, that is to the lenient side: calls × interval never
        // exceeds the window. It is at least 100 ns (1 s for 10,000,000 calls), never zero.
        let interval = (self.window / self.calls.get()).max(Duration::from_nanos(1));
        governor::Quota::with_period(interval)
            .unwrap_or_else(|| governor::Quota::per_second(self.calls))
            .allow_burst(self.calls)
    }
}

/// The quotas of all destinations that a worker knows, each for a short window and a longer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// Those of GHL.
    pub ghl: (Quota, Quota),
    /// Those of others.
    pub elsewhere: BTreeMap<Destination, (Quota, Quota)>,
}

impl Quotas {
    /// The quotas of what calls nobody: as many as there may be, in a second and in a day.
    pub const UNLIMITED: (Quota, Quota) = (
        Quota::most(Duration::from_secs(1)),
        Quota::most(Duration::from_secs(86_400)),
    );
}

/// Of a worker that calls nobody else: what calls nobody at all is anybody's.
impl From<(Quota, Quota)> for Quotas {
    fn from(ghl: (Quota, Quota)) -> Self {
        Self {
            ghl,
            elsewhere: BTreeMap::from([(Destination::FLOW, Self::UNLIMITED)]),
        }
    }
}

/// What the `X-RateLimit-…` headers say. The API has no header for when a window ends. Values that
/// cannot be are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateReport {
    /// Calls in the short window (`X-RateLimit-Max`).
    pub burst_limit: Option<u32>,
    /// Calls left in the short window (`X-RateLimit-Remaining`).
    pub burst_remaining: Option<u32>,
    /// The length of the short window (`X-RateLimit-Interval-Milliseconds`).
    pub interval: Option<Duration>,
    /// Calls in a day (`X-RateLimit-Limit-Daily`).
    pub daily_limit: Option<u32>,
    /// Calls left of the day (`X-RateLimit-Daily-Remaining`).
    pub daily_remaining: Option<u32>,
}

impl FromStr for Quota {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let (calls, window) = text.split_once('/').ok_or(QuotaError::Form)?;
        let calls = calls.trim();
        if !calls.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(QuotaError::Calls);
        }
        let calls = calls.parse().map_err(|_| QuotaError::Calls)?;
        Self::new(calls, span::parse(window)?)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.calls, span::render(self.window))
    }
}

impl TryFrom<String> for Quota {
    type Error = QuotaError;

    fn try_from(text: String) -> Result<Self, QuotaError> {
        text.parse()
    }
}

impl From<Quota> for String {
    fn from(quota: Quota) -> Self {
        quota.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::{
        RateLimiter,
        clock::{Clock, FakeRelativeClock},
    };
    use proptest::prelude::*;

    fn quota(text: &str) -> Quota {
        text.parse().unwrap()
    }

    fn any_quota() -> impl Strategy<Value = Quota> {
        (1..=Quota::MAX_CALLS, 1_000_u64..=604_800_000)
            .prop_map(|(calls, millis)| Quota::new(calls, Duration::from_millis(millis)).unwrap())
    }

    #[test]
    fn reads_and_writes_the_documented_defaults() {
        for (text, calls, window) in [
            ("100/10s", 100, Duration::from_secs(10)),
            ("200000/1d", 200_000, Duration::from_secs(86_400)),
            ("7/1500ms", 7, Duration::from_millis(1_500)),
        ] {
            assert_eq!(Quota::new(calls, window), Ok(quota(text)));
            assert_eq!(quota(text).to_string(), text);
        }
    }

    #[test]
    fn nonsense_cannot_be_constructed() {
        for (text, error) in [
            ("100", QuotaError::Form),
            ("0/10s", QuotaError::Calls),
            ("10000001/10s", QuotaError::Calls),
            ("-1/10s", QuotaError::Calls),
            ("+1/10s", QuotaError::Calls),
            ("/10s", QuotaError::Calls),
            ("1/999ms", QuotaError::Window),
            ("1/8d", QuotaError::Window),
        ] {
            assert_eq!(text.parse::<Quota>(), Err(error), "{text}");
        }
        assert!(matches!("1/ten".parse::<Quota>(), Err(QuotaError::Span(_))));
        let fine = Duration::from_secs(1) + Duration::from_nanos(1);
        assert_eq!(Quota::new(1, fine), Err(QuotaError::Window));
    }

    #[test]
    fn the_stricter_of_two_keeps_both() {
        for (own, told, kept) in [
            ("100/10s", "100/10s", "100/10s"),
            ("100/10s", "40/10s", "40/10s"),
            ("40/10s", "100/10s", "40/10s"),
            // Fifty in five seconds are a hundred in ten.
            ("50/5s", "100/10s", "50/5s"),
            // These would do, but not after a hundred within the five seconds before.
            ("100/10s", "50/5s", "50/10s"),
            ("60/5s", "100/10s", "60/10s"),
            ("1/7d", "100/10s", "1/7d"),
        ] {
            assert_eq!(
                quota(own).stricter(quota(told)),
                quota(kept),
                "{own}, {told}"
            );
        }
    }

    #[test]
    fn governor_allows_the_burst_and_no_more() {
        let clock = FakeRelativeClock::default();
        let limiter = RateLimiter::direct_with_clock(quota("100/10s").governor(), clock.clone());
        assert_eq!((0..200).filter(|_| limiter.check().is_ok()).count(), 100);
        clock.advance(Duration::from_secs(10));
        assert_eq!((0..100).filter(|_| limiter.check().is_ok()).count(), 100);
    }

    proptest! {
        #[test]
        fn text_and_json_round_trip(quota in any_quota()) {
            prop_assert_eq!(quota.to_string().parse::<Quota>(), Ok(quota));
            let json = serde_json::to_string(&quota).unwrap();
            prop_assert_eq!(serde_json::from_str::<Quota>(&json).unwrap(), quota);
        }

        /// Calls as the ledger allows them (the N-th last at least a window ago) all pass governor.
        #[test]
        fn what_keeps_to_the_quota_conforms(
            calls in 1_u32..20,
            millis in 1_000_u64..20_000,
            gaps in proptest::collection::vec(0_u64..3_000_000_000, 1..200),
        ) {
            let quota = Quota::new(calls, Duration::from_millis(millis)).unwrap();
            let window = u64::try_from(quota.window().as_nanos()).unwrap();
            let clock = FakeRelativeClock::default();
            let limiter = RateLimiter::direct_with_clock(quota.governor(), clock.clone());
            let mut sent: Vec<u64> = Vec::new();
            let mut now = 0;
            for gap in gaps {
                let free = sent.iter().rev().nth(calls as usize - 1).map_or(0, |at| at + window);
                let next = (now + gap).max(free);
                clock.advance(Duration::from_nanos(next - now));
                now = next;
                sent.push(now);
                prop_assert!(limiter.check().is_ok(), "refused at {now} by {:?}", clock.now());
            }
        }
    }
}
