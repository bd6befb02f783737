//! Telephone numbers, in the one form in which they are compared.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{fault::Invalid, text::checked_text};

/// A telephone number as E.164 writes it: `+`, then 8 to 15 digits of which the first is not 0.
///
/// Spaces, dashes, dots and parentheses are taken out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

checked_text!(private Phone);

impl FromStr for Phone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
            .collect();
        let Some(digits) = number.strip_prefix('+') else {
            return Err(Invalid::new(
                "a phone number needs '+' and its country code, as in +15551234567",
            ));
        };
        let all_digits = digits.chars().all(|c| c.is_ascii_digit());
        if !all_digits || digits.starts_with('0') || !(8..=15).contains(&digits.len()) {
            return Err(Invalid::new(
                "a phone number is '+' and 8 to 15 digits, the first not 0, as in +15551234567",
            ));
        }
        Ok(Self(number))
    }
}

impl JsonSchema for Phone {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Phone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^[ .()-]*\+[ .()-]*[1-9]([ .()-]*[0-9]){7,14}[ .()-]*$",
        })
    }
}
