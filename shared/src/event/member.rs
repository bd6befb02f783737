//! What others wrote, read with good will: a text may be a number, a moment may be written in several ways.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value};

/// A number of this size or more counts milliseconds: as seconds it would be in the year 5138.
const MILLISECONDS: i64 = 100_000_000_000;

/// A text that says something.
pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(said)
}

/// What a value says, if it is a text that says something.
pub(super) fn said(value: &Value) -> Option<&str> {
    value
        .as_str()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// A text, or a number written as one.
pub(super) fn written(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        other => said(other).map(str::to_owned),
    }
}

/// The moment that a value names: RFC 3339, or seconds or milliseconds since 1970. What is before 1970 is none.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        other => said(other)?.parse().ok(),
    };
    let moment = match number {
        Some(number) if number >= MILLISECONDS => Timestamp::from_millisecond(number),
        Some(number) => Timestamp::from_second(number),
        None => said(value)?.parse(),
    };
    moment
        .ok()
        .filter(|moment| *moment >= Timestamp::UNIX_EPOCH)
}

/// The same, where a time without its offset is one of this place.
pub(super) fn moment_in(value: &Value, zone: &TimeZone) -> Option<Timestamp> {
    moment(value).or_else(|| {
        let local: DateTime = said(value)?.parse().ok()?;
        let moment = zone.to_timestamp(local).ok()?;
        (moment >= Timestamp::UNIX_EPOCH).then_some(moment)
    })
}
