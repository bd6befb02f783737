//! The server's clock: wall time that never steps.
//!
//! Quotas and the ledger need times that only grow, and readers want a date: so the wall clock is read once, at the start, and
//! the monotonic one carries it on.

use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

/// A moment on the sandbox's clock, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment this many microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch, rounded down.
    pub const fn millis(self) -> u64 {
        self.0 / 1_000
    }

    /// The moment that lies `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// The moment that lies `span` earlier.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// How long `earlier` lies before this moment; zero if it does not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// As the API writes dates: `2021-08-31T09:59:41.937Z`.
    pub fn rfc3339(self) -> String {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_microsecond(micros).map_or_else(|_| self.0.to_string(), rfc3339)
    }
}

impl Moment {
    /// As HTTP writes dates: `Tue, 31 Aug 2021 09:59:41 GMT`.
    pub(crate) fn http_date(self) -> Option<String> {
        let micros = i64::try_from(self.0).ok()?;
        let timestamp = jiff::Timestamp::from_microsecond(micros).ok()?;
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        printer.timestamp_to_rfc9110_string(&timestamp).ok()
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rfc3339())
    }
}

/// A timestamp as the API writes dates, with milliseconds: `2021-08-31T09:59:41.937Z`.
pub(super) fn rfc3339(timestamp: jiff::Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Microseconds of a span; spans beyond 584,000 years count as that.
pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// Tells the time.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Moment,
    origin: Instant,
}

impl Clock {
    /// So far ahead of the wall clock, or behind it.
    pub(crate) fn start(ahead: jiff::SignedDuration) -> Self {
        let micros = (jiff::Timestamp::now() + ahead).as_microsecond();
        Self {
            wall: Moment(u64::try_from(micros).unwrap_or(0)),
            origin: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.wall.plus(self.origin.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_the_api_writes_dates() {
        assert_eq!(
            Moment::from_micros(1_630_403_981_937_999).rfc3339(),
            "2021-08-31T09:59:41.937Z"
        );
        assert_eq!(Moment::from_micros(0).rfc3339(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_moment_reads_as_http_writes_dates() {
        let moment = Moment::from_micros(1_630_403_981_937_999);
        let date = moment.http_date().unwrap();
        assert_eq!(date, "Tue, 31 Aug 2021 09:59:41 GMT");
    }

    #[test]
    fn the_clock_never_goes_back() {
        let clock = Clock::start(jiff::SignedDuration::ZERO);
        let times: Vec<Moment> = (0..1_000).map(|_| clock.now()).collect();
        assert!(times.is_sorted());
    }
}
