//! Spans of time as flags write them: `5ms`, `10s`, `2h`.

use std::time::Duration;

/// Units, longest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a span such as `5ms`, `10s`, `1m`, `2h` or `1d`: a whole number and its unit.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = &text[digits.len()..];
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, millis)| *millis);
    let count = digits.parse::<u64>().ok();
    match (count, factor) {
        (Some(count), Some(factor)) => count
            .checked_mul(factor)
            .map(Duration::from_millis)
            .ok_or_else(|| format!("`{text}` is too long a span")),
        _ => Err(format!(
            "`{text}` is no span of time: write a whole number and ms, s, m, h or d, such as 250ms or 10s"
        )),
    }
}

/// Writes a span in its longest whole unit; what `parse` reads.
pub(crate) fn format(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0ms".to_owned();
    }
    let (unit, factor) = UNITS
        .iter()
        .find(|(_, factor)| millis % factor == 0)
        .copied()
        .unwrap_or(("ms", 1));
    format!("{}{unit}", millis / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back_as_written() {
        for text in ["0ms", "5ms", "1500ms", "10s", "1m", "2h", "1d", "36h"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(format(parse("60s").unwrap()), "1m");
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "5 s",
            "5x",
            "99999999999999999999s",
            "999999999999999999d",
            "é5s",
            "5sé",
        ] {
            assert!(parse(text).is_err(), "{text} was accepted");
        }
    }
}
