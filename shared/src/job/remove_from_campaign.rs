//! `RemoveFromCampaign`: a contact out of a campaign.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    path_id::PathId,
    payload::Work,
    read::{Place, Read},
};

/// What the API would take for every campaign in a campaign's place.
const ALL: &str = "removeAll";

/// Removes a contact from a campaign. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveFromCampaign {
    /// The contact that is removed.
    pub contact: ContactRef,
    /// The id of the campaign.
    pub campaign_id: PathId,
}

impl Read for RemoveFromCampaign {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let campaign_id = fields.required_by("campaignId", |place| {
            let id = PathId::read(place)?;
            if id.as_str() == ALL {
                return Err(place.fault("is no campaign; use RemoveFromAllCampaigns"));
            }
            Ok(id)
        });
        fields.finish();
        Ok(Self {
            contact: contact?,
            campaign_id: campaign_id?,
        })
    }
}

impl Work for RemoveFromCampaign {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
