//! What the response headers say about the pace: what is left of the quota, and when to return.

use std::{str::FromStr, time::Duration};

use http::{HeaderMap, header};
use jiff::{Timestamp, fmt::rfc2822};

use crate::quota::{Quota, RateReport};

/// A `Retry-After` beyond this is not believed: the caller probes instead.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// Reads the headers of any response.
pub(crate) fn report(headers: &HeaderMap) -> RateReport {
    let count = |name| number::<u32>(headers, name).filter(|count| *count <= Quota::MAX_CALLS);
    let limit = |name| count(name).filter(|count| *count > 0);
    let windows = Quota::MIN_WINDOW..=Quota::MAX_WINDOW;
    RateReport {
        burst_limit: limit("x-ratelimit-max"),
        burst_remaining: count("x-ratelimit-remaining"),
        interval: number(headers, "x-ratelimit-interval-milliseconds")
            .map(Duration::from_millis)
            .filter(|interval| windows.contains(interval)),
        daily_limit: limit("x-ratelimit-limit-daily"),
        daily_remaining: count("x-ratelimit-daily-remaining"),
    }
}

/// The window that the headers name, as a time to wait: an hour is the longest.
pub(crate) fn interval(headers: &HeaderMap) -> Option<Duration> {
    let interval = report(headers).interval?;
    Some(interval.min(LONGEST_RETRY_AFTER))
}

/// How long `Retry-After` asks to wait: seconds, or a date (RFC 9110, 10.2.3). A date is measured
/// from the response's own `Date`, else from `now`, so that a wrong clock here does no harm. A date
/// that has passed is no wait; an hour is the longest.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = text(headers, header::RETRY_AFTER.as_str())?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number can hold are still "very long".
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    }
    let now = date(headers).unwrap_or(now);
    let wait = moment(text)?.duration_since(now);
    let wait = Duration::try_from(wait).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// The server's clock as it answered.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    moment(text(headers, header::DATE.as_str())?)
}

/// The server's clock as it answered, if it has answered itself: a cache gives the date of when it asked.
pub(crate) fn own_date(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers).filter(|_| !headers.contains_key(header::AGE))
}

fn moment(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|date| date.timestamp())
}

fn number<T: FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    let text = text(headers, name)?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let entry = |(name, value): &(&'static str, &str)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        pairs.iter().map(entry).collect()
    }

    fn wait(pairs: &[(&'static str, &str)]) -> Option<u64> {
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        retry_after(&headers(pairs), now).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_documented_headers_are_read() {
        let report = report(&headers(&[
            ("x-ratelimit-limit-daily", "200000"),
            ("x-ratelimit-daily-remaining", "199000"),
            ("x-ratelimit-interval-milliseconds", "10000"),
            ("x-ratelimit-max", " 100 "),
            ("x-ratelimit-remaining", "0"),
        ]));
        let expected = RateReport {
            burst_limit: Some(100),
            burst_remaining: Some(0),
            interval: Some(Duration::from_secs(10)),
            daily_limit: Some(200_000),
            daily_remaining: Some(199_000),
        };
        assert_eq!(report, expected);
    }

    #[test]
    fn absurd_values_are_left_out() {
        for value in [
            "",
            "-1",
            "1e3",
            "ten",
            "99999999999999999999",
            "10000001",
            "0x10",
            "+5",
        ] {
            let report = report(&headers(&[
                ("x-ratelimit-max", value),
                ("x-ratelimit-remaining", value),
                ("x-ratelimit-limit-daily", value),
                ("x-ratelimit-daily-remaining", value),
            ]));
            assert_eq!(report, RateReport::default(), "{value}");
        }
        for value in ["0", "1", "999999999999"] {
            let report = report(&headers(&[("x-ratelimit-interval-milliseconds", value)]));
            assert_eq!(report, RateReport::default(), "{value}");
        }
    }

    #[test]
    fn retry_after_is_believed_up_to_an_hour() {
        for (value, expected) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("86400", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("Mon, 23 Nov 2026 12:00:30 GMT", Some(30)),
            ("Sun, 22 Nov 2026 12:00:00 GMT", Some(0)),
            ("Fri, 23 Nov 2029 12:00:00 GMT", Some(3_600)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("1e999", None),
            ("tomorrow", None),
        ] {
            assert_eq!(wait(&[("retry-after", value)]), expected, "{value}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_date_is_measured_by_the_servers_own_clock() {
        let pairs = [
            ("date", "Mon, 23 Nov 2026 09:00:00 GMT"),
            ("retry-after", "Mon, 23 Nov 2026 09:00:05 GMT"),
        ];
        assert_eq!(wait(&pairs), Some(5));
    }

    #[test]
    fn a_caches_answer_does_not_tell_the_time() {
        let date = ("date", "Mon, 23 Nov 2026 09:00:00 GMT");
        assert!(own_date(&headers(&[date])).is_some());
        assert_eq!(own_date(&headers(&[date, ("age", "0")])), None);
    }

    proptest! {
        #[test]
        fn any_header_is_survived(value in proptest::collection::vec(32_u8..=255, 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert("retry-after", value.clone());
                headers.insert("date", value.clone());
                headers.insert("x-ratelimit-max", value);
                let wait = retry_after(&headers, Timestamp::UNIX_EPOCH);
                prop_assert!(wait.is_none_or(|wait| wait <= LONGEST_RETRY_AFTER));
                let _ = report(&headers);
            }
        }
    }
}
