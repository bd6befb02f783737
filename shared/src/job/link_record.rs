//! `LinkRecord`: what a contact is called in another system.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    destination::Destination,
    fault::{Invalid, Noted},
    id::JobId,
    parent::Parent,
    payload::Work,
    read::{Place, Read},
    text::{ForeignId, Line},
};

/// Keeps which record of another system a contact is: what is told of the one goes to the other. Or forgets it, with all that was known of
/// both. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkRecord {
    /// The contact.
    pub contact: ContactRef,
    /// The other system, by the name that its events have as their source.
    pub system: Destination,
    /// What it is called there; only where it is linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordRef>,
    /// Whether they are one from now on, or no more; `link` unless said.
    #[serde(default, skip_serializing_if = "LinkOperation::is_link")]
    pub operation: LinkOperation,
}

/// Whether two records are one from now on, or no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LinkOperation {
    /// They are one.
    #[default]
    Link,
    /// They are not: one of them is gone.
    Unlink,
}

impl LinkOperation {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    fn is_link(&self) -> bool {
        *self == Self::Link
    }
}

impl FromStr for LinkOperation {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "link" => Ok(Self::Link),
            "unlink" => Ok(Self::Unlink),
            _ => Err(Invalid::new("must be link or unlink")),
        }
    }
}

impl Read for LinkOperation {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
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
    /// Whether to wait if that job is dead, until it is retried or resolved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
}

impl RecordRef {
    /// The job that has made it, if it is given so.
    pub(super) fn made_by(&self) -> Option<Parent> {
        match self {
            Self::Id(_) => None,
            Self::Made(made) => Some(Parent {
                job: made.job.clone(),
                wait: made.wait,
            }),
        }
    }
}

impl Read for RecordRef {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        if fields.has("job") {
            let (job, pointer) = (fields.required("job"), fields.required("pointer"));
            let wait = fields.optional("wait").unwrap_or_default();
            fields.finish();
            return Ok(Self::Made(Made {
                job: job?,
                pointer: pointer?,
                wait,
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
        let operation = fields.optional("operation").unwrap_or_default();
        let record = match operation {
            LinkOperation::Link => fields.required("record").map(Some),
            LinkOperation::Unlink => Ok(None),
        };
        fields.finish();
        Ok(Self {
            contact: contact?,
            system: system?,
            record: record?,
            operation,
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
