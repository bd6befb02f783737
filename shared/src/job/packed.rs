//! A payload as it is stored: `MessagePack`, the field names that payloads use most written as numbers. It is kept a million times, so it is
//! kept small.

use std::fmt;

use serde::{
    Deserialize, Serialize, Serializer,
    de::{Deserializer, Error, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::{Map, Number, Value};

/// The names that are numbers, by their places here. What is stored is read by it, so it is only ever added to.
const NAMES: [&str; 40] = [
    "contact",
    "id",
    "email",
    "phone",
    "tags",
    "title",
    "body",
    "dueDate",
    "completed",
    "assignedTo",
    "userId",
    "color",
    "pinned",
    "firstName",
    "lastName",
    "name",
    "companyName",
    "address1",
    "city",
    "state",
    "country",
    "postalCode",
    "website",
    "timezone",
    "source",
    "dnd",
    "dndSettings",
    "inboundDndSettings",
    "customFields",
    "key",
    "field_value",
    "status",
    "message",
    "code",
    "gender",
    "dateOfBirth",
    "Call",
    "Email",
    "SMS",
    "createNewIfDuplicateAllowed",
];

/// Objects and lists inside one another, with room above what intake lets in.
const MAX_DEPTH: usize = 64;

/// A value in its stored form.
pub(super) fn pack(value: &Value) -> Vec<u8> {
    // Values of JSON and writes to memory: neither can fail.
    rmp_serde::to_vec(&Short(value)).unwrap_or_default()
}

/// The value that was stored.
pub(super) fn unpack(bytes: &[u8]) -> Result<Value, String> {
    let mut stored = rmp_serde::Deserializer::from_read_ref(bytes);
    // What means harm could be deeper than the stack, whose end is the whole program's.
    stored.set_max_depth(MAX_DEPTH);
    let long = Long::deserialize(&mut stored).map_err(|error| error.to_string())?;
    Ok(long.0)
}

struct Short<'a>(&'a Value);

impl Serialize for Short<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Short(item))?;
                }
                list.end()
            }
            Value::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    match NAMES.iter().position(|known| known == name) {
                        Some(number) => map.serialize_entry(&number, &Short(value))?,
                        None => map.serialize_entry(name, &Short(value))?,
                    }
                }
                map.end()
            }
            plain => plain.serialize(serializer),
        }
    }
}

struct Long(Value);

impl<'de> Deserialize<'de> for Long {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LongVisitor).map(Self)
    }
}

struct LongVisitor;

impl<'de> Visitor<'de> for LongVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a number of JSON"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Long(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Long(value))) = map.next_entry::<Name, Long>()? {
            members.insert(name.long().map_err(A::Error::custom)?, value);
        }
        Ok(Value::Object(members))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Number(usize),
    Text(String),
}

impl Name {
    fn long(self) -> Result<String, &'static str> {
        match self {
            Self::Number(number) => NAMES
                .get(number)
                .map(|name| (*name).to_owned())
                .ok_or("a field name of a later version"),
            Self::Text(name) => Ok(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_packed_comes_back() {
        for value in [
            json!({ "contact": { "id": "c" }, "tags": ["a", "b"], "another": { "id": null } }),
            json!({ "customFields": [{ "id": "1", "field_value": [1, -2, 2.5, true, 18_446_744_073_709_551_615_u64] }] }),
            json!({}),
        ] {
            assert_eq!(unpack(&pack(&value)), Ok(value));
        }
    }

    #[test]
    fn known_names_take_a_byte() {
        assert_eq!(
            pack(&json!({ "contact": { "id": "c" } })),
            b"\x81\x00\x81\x01\xa1c"
        );
    }

    #[test]
    fn no_name_has_two_numbers() {
        for (number, name) in NAMES.iter().enumerate() {
            assert_eq!(NAMES.iter().position(|other| other == name), Some(number));
        }
    }

    #[test]
    fn depth_is_bounded() {
        for deep in [&b"\x91"[..], b"\x81\xa1a", b"\x81\x00"] {
            assert!(unpack(&deep.repeat(100_000)).is_err());
        }
    }

    #[test]
    fn what_was_not_packed_is_refused() {
        for bytes in [
            &b""[..],
            b"\x81\x7f\x01",
            b"\xc1",
            b"\x81\x00",
            b"\xcb\x7f\xf8\0\0\0\0\0\0",
        ] {
            assert!(unpack(bytes).is_err(), "{bytes:?}");
        }
    }
}
