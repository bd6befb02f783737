//! How often a job may fail.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    fault::{Invalid, Noted},
    read::{Place, Read},
};

/// How many failed attempts a job may have before it is dead: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MaxAttempts(u32);

impl MaxAttempts {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for MaxAttempts {
    type Error = Invalid;

    fn try_from(number: u32) -> Result<Self, Invalid> {
        if (1..=1000).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Invalid::new("must be a whole number from 1 to 1000"))
        }
    }
}

impl From<MaxAttempts> for u32 {
    fn from(attempts: MaxAttempts) -> Self {
        attempts.0
    }
}

impl fmt::Display for MaxAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Read for MaxAttempts {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let number = place
            .number()?
            .as_u64()
            .and_then(|number| u32::try_from(number).ok());
        // 0 stands for whatever is no such number: it gets the same answer.
        Self::try_from(number.unwrap_or(0)).map_err(|invalid| place.fault(invalid.to_string()))
    }
}

impl JsonSchema for MaxAttempts {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MaxAttempts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": 1000 })
    }
}
