//! `SetBusiness`: the business that contacts belong to.

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    contact::ContactRef,
    contact_ids::ContactIds,
    destination::Destination,
    fault::Noted,
    patch::Patch,
    payload::Work,
    read::{Place, Read},
    text::ForeignId,
};

/// Makes contacts belong to a business, or to none. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetBusiness {
    /// The contacts, 1 to 500 of them, each once and by its id.
    pub contacts: ContactIds,
    /// The id of the business; `null` for none.
    pub business_id: Patch<ForeignId>,
}

impl Read for SetBusiness {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contacts = fields.required("contacts");
        let business_id = if fields.has("businessId") {
            Ok(fields.nullable("businessId"))
        } else {
            fields.required::<ForeignId>("businessId").map(Patch::Set)
        };
        fields.finish();
        Ok(Self {
            contacts: contacts?,
            business_id: business_id?,
        })
    }
}

impl Work for SetBusiness {
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
        let business = self.business_id.value().map_or("", ForeignId::as_str);
        let digest = Sha256::digest(["SetBusiness", business].join("\n"));
        // Of the kind that one call may do for many contacts, and a hint, as that of `AddTags` is.
        [b"t", &digest[..4]].concat()
    }
}
