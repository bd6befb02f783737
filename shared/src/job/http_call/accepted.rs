//! A status by which a call is done though HTTP does not call it a success.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::job::{
    fault::Noted,
    read::{Place, Read},
};

/// The first and the last of those that say something of what was asked: a redirection or a refusal. A server that fails says nothing of it.
const FIRST: u16 = 300;
const LAST: u16 = 499;
/// Those that say something of who asks, of how often, or of when: they hold the connection, or are asked again.
const NOT: [u16; 6] = [401, 403, 407, 408, 425, 429];

/// A status of 300 to 499 that says what has become of that which was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AcceptedStatus(u16);

impl AcceptedStatus {
    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Read for AcceptedStatus {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let number = place.number()?.as_u64();
        let number = number.and_then(|number| u16::try_from(number).ok());
        let fits = |number: &u16| (FIRST..=LAST).contains(number) && !NOT.contains(number);
        number.filter(fits).map(Self).ok_or_else(|| {
            let not = NOT.map(|status| status.to_string()).join(", ");
            place.fault(format!(
                "must be a status from {FIRST} to {LAST}, and none of {not}"
            ))
        })
    }
}

impl JsonSchema for AcceptedStatus {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AcceptedStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": FIRST, "maximum": LAST, "not": { "enum": NOT } })
    }
}
