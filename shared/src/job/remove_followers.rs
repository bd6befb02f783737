//! `RemoveFollowers`: fewer users who follow a contact.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    list::List,
    payload::Work,
    read::{Place, Read},
    text::ForeignId,
};

/// Makes users follow a contact no more. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveFollowers {
    /// The contact that was followed.
    pub contact: ContactRef,
    /// The ids of the users, 1 to 100 of them.
    pub followers: List<ForeignId, 1, 100>,
}

impl Read for RemoveFollowers {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let followers = fields.required("followers");
        fields.finish();
        Ok(Self {
            contact: contact?,
            followers: followers?,
        })
    }
}

impl Work for RemoveFollowers {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
