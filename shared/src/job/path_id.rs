//! The id of something that a request names in its path.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{fault::Invalid, text::checked_text};

/// The id that the API gave to a task, a note, a campaign or a workflow: 1 to 128 characters that stay one segment of a URL's path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathId(String);

checked_text!(shown PathId);

impl FromStr for PathId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check_segment(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl JsonSchema for PathId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PathId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        segment_schema()
    }
}

/// Refuses what would not stay one segment of a path.
pub(super) fn check_segment(text: &str) -> Result<(), Invalid> {
    if !(1..=128).contains(&text.chars().count()) {
        return Err(Invalid::new("must have 1 to 128 characters"));
    }
    // Escaped or not, some server or proxy on the way takes these apart.
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || r"/?#%\".contains(c);
    if text.contains(forbidden) || text.contains("..") || text == "." {
        return Err(Invalid::new(
            r"must not contain '/', '?', '#', '%', '\', '..', spaces or control characters",
        ));
    }
    Ok(())
}

/// The schema of such an id.
pub(super) fn segment_schema() -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": r"^[^/?#%\\]+$" })
}
