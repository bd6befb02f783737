//! Moments as they are shown.

use jiff::Timestamp;

/// Milliseconds of Redis' clock as RFC 3339 in UTC: `2026-12-01T09:00:00Z`.
pub(crate) fn moment(ms: u64) -> String {
    let at = i64::try_from(ms).ok().map(Timestamp::from_millisecond);
    match at {
        Some(Ok(at)) => at.to_string(),
        // Later than the year 9999: nobody waits for it.
        _ => Timestamp::MAX.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn moments_are_rfc_3339() {
        assert_eq!(moment(1_796_115_600_000), "2026-12-01T09:00:00Z");
        assert_eq!(moment(1_796_115_600_250), "2026-12-01T09:00:00.25Z");
        assert!(moment(u64::MAX).starts_with("9999-12-"));
    }
}
