//! The API's times: those of Paris, to the second.

use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};

/// The rule of Paris, spelt out: a machine may have no table of time zones, and what is sent late by an hour or at once for that is sent wrongly.
const RULE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const FORM: &str = "%Y-%m-%d %H:%M:%S";

/// Where times without an offset are told.
pub(crate) fn zone() -> TimeZone {
    // The rule is one: a test reads it.
    TimeZone::posix(RULE).unwrap_or(TimeZone::UTC)
}

/// A moment by the clocks there.
pub(crate) fn there(moment: Timestamp) -> ZonedDateTime {
    moment.to_zoned_datetime(zone())
}

/// A moment as the API writes it.
pub(crate) fn written(moment: Timestamp) -> String {
    there(moment).strftime(FORM).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_paris() {
        assert!(TimeZone::posix(RULE).is_ok());
        for (moment, told) in [
            ("2026-07-01T10:00:00Z", "2026-07-01 12:00:00"),
            ("2026-12-01T09:00:00+02:00", "2026-12-01 08:00:00"),
            // The hour that is left out.
            ("2026-03-29T00:59:59Z", "2026-03-29 01:59:59"),
            ("2026-03-29T01:00:00Z", "2026-03-29 03:00:00"),
            // The hour that comes twice.
            ("2026-10-25T00:30:00Z", "2026-10-25 02:30:00"),
            ("2026-10-25T01:30:00Z", "2026-10-25 02:30:00"),
        ] {
            assert_eq!(written(moment.parse().unwrap()), told);
        }
    }
}
