//! What kind of event it is.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::job::Invalid;

/// The most characters of a kind.
const LONGEST: usize = 64;

/// The name of a kind of events: 1 to 64 of `A–Z a–z 0–9 - _ .`, since people write it into configurations and it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kind(String);

impl Kind {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind that a sender calls so, whatever it calls it: what cannot stand in a name is replaced, so that no event is lost for it.
    pub fn named(name: &str) -> Self {
        let fitting = name.trim().chars().take(LONGEST);
        let fitting: String = fitting
            .map(|c| if is_allowed(c) { c } else { '_' })
            .collect();
        if fitting.is_empty() {
            return Self("unknown".to_owned());
        }
        Self(fitting)
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

impl FromStr for Kind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > LONGEST || !text.chars().all(is_allowed) {
            return Err(Invalid::new(
                "must be 1 to 64 characters out of letters, digits, '-', '_' and '.'",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Kind {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl JsonSchema for Kind {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" })
    }
}
