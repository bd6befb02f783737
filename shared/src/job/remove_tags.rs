//! `RemoveTags`: fewer tags on a contact.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    list::List,
    payload::Work,
    read::{Place, Read},
    text::Tag,
};

/// Removes tags from those that a contact has. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveTags {
    /// The contact that loses them.
    pub contact: ContactRef,
    /// The tags, 1 to 100 of them. The API compares them lower-cased.
    pub tags: List<Tag, 1, 100>,
}

impl Read for RemoveTags {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let tags = fields.required("tags");
        fields.finish();
        Ok(Self {
            contact: contact?,
            tags: tags?,
        })
    }
}

impl Work for RemoveTags {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
