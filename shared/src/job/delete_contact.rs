//! `DeleteContact`: a contact that is there no more.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
};

/// Deletes a contact. One that is given by its id and is not there (any more) counts as deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteContact {
    /// The contact that is deleted.
    pub contact: ContactRef,
}

impl Read for DeleteContact {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        fields.finish();
        Ok(Self { contact: contact? })
    }
}

impl Work for DeleteContact {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
