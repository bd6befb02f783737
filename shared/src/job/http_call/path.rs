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
        if text.contains(cannot_be_in_a_path) || text.contains("//") || text.split('/').any(is_step)
        {
            return Err(Invalid::new(
                r"must not contain '?', '#', '%', '\', '//', '.' or '..' between slashes (with a semicolon or not), or control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is one segment of a path, whatever servers and proxies on the way make of it: nothing in it leads elsewhere.
pub(crate) fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/') && !text.contains(cannot_be_in_a_path) && !is_step(text)
}

/// Escaped or not, some server or proxy on the way takes these apart.
fn cannot_be_in_a_path(c: char) -> bool {
    c.is_control() || r"?#%\".contains(c)
}

/// Whether a segment is a step to another place rather than a name. Some servers leave out what follows a semicolon before they look, and some
/// the spaces around.
fn is_step(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or(segment);
    matches!(name.trim(), "." | "..")
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
