//! Lengths of time as people write them: `250ms`, `10s`, `15m`, `24h`, `7d`.

use std::time::Duration;

use jiff::Timestamp;

/// The units, longest first, each with its length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time, or a range of them, that could not be read; its text says how to write one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Not a single length of time.
    #[error(
        "`{0}` is not a length of time: write a whole number and a unit (ms, s, m, h or d), such as `10s`"
    )]
    Span(String),
    /// Not two lengths of time in order.
    #[error("`{0}` is not a range: write the shortest and the longest time, such as `1s..10m`")]
    Range(String),
}

/// Reads a whole number followed by one of the units `ms`, `s`, `m`, `h` and `d`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// assert_eq!(penstock_shared::span::parse("10s"), Ok(Duration::from_secs(10)));
/// assert!(penstock_shared::span::parse("10").is_err());
/// ```
pub fn parse(text: &str) -> Result<Duration, SpanError> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: Option<u64> = number.parse().ok();
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    number
        .zip(unit)
        .and_then(|(number, (_, millis))| number.checked_mul(*millis))
        .map(Duration::from_millis)
        .ok_or_else(|| SpanError::Span(excerpt(text)))
}

/// Reads `FIRST..LAST`, two lengths of time of which the first is not the longer.
pub fn parse_range(text: &str) -> Result<(Duration, Duration), SpanError> {
    let (first, last) = text
        .split_once("..")
        .ok_or_else(|| SpanError::Range(excerpt(text)))?;
    let range = (parse(first)?, parse(last)?);
    if range.0 > range.1 {
        return Err(SpanError::Range(excerpt(text)));
    }
    Ok(range)
}

/// A length of time in whole milliseconds.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The moment that is so many milliseconds after the Unix epoch; the last one that there is, if it is later than that.
pub fn moment(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// Writes a length of time with the longest unit that leaves a whole number; what is below a
/// millisecond is dropped. [`parse`] reads it back.
pub fn render(span: Duration) -> String {
    let millis = span.as_millis();
    let (name, unit) = UNITS
        .iter()
        .find(|(_, unit)| millis != 0 && millis.is_multiple_of(u128::from(*unit)))
        .unwrap_or(&("s", 1_000));
    format!("{}{name}", millis / u128::from(*unit))
}

/// Error texts repeat what was written, but not a megabyte of it.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_unit() {
        for (text, millis) in [
            ("0s", 0),
            ("5ms", 5),
            ("10s", 10_000),
            ("15m", 900_000),
            ("24h", 86_400_000),
            (" 7d ", 604_800_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_span() {
        for text in [
            "",
            "s",
            "10",
            "10 s",
            "1.5s",
            "-1s",
            "+1s",
            "10sec",
            "10S",
            "99999999999999999d",
            "١s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_have_two_ends_in_order() {
        assert_eq!(
            parse_range("1s..10m"),
            Ok((Duration::from_secs(1), Duration::from_secs(600)))
        );
        for text in ["1s", "10m..1s", "1s..", "..1s", "1s...2s"] {
            assert!(parse_range(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in 0_u64..=u64::MAX / 2) {
            let span = Duration::from_millis(millis);
            prop_assert_eq!(parse(&render(span)), Ok(span));
        }

        #[test]
        fn any_text_is_survived(text in ".{0,200}") {
            let _ = parse(&text);
            let _ = parse_range(&text);
        }
    }
}
