//! `BulkTags`: the same tags for many contacts.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    contact::ContactRef,
    contact_ids::ContactIds,
    destination::Destination,
    fault::{Invalid, Noted},
    list::List,
    payload::Work,
    read::{Fields, Place, Read},
    text::Tag,
};

/// Adds tags to many contacts, or removes them from them. Each contact has a result of its own. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    { "properties": { "tags": { "minItems": 1 } } },
    { "required": ["removeAllTags"], "properties": { "removeAllTags": { "const": true }, "operation": { "const": "remove" } } },
]))]
pub struct BulkTags {
    /// The contacts, 1 to 500 of them, each once and by its id.
    pub contacts: ContactIds,
    /// The tags, up to 100; none only where all are removed.
    pub tags: List<Tag, 0, 100>,
    /// What is done with them.
    pub operation: TagOperation,
    /// Whether all tags are removed, whichever they are; only with `remove`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove_all_tags: bool,
}

/// What is done with tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum TagOperation {
    /// The contacts get them.
    Add,
    /// The contacts lose them.
    Remove,
}

impl TagOperation {
    /// As the API names it in the path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
        }
    }
}

impl FromStr for TagOperation {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "add" => Ok(Self::Add),
            "remove" => Ok(Self::Remove),
            _ => Err(Invalid::new("must be add or remove")),
        }
    }
}

impl Read for TagOperation {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}

impl BulkTags {
    /// Whether both do the same to their contacts.
    pub fn does_same(&self, other: &Self) -> bool {
        let within = |a: &Self, b: &Self| a.tags.iter().all(|tag| b.tags.contains(tag));
        let same_kind =
            self.operation == other.operation && self.remove_all_tags == other.remove_all_tags;
        same_kind && within(self, other) && within(other, self)
    }

    fn check_tags(&self, fields: &Fields<'_>) {
        if self.tags.is_empty() && !self.remove_all_tags {
            fields.missing("tags", "none only with removeAllTags");
        }
        if self.remove_all_tags && self.operation == TagOperation::Add {
            fields.missing("removeAllTags", "only with the operation remove");
        }
    }
}

impl Read for BulkTags {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contacts = fields.required("contacts");
        let tags = fields.required("tags");
        let operation = fields.required("operation");
        let remove_all_tags = fields.optional("removeAllTags").unwrap_or_default();
        let read = (|| {
            Ok(Self {
                contacts: contacts?,
                tags: tags?,
                operation: operation?,
                remove_all_tags,
            })
        })();
        if let Ok(read) = &read {
            read.check_tags(&fields);
        }
        fields.finish();
        read
    }
}

impl Work for BulkTags {
    fn contact_refs(&self) -> Vec<ContactRef> {
        self.contacts.contact_refs()
    }

    /// One for several is spread over jobs for one each, and calls nobody itself.
    fn destination(&self) -> Destination {
        match self.contacts.single() {
            Some(_) => Destination::GHL,
            None => Destination::FLOW,
        }
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    fn merge_key(&self) -> Vec<u8> {
        if self.contacts.single().is_none() {
            return Vec::new();
        }
        let mut tags: Vec<_> = self.tags.iter().map(Tag::as_str).collect();
        tags.sort_unstable();
        let digest = Sha256::new()
            .chain_update(["BulkTags", self.operation.as_str(), ""].join("\n"))
            .chain_update([u8::from(self.remove_all_tags)])
            .chain_update(tags.join("\n"))
            .finalize();
        // Of the kind that one call may do for many contacts, and a hint, as that of `AddTags` is.
        [b"t", &digest[..4]].concat()
    }
}
