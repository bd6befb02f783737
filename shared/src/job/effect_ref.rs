//! Which task or note of a contact a job is about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    contact::ContactRef,
    fault::Noted,
    parent::Parent,
    path_id::PathId,
    read::{Fields, Place, Read},
};

/// A task or a note, by the API's own id: `{"id":"…"}`, or by the job that has made it: `{"job":"ID"}`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum EffectRef {
    /// The API's own id.
    Id(PathId),
    /// What another job has made.
    #[serde(untagged)]
    Job(Parent),
}

impl EffectRef {
    /// The API's id of it, where it is given by that.
    pub fn id(&self) -> Option<&PathId> {
        match self {
            Self::Id(id) => Some(id),
            Self::Job(_) => None,
        }
    }

    /// Notes that a job's contact is not that of the job which has made its task or note: nobody else has that.
    pub(super) fn check(&self, contact: &Result<ContactRef, Noted>, fields: &Fields<'_>) {
        let Self::Job(parent) = self else {
            return;
        };
        let is_its =
            |contact: &ContactRef| matches!(contact, ContactRef::Job(of) if of.job == parent.job);
        if contact.as_ref().is_ok_and(|contact| !is_its(contact)) {
            fields.missing("contact", "must name the same job, whose contact it is");
        }
    }
}

impl Read for EffectRef {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let named = ["id", "job"].iter().filter(|name| fields.has(name)).count();
        let id = fields.optional("id").map(Self::Id);
        let parent = fields.parent().map(Self::Job);
        fields.finish();
        if named != 1 {
            return Err(place.fault("exactly one of id and job is needed"));
        }
        id.or(parent).ok_or(Noted)
    }
}
