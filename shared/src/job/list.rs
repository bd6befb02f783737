//! Lists with bounds.

use std::{borrow::Cow, ops::Deref};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{
    fault::{Invalid, Noted},
    read::{Place, Read},
};

/// A list of `MIN` to `MAX` items.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct List<T, const MIN: usize, const MAX: usize>(Vec<T>);

impl<T, const MIN: usize, const MAX: usize> TryFrom<Vec<T>> for List<T, MIN, MAX> {
    type Error = Invalid;

    fn try_from(items: Vec<T>) -> Result<Self, Invalid> {
        let count = items.len();
        if count < MIN || count > MAX {
            return Err(size::<MIN, MAX>(count));
        }
        Ok(Self(items))
    }
}

fn size<const MIN: usize, const MAX: usize>(count: usize) -> Invalid {
    Invalid::new(format!("must have {MIN} to {MAX} items, has {count}"))
}

impl<T, const MIN: usize, const MAX: usize> Deref for List<T, MIN, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Read, const MIN: usize, const MAX: usize> Read for List<T, MIN, MAX> {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let count = place.count()?;
        if count < MIN || count > MAX {
            place.fault(size::<MIN, MAX>(count).to_string());
        }
        place.list().map(Self)
    }
}

impl<T: JsonSchema, const MIN: usize, const MAX: usize> JsonSchema for List<T, MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List_of_{MIN}_to_{MAX}_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({
            "type": "array", "items": generator.subschema_for::<T>(), "maxItems": MAX
        });
        if MIN > 0 {
            schema.insert("minItems".into(), MIN.into());
        }
        schema
    }
}
