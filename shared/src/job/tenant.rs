//! Whose job it is.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{fault::Invalid, text::checked_text};

/// A GHL location id: 1 to 128 of `A–Z a–z 0–9 - _ .`, since it becomes part of keys and URLs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

checked_text!(shown Tenant);

impl FromStr for Tenant {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > 128 || !text.chars().all(allowed) {
            return Err(Invalid::new(
                "must be 1 to 128 characters out of letters, digits, '-', '_' and '.'",
            ));
        }
        // In a URL these two are not names but steps.
        if matches!(text, "." | "..") {
            return Err(Invalid::new("must not be '.' or '..'"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl JsonSchema for Tenant {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Tenant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$" })
    }
}
