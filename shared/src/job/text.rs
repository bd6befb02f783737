//! Strings with bounds.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{
    fault::{Invalid, Noted},
    read::{Place, Read},
};

/// What every checked string has in common: its text, its reading out of a job, and its reading back from storage. A
/// `private` one never shows itself.
macro_rules! checked_text {
    ($shown:ident $type:ident) => {
        impl $type {
            /// The text, in its normal form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::job::Invalid;

            fn try_from(text: String) -> Result<Self, $crate::job::Invalid> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl $crate::job::read::Read for $type {
            fn read(place: $crate::job::read::Place<'_>) -> Result<Self, $crate::job::fault::Noted> {
                place.parsed()
            }
        }

        checked_text!(@$shown $type);
    };
    (@private $type:ident) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($type), "({} bytes)"), self.0.len())
            }
        }
    };
    (@shown $type:ident) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($type), "({:?})"), self.0)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(super) use checked_text;

/// A string of `MIN` to `MAX` characters (Unicode code points), not blank where one is demanded, and without control
/// characters other than tab and line breaks.
///
/// It may be personal data: `Debug` tells its length only.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// One line or so: names, addresses, titles.
pub type Line = Text<0, 1024>;
/// A line that has to be there.
pub type Title = Text<1, 1024>;
/// Pages of it; in the end the job's size is the bound.
pub type Prose = Text<0, 65_536>;
/// Prose that has to be there.
pub type NoteBody = Text<1, 65_536>;
/// A tag.
pub type Tag = Text<1, 255>;
/// An id that the API gave to something: a user, a custom field.
pub type ForeignId = Text<1, 128>;

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> FromStr for Text<MIN, MAX> {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let length = text.chars().count();
        if MIN > 0 && text.trim().is_empty() {
            return Err(Invalid::new("must not be empty"));
        }
        if length < MIN || length > MAX {
            return Err(Invalid::new(format!(
                "must have {MIN} to {MAX} characters, has {length}"
            )));
        }
        if text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            return Err(Invalid::new("must not contain control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl<const MIN: usize, const MAX: usize> fmt::Debug for Text<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl<const MIN: usize, const MAX: usize> Read for Text<MIN, MAX> {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Text<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_{MIN}_to_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({ "type": "string", "maxLength": MAX });
        if MIN > 0 {
            schema.insert("minLength".into(), MIN.into());
        }
        schema
    }
}
