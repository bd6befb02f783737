//! Bodies, read as strictly as they are described.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::answer::{DATA, JSON, XML, refused};
use crate::stand::{Input, Refusal};

/// Reads a body of this shape.
pub(super) fn read<T: DeserializeOwned>(input: &Input<'_>) -> Result<T, Refusal> {
    if !input.request.is_typed("application/json") {
        let why = "a body is read as XML unless its Content-Type is application/json";
        return Err(refused(XML, why));
    }
    let body = input.request.body();
    let body = body.ok_or_else(|| refused(JSON, "the body is too large"))?;
    serde_json::from_slice(body).map_err(|error| {
        let code = match error.classify() {
            Category::Data => DATA,
            _ => JSON,
        };
        refused(code, &error.to_string())
    })
}

/// `{"gsm": [...]}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contacts {
    pub(super) gsm: Vec<Contact>,
}

/// A number, and what is known of whom it belongs to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contact {
    pub(super) value: String,
    info1: Option<String>,
    info2: Option<String>,
    info3: Option<String>,
    info4: Option<String>,
}

impl Contact {
    /// A number without more.
    pub(super) fn bare(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            info1: None,
            info2: None,
            info3: None,
            info4: None,
        }
    }

    pub(super) fn into_parts(self) -> (String, Infos) {
        let infos = Infos {
            info1: self.info1,
            info2: self.info2,
            info3: self.info3,
            info4: self.info4,
        };
        (self.value, infos)
    }
}

/// What the account notes about a number.
#[derive(Clone, Debug, Default)]
pub(super) struct Infos {
    pub(super) info1: Option<String>,
    pub(super) info2: Option<String>,
    pub(super) info3: Option<String>,
    pub(super) info4: Option<String>,
}

impl Infos {
    pub(super) fn all(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("info1", self.info1.as_deref()),
            ("info2", self.info2.as_deref()),
            ("info3", self.info3.as_deref()),
            ("info4", self.info4.as_deref()),
        ]
    }

    /// Those that are given, written over these.
    pub(super) fn write(&mut self, given: Self) {
        for (old, new) in [
            (&mut self.info1, given.info1),
            (&mut self.info2, given.info2),
            (&mut self.info3, given.info3),
            (&mut self.info4, given.info4),
        ] {
            *old = new.or(old.take());
        }
    }
}
