//! A job: who it is for, what there is to do, and when.
//!
//! [`Job::parse`] is the one door for what comes from outside. What it lets in is valid and in its normal form; what it
//! does not, it refuses with every fault and its path.

mod add_followers;
mod add_tags;
mod add_to_campaign;
mod add_to_workflow;
mod attach_note;
mod attempts;
mod bulk_tags;
mod color;
mod complete_task;
mod contact;
mod contact_ids;
mod create_contact;
mod create_task;
mod custom_field;
mod date;
mod delete_contact;
mod delete_note;
mod delete_task;
mod destination;
mod dnd;
mod document;
mod effect_ref;
mod email;
mod fault;
mod handle_event;
mod http_call;
mod id;
mod link_record;
mod list;
mod membership;
mod merge;
mod packed;
mod parent;
mod patch;
mod path_id;
mod payload;
mod per_type;
mod person;
mod phone;
mod poll_sms;
mod priority;
mod pull_contacts;
mod read;
mod remove_followers;
mod remove_from_all_campaigns;
mod remove_from_campaign;
mod remove_from_workflow;
mod remove_tags;
mod schema;
mod send_sms;
mod set_business;
mod sms_blacklist;
mod sms_list_contact;
mod spread;
pub mod state;
mod tenant;
mod text;
mod update_contact;
mod update_note;
mod update_task;
mod upsert_contact;

use jiff::Timestamp;
use serde::Serialize;

pub(crate) use self::document::normal as normal_number;
pub(crate) use self::http_call::is_segment;
pub use self::{
    add_followers::AddFollowers,
    add_tags::AddTags,
    add_to_campaign::AddToCampaign,
    add_to_workflow::AddToWorkflow,
    attach_note::AttachNote,
    attempts::MaxAttempts,
    bulk_tags::{BulkTags, TagOperation},
    color::Color,
    complete_task::CompleteTask,
    contact::{ContactId, ContactRef},
    contact_ids::ContactIds,
    create_contact::CreateContact,
    create_task::CreateTask,
    custom_field::{CustomField, FieldValue},
    date::{BirthDate, DueDate, EventStart},
    delete_contact::DeleteContact,
    delete_note::DeleteNote,
    delete_task::DeleteTask,
    destination::Destination,
    dnd::{
        DndSetting, DndSettings, DndStatus, InboundDndSetting, InboundDndSettings, InboundDndStatus,
    },
    effect_ref::EffectRef,
    email::Email,
    fault::{Fault, Invalid},
    handle_event::{HandleEvent, Telling},
    http_call::{AcceptedStatus, Body, CallMethod, CallPath, ConnectionName, Entries, HttpCall},
    id::JobId,
    link_record::{LinkOperation, LinkRecord, Made, RecordId, RecordRef},
    list::List,
    membership::Membership,
    parent::Parent,
    patch::Patch,
    path_id::PathId,
    payload::{JobType, Payload},
    per_type::PerType,
    person::Person,
    phone::Phone,
    poll_sms::{PollSms, Polled},
    priority::Priority,
    pull_contacts::{PageLimit, PullContacts, PulledAs},
    remove_followers::RemoveFollowers,
    remove_from_all_campaigns::RemoveFromAllCampaigns,
    remove_from_campaign::RemoveFromCampaign,
    remove_from_workflow::RemoveFromWorkflow,
    remove_tags::RemoveTags,
    schema::schemas,
    send_sms::{PushType, SendSms},
    set_business::SetBusiness,
    sms_blacklist::SmsBlacklist,
    sms_list_contact::SmsListContact,
    spread::MAX_SPREAD_BYTES,
    tenant::Tenant,
    text::{ForeignId, Line, NoteBody, Prose, Tag, Text, Title},
    update_contact::UpdateContact,
    update_note::UpdateNote,
    update_task::UpdateTask,
    upsert_contact::UpsertContact,
};
use self::{
    date::Moment,
    document::Node,
    fault::{Faults, Noted, Path},
    read::{Fields, Place},
};

