//! `RemoveFromAllCampaigns`: a contact in no campaign.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
};

/// Removes a contact from every campaign that it is in. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveFromAllCampaigns {
    /// The contact that is removed.
    pub contact: ContactRef,
}

impl Read for RemoveFromAllCampaigns {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        fields.finish();
        Ok(Self { contact: contact? })
    }
}

impl Work for RemoveFromAllCampaigns {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
