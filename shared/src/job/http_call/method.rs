//! What a call does, as HTTP has it.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::job::{
    fault::{Invalid, Noted},
    read::{Place, Read},
};

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub enum CallMethod {
    /// Reads.
    Get,
    /// Creates, mostly.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl CallMethod {
    const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether HTTP says that doing it twice is the same as doing it once.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Patch)
    }
}

impl From<CallMethod> for http::Method {
    fn from(method: CallMethod) -> Self {
        match method {
            CallMethod::Get => Self::GET,
            CallMethod::Post => Self::POST,
            CallMethod::Put => Self::PUT,
            CallMethod::Patch => Self::PATCH,
            CallMethod::Delete => Self::DELETE,
        }
    }
}

impl FromStr for CallMethod {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.iter().find(|method| method.as_str() == text);
        let invalid = || Invalid::new("must be GET, POST, PUT, PATCH or DELETE");
        found.copied().ok_or_else(invalid)
    }
}

impl Read for CallMethod {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}
