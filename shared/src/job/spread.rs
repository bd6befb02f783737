//! Jobs for several contacts: each is spread over a job for each of them, which says the same to that one.

use super::{
    bulk_tags::BulkTags, contact_ids::ContactIds, fault::Noted, payload::Payload, read::Place,
    set_business::SetBusiness, size,
};

/// The most bytes that such a job may come to once it is spread: what it says to each of its contacts is stored with each. A few bytes more of tags
/// are some hundred times as many in Redis.
pub const MAX_SPREAD_BYTES: usize = 1024 * 1024;

/// What storing a job for one contact takes beside what it says.
const BESIDE: usize = 256;

impl Payload {
    /// The contacts of a job that is for several; `None` if it is for one at the most.
    pub fn several(&self) -> Option<&ContactIds> {
        let contacts = match self {
            Self::BulkTags(bulk) => &bulk.contacts,
            Self::SetBusiness(business) => &business.contacts,
            _ => return None,
        };
        contacts.single().is_none().then_some(contacts)
    }

    /// What the jobs do, each for one contact, that it is spread over: none if it is for one itself. Each is made when it is asked for.
    pub fn spread(&self) -> impl Iterator<Item = Self> {
        let contacts = self.several().into_iter().flat_map(ContactIds::each);
        contacts.filter_map(|contacts| self.about(contacts))
    }

    /// The same for these contacts.
    fn about(&self, contacts: ContactIds) -> Option<Self> {
        match self {
            Self::BulkTags(bulk) => Some(Self::BulkTags(Box::new(BulkTags {
                contacts,
                tags: bulk.tags.clone(),
                ..**bulk
            }))),
            Self::SetBusiness(business) => Some(Self::SetBusiness(Box::new(SetBusiness {
                contacts,
                business_id: business.business_id.clone(),
            }))),
            _ => None,
        }
    }

    /// How many bytes the jobs have that it is spread over, about; 0 if it is for one contact.
    pub fn spread_bytes(&self) -> usize {
        let Some(contacts) = self.several() else {
            return 0;
        };
        let said = match self {
            Self::BulkTags(bulk) => size(&bulk.tags),
            Self::SetBusiness(business) => size(&business.business_id.value()),
            _ => 0,
        };
        contacts.iter().count() * (said + BESIDE)
    }

    /// Refuses one that comes to too much, whatever door it comes through.
    pub(super) fn check_spread(self, place: Place<'_>) -> Result<Self, Noted> {
        let bytes = self.spread_bytes();
        if bytes <= MAX_SPREAD_BYTES {
            return Ok(self);
        }
        Err(place.fault(format!(
            "what it says to each of its contacts is stored with each, and comes to {bytes} bytes; it may have {MAX_SPREAD_BYTES}: name fewer contacts in one job, or say less"
        )))
    }
}
