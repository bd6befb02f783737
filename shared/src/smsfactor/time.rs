//! The API's times: those of Paris, to the second.

use jiff::Timestamp;

/// Where times without an offset are told.
const ZONE: &str = "Europe/Paris";
const FORM: &str = "%Y-%m-%d %H:%M:%S";

/// A moment as the API writes it. `None` where nobody knows the time of Paris: the machine has no table of time zones.
pub(super) fn written(moment: Timestamp) -> Option<String> {
    let there = moment.in_tz(ZONE).ok()?;
    Some(there.strftime(FORM).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_paris() {
        for (moment, told) in [
            ("2026-07-01T10:00:00Z", "2026-07-01 12:00:00"),
            ("2026-12-01T09:00:00+02:00", "2026-12-01 08:00:00"),
            // The hour that comes twice.
            ("2026-10-25T00:30:00Z", "2026-10-25 02:30:00"),
            ("2026-10-25T01:30:00Z", "2026-10-25 02:30:00"),
        ] {
            assert_eq!(written(moment.parse().unwrap()).as_deref(), Some(told));
        }
    }
}
