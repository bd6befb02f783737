//! Which contact a job is about.

use std::{borrow::Cow, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    email::Email,
    fault::{Invalid, Noted},
    parent::Parent,
    path_id::{check_segment, segment_schema},
    phone::Phone,
    read::{Place, Read},
    text::checked_text,
};

/// The id that the API gave to a contact: 1 to 128 characters that stay one segment of a URL's path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContactId(String);

checked_text!(private ContactId);

impl FromStr for ContactId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check_segment(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl JsonSchema for ContactId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ContactId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        segment_schema()
    }
}

/// A contact, by exactly one of its names: `{"id":"…"}`, `{"email":"…"}`, `{"phone":"+1…"}`, or `{"job":"ID"}`: the one that another job is about.
///
/// An email, a phone or a job is resolved when the job runs.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ContactRef {
    /// The API's own id.
    Id(ContactId),
    /// Compared trimmed and lower-cased.
    Email(Email),
    /// Compared as E.164.
    Phone(Phone),
    /// Whichever another job is about.
    #[serde(untagged)]
    Job(Parent),
}

impl ContactRef {
    /// A short name for the contact's place in Redis that tells nobody who it is: 11 characters of base64url, out of 8
    /// bytes of SHA-256. Two contacts that share one by chance only wait for each other.
    pub fn key(&self) -> String {
        let (kind, value) = match self {
            Self::Id(id) => ("id", id.as_str()),
            Self::Email(email) => ("email", email.as_str()),
            Self::Phone(phone) => ("phone", phone.as_str()),
            Self::Job(parent) => ("job", parent.job.as_str()),
        };
        let digest = Sha256::digest(format!("{kind}:{value}"));
        URL_SAFE_NO_PAD.encode(&digest[..8])
    }
}

impl Read for ContactRef {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let named = ["id", "email", "phone", "job"]
            .iter()
            .filter(|name| fields.has(name))
            .count();
        let id = fields.optional("id").map(Self::Id);
        let email = fields.optional("email").map(Self::Email);
        let phone = fields.optional("phone").map(Self::Phone);
        let parent = fields.parent().map(Self::Job);
        fields.finish();
        if named != 1 {
            return Err(place.fault("exactly one of id, email, phone and job is needed"));
        }
        // None only where the one that is named was refused.
        id.or(email).or(phone).or(parent).ok_or(Noted)
    }
}
