//! The jobs that are put through.

use penstock_shared::{
    job::{Job, JobId},
    queue::record::NewJob,
};
use serde_json::{Value, json};

/// More than one, since a tenant takes a slot only while it holds fewer than are free: one alone would use half of them.
pub(crate) const TENANTS: u32 = 8;
/// The length of every payload, as JSON.
const PAYLOAD_BYTES: usize = 300;

/// What the jobs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// May be repeated.
    Tags,
    /// May not be repeated: its intent is written down before the call.
    Note,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tags => "AddTags",
            Self::Note => "AttachNote",
        }
    }

    fn payload(self, contact: u32, text: &str) -> Value {
        let contact = json!({ "id": contact_id(contact) });
        match self {
            Self::Tags => json!({ "contact": contact, "tags": [text] }),
            Self::Note => json!({ "contact": contact, "body": text }),
        }
    }
}

pub(crate) fn tenant(number: u32) -> String {
    format!("benchmarkTenant{number:05}")
}

/// Tells the HTTP server which contact a call is for.
pub(crate) fn contact_id(number: u32) -> String {
    format!("contact{number:013}")
}

pub(crate) fn contact_number(id: &str) -> Option<usize> {
    id.strip_prefix("contact")?.parse().ok()
}

/// Jobs 0 to `count`; each contact has `per_contact` of them, which follow on each other.
pub(crate) fn jobs(kind: Kind, count: u32, per_contact: u32) -> Vec<NewJob> {
    (0..count)
        .map(|number| job(kind, number / per_contact))
        .collect()
}

/// A job for this contact.
pub(crate) fn job(kind: Kind, contact: u32) -> NewJob {
    let unpadded = kind.payload(contact, "").to_string().len();
    let text = "x".repeat(PAYLOAD_BYTES - unpadded);
    let document = json!({
        "type": kind.name(),
        "tenant": tenant(contact % TENANTS),
        "payload": kind.payload(contact, &text),
    });
    NewJob {
        id: JobId::generate(),
        job: Job::from_value(document)
            .unwrap_or_else(|faults| panic!("the load's job is none: {faults:?}")),
    }
}
