//! Moments and days, as strict as the formats that name them.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::Offset};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::{
    fault::{Invalid, Noted},
    read::{Place, Read},
};

const RFC_3339: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$";

/// When something is due, to the second, as the API writes it: `2026-12-01T09:00:00Z`.
///
/// Read from RFC 3339 with any offset; fractions of a second are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueDate(Timestamp);

impl DueDate {
    /// The moment.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for DueDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DueDate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let second = moment(text)?.0.as_nanosecond().div_euclid(1_000_000_000);
        let second = i64::try_from(second)
            .ok()
            .and_then(|second| Timestamp::from_second(second).ok());
        second.map(Self).ok_or_else(out_of_range)
    }
}

impl Serialize for DueDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Read for DueDate {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl JsonSchema for DueDate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DueDate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time", "pattern": RFC_3339 })
    }
}

/// When an event begins, to the second, with its offset in figures as the API's example has it: `2026-12-01T09:00:00+00:00`.
///
/// Read as a [`DueDate`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventStart(DueDate);

impl fmt::Display for EventStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.timestamp().display_with_offset(Offset::UTC).fmt(f)
    }
}

impl FromStr for EventStart {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self)
    }
}

impl Serialize for EventStart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Read for EventStart {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl JsonSchema for EventStart {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EventStart".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        DueDate::json_schema(generator)
    }
}

/// A moment read from RFC 3339, with its offset, in the years 0 to 9999 of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl FromStr for Moment {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        moment(text)
    }
}

impl Read for Moment {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        DueDate::json_schema(generator)
    }
}

fn moment(text: &str) -> Result<Moment, Invalid> {
    if !is_rfc_3339(text.as_bytes()) {
        return Err(Invalid::new(
            "not a date and time with an offset; expected RFC 3339, as in 2026-12-01T09:00:00Z",
        ));
    }
    let timestamp: Timestamp = text.parse().map_err(|_| {
        Invalid::new("no such date, time or offset, or one outside the years 0 to 9999")
    })?;
    let year = Offset::UTC.to_datetime(timestamp).year();
    if (0..=9999).contains(&year) {
        Ok(Moment(timestamp))
    } else {
        Err(out_of_range())
    }
}

fn out_of_range() -> Invalid {
    Invalid::new("outside the years 0 to 9999")
}

/// The shape alone: jiff reads more than RFC 3339 allows (a space for the T, hours only, zone names).
fn is_rfc_3339(text: &[u8]) -> bool {
    let Some((date_time, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let offset = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    let separated = matches!(date_time[10], b'T' | b't');
    separated
        && has_shape(&date_time[..10], b"0000-00-00")
        && has_shape(&date_time[11..], b"00:00:00")
        && (matches!(offset, b"Z" | b"z")
            || has_shape(offset, b"+00:00")
            || has_shape(offset, b"-00:00"))
}

/// Whether text has a digit where the shape has a 0, and the same byte everywhere else.
fn has_shape(text: &[u8], shape: &[u8]) -> bool {
    let fits = |(byte, shape): (&u8, &u8)| {
        if *shape == b'0' {
            byte.is_ascii_digit()
        } else {
            byte == shape
        }
    };
    text.len() == shape.len() && text.iter().zip(shape).all(fits)
}

/// A day of birth, in any of the eight forms that the API's document lists, kept as `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct BirthDate(Date);

impl BirthDate {
    /// The day.
    pub fn date(self) -> Date {
        self.0
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(10 bytes)")
    }
}

impl FromStr for BirthDate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        birth_date(text.as_bytes())
            .map(Self)
            .ok_or_else(|| Invalid::new("not a date; expected one like 1990-09-25 or 09/25/1990"))
    }
}

fn birth_date(text: &[u8]) -> Option<Date> {
    let separator = *text.iter().find(|byte| !byte.is_ascii_digit())?;
    let uniform = text
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == separator);
    if !b"/-._".contains(&separator) || !uniform {
        return None;
    }
    let plain: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == separator { b'-' } else { *byte })
        .collect();
    let number = |range: std::ops::Range<usize>| -> Option<i16> {
        std::str::from_utf8(&plain[range]).ok()?.parse().ok()
    };
    let (year, month, day) = if has_shape(&plain, b"0000-00-00") {
        (number(0..4)?, number(5..7)?, number(8..10)?)
    } else if has_shape(&plain, b"00-00-0000") {
        (number(6..10)?, number(0..2)?, number(3..5)?)
    } else {
        return None;
    };
    Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()
}

impl Read for BirthDate {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl JsonSchema for BirthDate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "BirthDate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^([0-9]{4}([/._-])[0-9]{2}([/._-])[0-9]{2}|[0-9]{2}([/._-])[0-9]{2}([/._-])[0-9]{4})$",
        })
    }
}
