//! `PullContacts`: a walk through contacts, each of which becomes an event.

use std::{borrow::Cow, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    contact::ContactRef,
    fault::{Invalid, Noted},
    path_id::PathId,
    payload::Work,
    read::{Place, Read},
    text::Title,
};
use crate::event::Kind;

/// Walks through the contacts of the location, a page and a call at a time, and tells of each as of an event, for flows to follow. Done again it tells
/// of none twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PullContacts {
    /// Only contacts that this text is found in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Title>,
    /// Only contacts of this business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_id: Option<PathId>,
    /// The most contacts of a page, 1 to 100; 100 if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_limit: Option<PageLimit>,
    /// As which event each is told; `contact.pulled` if it is not said.
    #[serde(default, skip_serializing_if = "PulledAs::is_usual")]
    pub kind: PulledAs,
}

impl Read for PullContacts {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let query = fields.optional("query");
        let business_id = fields.optional("businessId");
        let page_limit = fields.optional("pageLimit");
        let kind = fields.optional("kind");
        fields.finish();
        Ok(Self {
            query,
            business_id,
            page_limit,
            kind: kind.unwrap_or_default(),
        })
    }
}

impl Work for PullContacts {
    /// Its events stand in their contacts' sequences; it is in none itself.
    fn contact_refs(&self) -> Vec<ContactRef> {
        Vec::new()
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}

/// How many contacts a page has: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PageLimit(u32);

impl PageLimit {
    /// The most that the API lists on one page.
    pub const MOST: u32 = 100;

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Read for PageLimit {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let number = place.number()?.as_u64();
        let number = number.and_then(|number| u32::try_from(number).ok());
        let fits = |number: &u32| (1..=Self::MOST).contains(number);
        number
            .filter(fits)
            .map(Self)
            .ok_or_else(|| place.fault(format!("must be a whole number from 1 to {}", Self::MOST)))
    }
}

impl JsonSchema for PageLimit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PageLimit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Self::MOST })
    }
}

/// As which event a contact is told: one of those that tell of a contact as it is. Others are for their senders to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum PulledAs {
    /// That it was met.
    #[default]
    #[serde(rename = "contact.pulled")]
    Pulled,
    /// As if it had just been created.
    ContactCreate,
    /// As if it had just been changed.
    ContactUpdate,
}

impl PulledAs {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pulled => "contact.pulled",
            Self::ContactCreate => "ContactCreate",
            Self::ContactUpdate => "ContactUpdate",
        }
    }

    /// The event's kind.
    pub fn kind(self) -> Kind {
        Kind::named(self.as_str())
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    fn is_usual(&self) -> bool {
        *self == Self::Pulled
    }
}

impl FromStr for PulledAs {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let all = [Self::Pulled, Self::ContactCreate, Self::ContactUpdate];
        let found = all.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Invalid::new("must be contact.pulled, ContactCreate or ContactUpdate"))
    }
}

impl Read for PulledAs {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}
