//! Where a job's calls go.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{
    fault::{Invalid, Noted},
    read::{Place, Read},
};

/// The longest name that a destination may have.
const LONGEST: usize = 32;

/// Where a job's calls go: an API, with a quota, a breaker and lanes of its own. A name of 1 to 32 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Destination(Cow<'static, str>);

impl Destination {
    /// `GoHighLevel`.
    pub const GHL: Self = Self(Cow::Borrowed("ghl"));

    /// Nowhere: it makes jobs, and calls nobody.
    pub const FLOW: Self = Self(Cow::Borrowed("flow"));

    /// `SMSFactor`.
    pub const SMSFACTOR: Self = Self(Cow::Borrowed("smsfactor"));

    /// Its name, as it stands in the names of lanes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Destination {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=LONGEST).contains(&name.len()) || !name.chars().all(is_allowed) {
            return Err(Invalid::new(format!(
                "must have 1 to {LONGEST} lower-case letters, digits and hyphens"
            )));
        }
        Ok(Self(Cow::Owned(name.to_owned())))
    }
}

impl Read for Destination {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl JsonSchema for Destination {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Destination".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": format!("^[a-z0-9-]{{1,{LONGEST}}}$") })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_that_of_a_lane() {
        for (name, is_one) in [
            ("ghl", true),
            ("crm-2", true),
            ("", false),
            ("a/b", false),
            ("Smore", false),
            ("a@b", false),
            (&"a".repeat(32), true),
            (&"a".repeat(33), false),
        ] {
            assert_eq!(name.parse::<Destination>().is_ok(), is_one, "{name}");
        }
        assert_eq!("ghl".parse(), Ok(Destination::GHL));
    }
}
