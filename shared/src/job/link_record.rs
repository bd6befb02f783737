//! `LinkRecord`: what a contact is called in another system.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    destination::Destination,
    fault::Noted,
    id::JobId,
    payload::Work,
    read::{Place, Read},
    text::{ForeignId, Line},
};

/// Keeps which record of another system a contact is: what is told of the one goes to the other. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkRecord {
    /// The contact.
    pub contact: ContactRef,
    /// The other system, by the name that its events have as their source.
    pub system: Destination,
    /// What it is called there.
    pub record: RecordRef,
}

/// A record of another system: `{"id":"…"}`, or what a job has made: `{"job":"ID","pointer":"/id"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RecordRef {
    /// By its id there.
    Id(RecordId),
    /// Where it stands in a job's result.
    Made(Made),
}

/// A record by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordId {
    /// What it is called there.
    pub id: ForeignId,
}

/// A record that a job has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The job.
    pub job: JobId,
    /// Where its id stands in the job's result (RFC 6901).
    pub pointer: Line,
}

impl RecordRef {
    /// The job that has made it, where it is given so.
    pub(super) fn job(&self) -> Option<&JobId> {
        match self {
            Self::Id(_) => None,
            Self::Made(made) => Some(&made.job),
        }
    }
}

impl Read for RecordRef {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        if fields.has("job") {
            let (job, pointer) = (fields.required("job"), fields.required("pointer"));
            fields.finish();
            return Ok(Self::Made(Made {
                job: job?,
                pointer: pointer?,
            }));
        }
        let id = fields.required("id");
        fields.finish();
        Ok(Self::Id(RecordId { id: id? }))
    }
}

impl Read for LinkRecord {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required_by("contact", |place| {
            let contact = ContactRef::read(place)?;
            match contact {
                ContactRef::Id(_) | ContactRef::Job(_) => Ok(contact),
                _ => Err(place.fault("only by id or job: nobody is asked for it")),
            }
        });
        let system = fields.required("system");
        let record = fields.required("record");
        fields.finish();
        Ok(Self {
            contact: contact?,
            system: system?,
            record: record?,
        })
    }
}

impl Work for LinkRecord {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn destination(&self) -> Destination {
        Destination::FLOW
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
