//! Where under its address a connection is called.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::job::{fault::Invalid, text::checked_text};

/// A path: a slash, and 1 to 1024 characters in all that cannot lead elsewhere. It may hold personal data: `Debug` tells its length only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallPath(String);

checked_text!(private CallPath);

impl FromStr for CallPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(1..=1024).contains(&text.chars().count()) || !text.starts_with('/') {
            return Err(Invalid::new(
                "must begin with a slash, and have 1 to 1024 characters",
            ));
        }
        // Escaped or not, some server or proxy on the way takes these apart.
        let forbidden = |c: char| c.is_control() || r"?#%\".contains(c);
        let leads_elsewhere = |segment: &str| matches!(segment, "." | "..");
        if text.contains(forbidden) || text.contains("//") || text.split('/').any(leads_elsewhere) {
            return Err(Invalid::new(
                r"must not contain '?', '#', '%', '\', '//', '.' or '..' between slashes, or control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl JsonSchema for CallPath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CallPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 1024, "pattern": r"^/[^?#%\\]*$" })
    }
}
