//! `AddToCampaign`: a contact in a campaign.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    path_id::PathId,
    payload::Work,
    read::{Place, Read},
};

/// Adds a contact to a campaign. The API cannot tell a repeated one from a new one, nor show whether it took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddToCampaign {
    /// The contact that is added.
    pub contact: ContactRef,
    /// The id of the campaign.
    pub campaign_id: PathId,
}

impl Read for AddToCampaign {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let campaign_id = fields.required("campaignId");
        fields.finish();
        Ok(Self {
            contact: contact?,
            campaign_id: campaign_id?,
        })
    }
}

impl Work for AddToCampaign {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        false
    }
}
