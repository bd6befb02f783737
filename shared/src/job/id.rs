//! A job's name.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{fault::Invalid, text::checked_text};

/// The caller's own key of a job, unique within its tenant: 1 to 128 characters, none of them a control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(String);

checked_text!(shown JobId);

impl JobId {
    /// An id for a job whose caller gave none: a `UUIDv7`, so that ids sort by the time they were made.
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }
}

impl FromStr for JobId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(1..=128).contains(&text.chars().count()) {
            return Err(Invalid::new("must have 1 to 128 characters"));
        }
        if text.contains(char::is_control) {
            return Err(Invalid::new("must not contain control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl JsonSchema for JobId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "JobId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": 128 })
    }
}
