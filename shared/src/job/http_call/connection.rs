//! The name of a connection.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::job::{
    destination::Destination,
    fault::{Invalid, Noted},
    read::{Place, Read},
};

/// Destinations that have job types of their own.
const TAKEN: [&str; 3] = ["ghl", "smsfactor", "flow"];

/// The name of a connection: 1 to 32 lower-case letters, digits and hyphens. It is the destination of those jobs that are called by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ConnectionName(Destination);

impl ConnectionName {
    /// Where its calls go.
    pub fn destination(&self) -> &Destination {
        &self.0
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ConnectionName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        if TAKEN.contains(&name) {
            return Err(Invalid::new(
                "has job types of its own; name a connection of the file of connections",
            ));
        }
        name.parse().map(Self)
    }
}

impl Read for ConnectionName {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl JsonSchema for ConnectionName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ConnectionName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9-]{1,32}$", "not": { "enum": TAKEN } })
    }
}
