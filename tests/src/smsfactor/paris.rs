//! Times as the API writes them: local time of Paris.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use crate::sandbox::Moment;

/// The rule of Paris, spelt out: the machine may have no table of time zones.
const RULE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const STAMP: &str = "%Y-%m-%d %H:%M:%S";

fn zone() -> TimeZone {
    TimeZone::posix(RULE).unwrap_or(TimeZone::UTC)
}

fn local(moment: Moment) -> ZonedDateTime {
    let micros = i64::try_from(moment.micros()).unwrap_or(i64::MAX);
    let timestamp = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    timestamp.to_zoned_datetime(zone())
}

/// As lists and reports write times: `2024-08-06 10:06:05`.
pub(super) fn stamp(moment: Moment) -> String {
    local(moment).strftime(STAMP).to_string()
}

/// As webhooks write times: `2024-11-21T09:42:27+01:00`.
pub(super) fn offset(moment: Moment) -> String {
    local(moment).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Reads a time as `stamp` writes it. Before the epoch counts as the epoch.
pub(super) fn read(text: &str) -> Option<Moment> {
    let local = DateTime::strptime(STAMP, text).ok()?;
    let timestamp = zone().to_timestamp(local).ok()?;
    let micros = u64::try_from(timestamp.as_microsecond()).unwrap_or(0);
    Some(Moment::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_paris() {
        let (summer, winter) = (1_722_931_565_000_000, 1_732_178_547_000_000);
        let (summer, winter) = (Moment::from_micros(summer), Moment::from_micros(winter));
        assert_eq!(stamp(summer), "2024-08-06 10:06:05");
        assert_eq!(offset(winter), "2024-11-21T09:42:27+01:00");
        assert_eq!(read("2024-08-06 10:06:05"), Some(summer));
        for text in ["2024-08-06T10:06:05Z", "2024-13-01 00:00:00", "soon", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
