//! What an event says besides: bounded, whatever its sender sends.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::job::normal_number;

/// The most bytes of JSON that it may have: a job has room for it, with all that it holds besides.
const MOST_BYTES: usize = 48 * 1024;
/// Objects and lists inside one another; a job may have more.
const MOST_DEPTH: usize = 20;
/// To how many characters texts are cut where there is too much, one after the other until there is not.
const CUTS: [usize; 4] = [16 * 1024, 4 * 1024, 512, 64];

/// What an event says. It is personal: `Debug` tells its size only.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Data(Map<String, Value>);

impl Data {
    /// As much of this as an event may hold, and whether that is not all of it.
    pub fn bounded(mut members: Map<String, Value>) -> (Self, bool) {
        let mut cut = members
            .values_mut()
            .fold(false, |cut, value| flatten(value, MOST_DEPTH) | cut);
        for most in CUTS {
            if size(&members) <= MOST_BYTES {
                break;
            }
            cut |= members
                .values_mut()
                .fold(false, |cut, value| shorten(value, most) | cut);
        }
        if size(&members) > MOST_BYTES {
            members = smallest(members);
            cut = true;
        }
        (Self(members), cut)
    }

    /// All of it.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// What was stored, if it is as it was.
    pub(crate) fn stored(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => {
                let (data, cut) = Self::bounded(members);
                (!cut).then_some(data)
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({} members)", self.0.len())
    }
}

impl JsonSchema for Data {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// Takes out what is too deep, and brings numbers into the one form in which they are stored.
fn flatten(value: &mut Value, levels: usize) -> bool {
    match value {
        Value::Number(number) => {
            *number = normal_number(number);
            false
        }
        Value::Array(_) | Value::Object(_) if levels == 0 => {
            *value = Value::Null;
            true
        }
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |cut, item| flatten(item, levels - 1) | cut),
        Value::Object(members) => members
            .values_mut()
            .fold(false, |cut, member| flatten(member, levels - 1) | cut),
        _ => false,
    }
}

fn shorten(value: &mut Value, most: usize) -> bool {
    match value {
        Value::String(text) => match text.char_indices().nth(most) {
            Some((end, _)) => {
                text.truncate(end);
                true
            }
            None => false,
        },
        Value::Array(items) => items
            .iter_mut()
            .fold(false, |cut, item| shorten(item, most) | cut),
        Value::Object(members) => members
            .values_mut()
            .fold(false, |cut, member| shorten(member, most) | cut),
        _ => false,
    }
}

/// Many small members say more than one large one.
fn smallest(members: Map<String, Value>) -> Map<String, Value> {
    let mut sized: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            (size(&alone), name, value)
        })
        .collect();
    sized.sort_by_key(|(size, ..)| *size);
    let mut left = MOST_BYTES;
    let fitting = sized.into_iter().take_while(|(size, ..)| {
        left = left.saturating_sub(*size);
        left > 0
    });
    fitting.map(|(_, name, value)| (name, value)).collect()
}

fn size(members: &Map<String, Value>) -> usize {
    let mut written = Written(0);
    // Text keys and JSON's own values; and counting refuses nothing.
    let _ = serde_json::to_writer(&mut written, members);
    written.0
}

/// Counts what is written.
struct Written(usize);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
