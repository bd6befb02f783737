//! What has happened in another system: an event, as a webhook tells of it.
//!
//! There is a file for each sender that turns bytes which have proved to be its own into events. All of them are tolerant: what is not known is
//! kept in the data, what is missing is left out, and a contact's name that is none is no reason to lose the rest. They refuse only what is
//! no JSON, or nobody's.

mod data;
mod generic;
mod ghl;
mod kind;
mod listed;
mod member;
mod person;
mod smore;
mod smsfactor;
mod source;
#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub use self::{
    data::Data,
    generic::{GenericRules, KindRule},
    ghl::{AppId, GhlEvent},
    kind::Kind,
    listed::{Change, ListChange},
    person::Person,
    smsfactor::MessageType,
    source::Source,
};
use crate::job::{HandleEvent, Job, JobId, Payload, Priority, Tenant};

/// The most events that one webhook may tell of.
pub const MOST_EVENTS: usize = 256;

/// How many bytes of a digest stand for what was hashed.
const DIGEST: usize = 16;

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// Who tells of it.
    pub source: Source,
    /// What kind of event it is: `ContactCreate`, `sms.reply`, `smore.response` …
    pub kind: Kind,
    /// Whose it is.
    pub tenant: Tenant,
    /// What it is known again by, when it is told again: also the id of the job that handles it.
    pub id: JobId,
    /// When it happened, as its sender says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub occurred_at: Option<Timestamp>,
    /// The contact that it is about, as far as it tells.
    #[serde(default, skip_serializing_if = "Person::is_nobody")]
    pub contact: Person,
    /// Whether a part of the data was left out, since there was more than an event may hold.
    #[serde(default, skip_serializing_if = "is_false")]
    pub truncated: bool,
    /// All that its sender says, without the envelope.
    pub data: Data,
}

impl Event {
    /// The job that handles it: told of twice it is the same job.
    pub fn into_job(self) -> Job {
        Job {
            id: Some(self.id.clone()),
            tenant: self.tenant.clone(),
            priority: Priority::Normal,
            run_at: None,
            max_attempts: None,
            payload: Payload::HandleEvent(Box::new(HandleEvent {
                event: self,
                with_contact: false,
                again: None,
                written: None,
                word: false,
            })),
        }
    }

    /// Whether it tells that its contact was deleted.
    pub fn is_deletion(&self) -> bool {
        self.source == Source::Ghl && self.kind.as_str() == "ContactDelete"
    }

    /// The job that hears what a reply says of the message before it, beside the one that handles it: that one stands in its contact's order, behind
    /// the message, which may wait for nothing but this.
    pub fn word(&self) -> Option<Job> {
        let is_reply = ["sms.reply", "sms.stop"].contains(&self.kind.as_str());
        let is_word = self.source == Source::Smsfactor
            && is_reply
            && self.data.members().contains_key("messageId");
        let id = format!("{}~word", self.id).parse().ok()?;
        let mut job = is_word.then(|| self.clone().into_job())?;
        job.id = Some(id);
        if let Payload::HandleEvent(handle) = &mut job.payload {
            handle.word = true;
        }
        Some(job)
    }

    /// The event that a webhook of GHL's tells of. The id of the delivery is a header, which no signature covers.
    pub fn from_ghl(bytes: &[u8], delivery: Option<&str>) -> Result<GhlEvent, Unreadable> {
        ghl::read(bytes, delivery)
    }

    /// The event of a contact as GHL's API lists it, which this job has met.
    pub fn from_contact(
        contact: Value,
        tenant: &Tenant,
        by: &JobId,
        kind: Kind,
    ) -> Result<Self, Unreadable> {
        ghl::pulled(contact, tenant, by, kind)
    }

    /// The events that a webhook of `SMSFactor`'s tells of, whose body does not say of which type it is.
    pub fn from_smsfactor(
        bytes: &[u8],
        tenant: &Tenant,
        told: Option<&MessageType>,
    ) -> Result<Vec<Self>, Unreadable> {
        smsfactor::read(bytes, tenant, told)
    }

    /// The event of a reply that a poll of `SMSFactor` has found: mostly the same as a webhook's.
    pub fn from_smsfactor_reply(reply: Map<String, Value>, tenant: &Tenant) -> Self {
        smsfactor::polled(reply, tenant)
    }

    /// The event of a contact of a list of `SMSFactor`'s that a poll has found to be another than before.
    pub fn from_list_change(tenant: &Tenant, found: &ListChange<'_>) -> Self {
        listed::event(tenant, found)
    }

    /// The events that a webhook of Smore's tells of: one for each response.
    pub fn from_smore(bytes: &[u8], tenant: &Tenant) -> Result<Vec<Self>, Unreadable> {
        smore::read(bytes, tenant)
    }

    /// The event that any other webhook tells of, by rules that say what is where.
    pub fn from_generic(
        bytes: &[u8],
        tenant: &Tenant,
        rules: &GenericRules,
    ) -> Result<Self, Unreadable> {
        generic::read(bytes, tenant, rules)
    }
}

/// Why bytes are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// They are not JSON in UTF-8.
    #[error("the body is not a JSON document")]
    NotJson,
    /// They are JSON, but not what this sender sends.
    #[error("the body is not {0}")]
    NotThis(&'static str),
    /// It does not say whose it is.
    #[error("the event names no location and no company")]
    Nobodys,
    /// It tells of more than one webhook may.
    #[error("more than {MOST_EVENTS} events in one webhook")]
    TooMany,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The document that a body is.
fn document(bytes: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(bytes).map_err(|_| Unreadable::NotJson)
}

/// The members of a document that must be an object.
fn object(bytes: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    match document(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(Unreadable::NotThis("a JSON object")),
    }
}

impl Event {
    /// The event as another one, if what it says is not what was said under its id before: where the sender's ids may be those of records.
    pub fn is_told_otherwise(&self) -> Option<Self> {
        let of_another = !matches!(self.source, Source::Ghl | Source::Smsfactor | Source::Smore);
        let data = of_another.then(|| serde_json::to_vec(&self.data).ok())??;
        let parts = [self.id.as_str().as_bytes(), &data];
        Some(Self {
            id: hashed_id(self.source.as_str(), parts),
            ..self.clone()
        })
    }
}

/// An event's id: its sender's name, and what the sender calls it. What cannot stand in a job's id is hashed.
fn id(source: &str, name: &str) -> JobId {
    // An address or a telephone number in the place of an id would be shown wherever the job's id is.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let plain = name.len() <= 80 && name.bytes().all(allowed);
    if let Some(id) = plain
        .then(|| format!("{source}:{name}").parse().ok())
        .flatten()
    {
        return id;
    }
    hashed_id(source, [name.as_bytes()])
}

/// An event's id where its sender gives it none: what tells it from others, hashed.
fn hashed_id(source: &str, parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> JobId {
    let mut digest = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let name = URL_SAFE_NO_PAD.encode(&digest[..DIGEST]);
    let id = format!("{source}:sha256-{name}").parse();
    // A source's name and letters: an id in any case.
    id.unwrap_or_else(|_| JobId::generate())
}
