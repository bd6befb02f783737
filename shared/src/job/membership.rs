//! Whether a contact is to be in something, or not.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    fault::{Invalid, Noted},
    read::{Place, Read},
};

/// Whether a contact is to be in something, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Membership {
    /// It is to be there.
    #[default]
    Add,
    /// It is not to be there.
    Remove,
}

impl FromStr for Membership {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "add" => Ok(Self::Add),
            "remove" => Ok(Self::Remove),
            _ => Err(Invalid::new("must be add or remove")),
        }
    }
}

impl Read for Membership {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}
