//! `AddTags`: more tags on a contact.

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    contact::ContactRef,
    fault::Noted,
    list::List,
    payload::Work,
    read::{Place, Read},
    text::Tag,
};

/// Adds tags to those that a contact has. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddTags {
    /// The contact that gets them.
    pub contact: ContactRef,
    /// The tags, 1 to 100 of them. The API lower-cases them.
    pub tags: List<Tag, 1, 100>,
}

impl Read for AddTags {
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

impl Work for AddTags {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn merge_key(&self) -> Vec<u8> {
        let mut tags: Vec<_> = self.tags.iter().map(Tag::as_str).collect();
        tags.sort_unstable();
        let digest = Sha256::digest(tags.join("\n"));
        let kind = match &self.contact {
            ContactRef::Id(_) => b"t",
            _ => b"T",
        };
        if let ContactRef::Job(_) = &self.contact {
            return Vec::new();
        }
        // A hint, not a proof: who merges compares the tags themselves.
        [&kind[..], &digest[..4]].concat()
    }
}
