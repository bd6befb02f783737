//! The contact that an event is about.

use schemars::JsonSchema;
use serde::Serialize;

use crate::job::{ContactId, ContactRef, Email, Phone};

/// A contact, by as many of its names as an event tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// GHL's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ContactId>,
    /// An e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// A telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
}

impl Person {
    /// Whoever these texts name; one that is no name is left out.
    pub(super) fn of(id: Option<&str>, email: Option<&str>, phone: Option<&str>) -> Self {
        Self {
            id: id.and_then(|id| id.parse().ok()),
            email: email.and_then(|email| email.parse().ok()),
            phone: phone.and_then(|phone| phone.parse().ok()),
        }
    }

    /// Whether the event tells of nobody.
    pub fn is_nobody(&self) -> bool {
        self.id.is_none() && self.email.is_none() && self.phone.is_none()
    }

    /// All of its names.
    pub fn refs(&self) -> Vec<ContactRef> {
        let id = self.id.clone().map(ContactRef::Id);
        let email = self.email.clone().map(ContactRef::Email);
        let phone = self.phone.clone().map(ContactRef::Phone);
        id.into_iter().chain(email).chain(phone).collect()
    }
}
