//! Who tells of an event.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::job::Invalid;

const GHL: &str = "ghl";
const SMSFACTOR: &str = "smsfactor";
const SMORE: &str = "smore";

/// Who tells of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// `GoHighLevel`.
    Ghl,
    /// `SMSFactor`.
    Smsfactor,
    /// Smore.
    Smore,
    /// Another, by the name that the configuration gives it: 1 to 32 of `a–z 0–9 - _`.
    Named(String),
}

impl Source {
    /// Its name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ghl => GHL,
            Self::Smsfactor => SMSFACTOR,
            Self::Smore => SMORE,
            Self::Named(name) => name,
        }
    }
}

impl FromStr for Source {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        match text {
            GHL => Ok(Self::Ghl),
            SMSFACTOR => Ok(Self::Smsfactor),
            SMORE => Ok(Self::Smore),
            name if (1..=32).contains(&name.len()) && name.chars().all(allowed) => {
                Ok(Self::Named(name.to_owned()))
            }
            _ => Err(Invalid::new(
                "must be 1 to 32 characters out of lower-case letters, digits, '-' and '_'",
            )),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.as_str().to_owned()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl JsonSchema for Source {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z0-9_-]{1,32}$" })
    }
}
