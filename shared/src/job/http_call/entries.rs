//! Values by names that whoever writes the job chooses.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::job::{
    fault::Noted,
    read::{Place, Read},
};

/// The most characters of a name.
const LONGEST: usize = 128;

/// Up to `MAX` values, each by a name of 1 to 128 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Entries<T, const MAX: usize>(BTreeMap<String, T>);

impl<T, const MAX: usize> Entries<T, MAX> {
    /// Each, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<T: Read, const MAX: usize> Read for Entries<T, MAX> {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let entries = place.entries()?;
        if entries.len() > MAX {
            place.fault(format!(
                "must have up to {MAX} members, has {}",
                entries.len()
            ));
        }
        for (name, _) in &entries {
            if !(1..=LONGEST).contains(&name.chars().count()) || name.contains(char::is_control) {
                place.fault(format!(
                    "its members' names must have 1 to {LONGEST} characters, none of them a control character"
                ));
            }
        }
        Ok(Self(entries.into_iter().collect()))
    }
}

impl<T: JsonSchema, const MAX: usize> JsonSchema for Entries<T, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Entries_up_to_{MAX}_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": generator.subschema_for::<T>(),
            "propertyNames": { "minLength": 1, "maxLength": LONGEST },
            "maxProperties": MAX,
        })
    }
}