/// The most bytes that one job's JSON may have.
pub const MAX_JOB_BYTES: usize = 64 * 1024;

/// How much longer a job may be once it is written in its normal form, with the members that were left out.
const ROOM: usize = 4 * 1024;

/// The most bytes that a batch of jobs may have.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// One job as its producer gives it. Serialised, it is what [`Job::parse`] reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// The caller's own key, unique within the tenant; without one, one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<JobId>,
    /// Whose job it is: a GHL location.
    pub tenant: Tenant,
    /// Which due jobs it goes before.
    #[serde(skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// Not before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// Failed attempts before it is dead; the system's setting unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<MaxAttempts>,
    /// What there is to do; `type` and `payload` in JSON.
    #[serde(flatten)]
    pub payload: Payload,
}

impl Job {
    /// Reads one job from JSON, or says everything that is wrong with it, in the document's order.
    ///
    /// ```
    /// use penstock_shared::job::Job;
    ///
    /// let faults = Job::parse(br#"{"type":"AddTags","tenant":"loc","payload":{"tags":["vip"]}}"#).unwrap_err();
    /// assert_eq!(faults[0].to_string(), "payload.contact: missing");
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        if bytes.len() > MAX_JOB_BYTES {
            return Err(vec![too_large(bytes.len())]);
        }
        Self::from_document(Node::from_bytes(bytes))
    }

    /// Takes one job out of a JSON value. (A value cannot tell of repeated members; [`Job::parse`] can.)
    pub fn from_value(value: serde_json::Value) -> Result<Self, Vec<Fault>> {
        let size = value.to_string().len();
        if size > MAX_JOB_BYTES {
            return Err(vec![too_large(size)]);
        }
        Self::from_document(Node::from_value(value))
    }

    /// Refuses one that was not read but made, and has more bytes than a job may have, by far: what was read may have become a little longer.
    pub fn check_size(&self) -> Result<(), Fault> {
        let size = size(self);
        if size <= MAX_JOB_BYTES + ROOM {
            return Ok(());
        }
        Err(too_large(size))
    }

    fn from_document(document: Result<Node, Fault>) -> Result<Self, Vec<Fault>> {
        let node = document.map_err(|fault| vec![fault])?;
        let faults = Faults::default();
        node.note_repeated(&Path::Root, &faults);
        let job = Self::read(Place::new(&node, &Path::Root, &faults));
        faults.settle(job)
    }

    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let id = fields.optional("id");
        let tenant = fields.required("tenant");
        let priority = fields.optional("priority").unwrap_or_default();
        let run_at = fields.optional::<Moment>("runAt").map(|moment| moment.0);
        let max_attempts = fields.optional("maxAttempts");
        let payload = read_payload(&mut fields);
        let is_its_own = |id: &JobId| {
            let payload = payload.as_ref().ok();
            let mut parents = payload.into_iter().flat_map(Payload::parents);
            parents.any(|parent| parent.job == *id)
        };
        if id.as_ref().is_some_and(is_its_own) {
            fields.missing(
                "payload",
                "refers to the job itself, which would wait for its own end",
            );
        }
        fields.finish();
        Ok(Self {
            id,
            tenant: tenant?,
            priority,
            run_at,
            max_attempts,
            payload: payload?,
        })
    }
}

/// How many bytes it has as JSON.
fn size(of: &impl Serialize) -> usize {
    let mut size = Size(0);
    // Text keys and JSON's own values: only the size could be refused, and counting refuses nothing.
    let _ = serde_json::to_writer(&mut size, of);
    size.0
}

/// Counts what is written.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The payload can be read only where its type is known, but that it is missing can be said in any case.
fn read_payload(fields: &mut Fields<'_>) -> Result<Payload, Noted> {
    let job_type = fields.required::<JobType>("type");
    fields.required_by("payload", |place| Payload::read(job_type?, place))
}

fn too_large(bytes: usize) -> Fault {
    Fault::whole(format!(
        "a job may have {MAX_JOB_BYTES} bytes; this one has {bytes}"
    ))
}

#[cfg(test)]
pub(crate) mod tests;
