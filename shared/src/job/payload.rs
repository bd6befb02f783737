//! What there is to do: the list of job types, and the payload of each.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    add_followers::AddFollowers,
    add_tags::AddTags,
    add_to_campaign::AddToCampaign,
    add_to_workflow::AddToWorkflow,
    attach_note::AttachNote,
    bulk_tags::BulkTags,
    complete_task::CompleteTask,
    contact::ContactRef,
    create_contact::CreateContact,
    create_task::CreateTask,
    delete_contact::DeleteContact,
    delete_note::DeleteNote,
    delete_task::DeleteTask,
    destination::Destination,
    document::Node,
    effect_ref::EffectRef,
    fault::{Fault, Faults, Invalid, Noted, Path},
    handle_event::HandleEvent,
    http_call::HttpCall,
    link_record::{LinkRecord, RecordRef},
    packed,
    parent::Parent,
    path_id::PathId,
    poll_sms::PollSms,
    pull_contacts::PullContacts,
    read::{Place, Read},
    remove_followers::RemoveFollowers,
    remove_from_all_campaigns::RemoveFromAllCampaigns,
    remove_from_campaign::RemoveFromCampaign,
    remove_from_workflow::RemoveFromWorkflow,
    remove_tags::RemoveTags,
    send_sms::SendSms,
    set_business::SetBusiness,
    sms_blacklist::SmsBlacklist,
    sms_list_contact::SmsListContact,
    update_contact::UpdateContact,
    update_note::UpdateNote,
    update_task::UpdateTask,
    upsert_contact::UpsertContact,
};

/// What every job type says about itself.
pub(super) trait Work {
    /// The contacts that it is about, by every name that it gives them.
    fn contact_refs(&self) -> Vec<ContactRef>;

    /// Whether doing it twice is the same as doing it once.
    fn is_idempotent(&self) -> bool;

    /// The task or note that it is about, where it is about one.
    fn effect(&self) -> Option<&EffectRef> {
        None
    }

    /// The same, to be put in other words.
    fn effect_mut(&mut self) -> Option<&mut EffectRef> {
        None
    }

    /// Where its calls go.
    fn destination(&self) -> Destination {
        Destination::GHL
    }

    /// With which others it may become one call: those that say the same. Bytes, since every stored job carries them.
    fn merge_key(&self) -> Vec<u8> {
        Vec::new()
    }
}

macro_rules! job_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// The kinds of job there are.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum JobType { $($(#[$doc])* $name,)+ }

        impl JobType {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name that jobs and people call it by.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }

            /// The number that stands for it where jobs are stored.
            pub fn code(self) -> u8 {
                match self { $(Self::$name => $code),+ }
            }

            /// The JSON Schema of this type's payload.
            pub(super) fn payload_schema(self, generator: &mut SchemaGenerator) -> Schema {
                match self { $(Self::$name => $name::json_schema(generator)),+ }
            }
        }

        /// What a job does, by its type.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(tag = "type", content = "payload")]
        pub enum Payload { $($(#[$doc])* $name(Box<$name>),)+ }

        impl Payload {
            /// The kind of job that this is for.
            pub fn job_type(&self) -> JobType {
                match self { $(Self::$name(_) => JobType::$name),+ }
            }

            fn work(&self) -> &dyn Work {
                match self { $(Self::$name(work) => work.as_ref()),+ }
            }

            fn work_mut(&mut self) -> &mut dyn Work {
                match self { $(Self::$name(work) => work.as_mut()),+ }
            }

            /// The payload alone, in GHL's field names and its normal form.
            pub fn to_value(&self) -> Value {
                let value = match self { $(Self::$name(work) => serde_json::to_value(work)),+ };
                // Struct fields and string keys only: there is nothing that JSON could not say.
                value.unwrap_or_default()
            }

            pub(super) fn read(job_type: JobType, place: Place<'_>) -> Result<Self, Noted> {
                let read = match job_type { $(JobType::$name => $name::read(place).map(Box::new).map(Self::$name)),+ };
                read?.check_spread(place)
            }
        }
    };
}

// The one list: a new job type is a line here, with a number that was never used, and a file beside this one.
job_types! {
    /// Create a contact, or update the one with this email or phone.
    UpsertContact = 1,
    /// Create a task on a contact.
    CreateTask = 2,
    /// Attach a note to a contact.
    AttachNote = 3,
    /// Add tags to a contact.
    AddTags = 4,
    /// Create a contact.
    CreateContact = 5,
    /// Update a contact.
    UpdateContact = 6,
    /// Delete a contact.
    DeleteContact = 7,
    /// Update a task of a contact.
    UpdateTask = 8,
    /// Mark a task of a contact as done, or not done.
    CompleteTask = 9,
    /// Delete a task of a contact.
    DeleteTask = 10,
    /// Update a note on a contact.
    UpdateNote = 11,
    /// Delete a note on a contact.
    DeleteNote = 12,
    /// Remove tags from a contact.
    RemoveTags = 13,
    /// Add tags to many contacts, or remove them.
    BulkTags = 14,
    /// Make users follow a contact.
    AddFollowers = 15,
    /// Make users follow a contact no more.
    RemoveFollowers = 16,
    /// Add a contact to a campaign.
    AddToCampaign = 17,
    /// Remove a contact from a campaign.
    RemoveFromCampaign = 18,
    /// Remove a contact from every campaign.
    RemoveFromAllCampaigns = 19,
    /// Add a contact to a workflow.
    AddToWorkflow = 20,
    /// Remove a contact from a workflow.
    RemoveFromWorkflow = 21,
    /// Make contacts belong to a business, or to none.
    SetBusiness = 22,
    /// Walk through a location's contacts, and tell of each as of an event.
    PullContacts = 23,
    /// Do what follows from an event; webhooks make these.
    HandleEvent = 24,
    /// Send a text message.
    SendSms = 25,
    /// Put a number into a list of text messages, or take it out.
    SmsListContact = 26,
    /// Put a number on the blacklist of text messages, or take it off.
    SmsBlacklist = 27,
    /// Call a system that a connection leads to.
    HttpCall = 28,
    /// Keep which record of another system a contact is.
    LinkRecord = 29,
    /// Ask for replies to text messages, or for the contacts of a list, and make events of what is new.
    PollSms = 30,
}

impl JobType {
    /// Whether such jobs may come from outside, over HTTP. The others are made here, of what has proved to be true.
    pub fn is_public(self) -> bool {
        !matches!(self, Self::HandleEvent)
    }
}

impl Payload {
    /// The contacts that the job is about: one, or those names of one that an upsert or an event has.
    pub fn contact_refs(&self) -> Vec<ContactRef> {
        self.work().contact_refs()
    }

    /// The job that has made the task or note which this one is about, if it is given so.
    pub fn effect_of(&self) -> Option<&Parent> {
        match self.work().effect()? {
            EffectRef::Job(parent) => Some(parent),
            EffectRef::Id(_) => None,
        }
    }

    /// The other jobs that it goes by: what they have made is looked up when it runs, and waited for.
    pub fn parents(&self) -> Vec<Parent> {
        let contacts = self.contact_refs().into_iter();
        let contacts = contacts.filter_map(|contact| match contact {
            ContactRef::Job(parent) => Some(parent),
            _ => None,
        });
        let record = match self {
            Self::LinkRecord(link) => link.record.as_ref().and_then(RecordRef::made_by),
            _ => None,
        };
        let effect = self.effect_of().cloned();
        contacts.chain(effect).chain(record).collect()
    }

    /// The same about the task or note with this id.
    #[must_use]
    pub fn about_effect(mut self, id: PathId) -> Self {
        if let Some(effect) = self.work_mut().effect_mut() {
            *effect = EffectRef::Id(id);
        }
        self
    }

    /// Where its calls go.
    pub fn destination(&self) -> Destination {
        self.work().destination()
    }

    /// Whether its calls do nothing but read.
    pub fn only_reads(&self) -> bool {
        matches!(self, Self::HandleEvent(_) | Self::PullContacts(_))
    }

    /// Whether doing it twice is the same as doing it once. What is not may never be blindly repeated.
    pub fn is_idempotent(&self) -> bool {
        self.work().is_idempotent()
    }

    /// The payload as JSON with sorted keys: equal payloads have equal bytes.
    pub fn canonical(&self) -> Vec<u8> {
        canonical(self.to_value()).0
    }

    /// 8 bytes that stand for type and payload: out of SHA-256 over the type, a NUL and the canonical JSON. They tell apart what is stored
    /// under one id, so chance alone never makes two of them equal.
    pub fn fingerprint(&self) -> [u8; 8] {
        fingerprint(self.job_type(), &self.canonical())
    }

    /// The payload as it is stored, with its fingerprint.
    pub fn pack(&self) -> ([u8; 8], Vec<u8>) {
        let (json, value) = canonical(self.to_value());
        (fingerprint(self.job_type(), &json), packed::pack(&value))
    }

    /// Reads a stored payload: the type's code, and what [`Payload::pack`] gave.
    pub fn unpack(code: u8, packed: &[u8]) -> Result<Self, Vec<Fault>> {
        let whole = |path: &str, message: String| {
            let path = path.to_owned();
            vec![Fault { path, message }]
        };
        let known = |job_type: &&JobType| job_type.code() == code;
        let job_type = JobType::ALL
            .iter()
            .find(known)
            .ok_or_else(|| whole("type", format!("no job type has the number {code}")))?;
        let value = packed::unpack(packed).map_err(|message| whole("payload", message))?;
        Self::from_value(*job_type, value)
    }

    /// Reads a payload that was built or parsed elsewhere.
    pub(super) fn from_value(job_type: JobType, value: Value) -> Result<Self, Vec<Fault>> {
        let node = Node::from_value(value).map_err(|fault| {
            vec![Fault {
                path: "payload".to_owned(),
                ..fault
            }]
        })?;
        Self::of(job_type, &node)
    }

    /// Reads a payload that a person wrote: JSON, of a job of this type.
    pub fn parse(job_type: JobType, json: &[u8]) -> Result<Self, Vec<Fault>> {
        let node = Node::from_bytes(json).map_err(|fault| {
            vec![Fault {
                path: "payload".to_owned(),
                ..fault
            }]
        })?;
        Self::of(job_type, &node)
    }

    fn of(job_type: JobType, node: &Node) -> Result<Self, Vec<Fault>> {
        let faults = Faults::default();
        let path = Path::Field(&Path::Root, "payload");
        node.note_repeated(&path, &faults);
        let payload = Self::read(job_type, Place::new(node, &path, &faults));
        faults.settle(payload)
    }

    /// With which others it may become one call: those of the same bytes; none if there are no bytes.
    pub fn merge_key(&self) -> Vec<u8> {
        self.work().merge_key()
    }
}

fn canonical(mut value: Value) -> (Vec<u8>, Value) {
    value.sort_all_objects();
    (value.to_string().into_bytes(), value)
}

fn fingerprint(job_type: JobType, canonical: &[u8]) -> [u8; 8] {
    let digest = Sha256::new()
        .chain_update(job_type.as_str())
        .chain_update([0])
        .chain_update(canonical)
        .finalize();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}

impl fmt::Display for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobType {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.iter().find(|job_type| job_type.as_str() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|job_type| job_type.as_str()).collect();
            Invalid::new(format!("no such job type; there are {}", names.join(", ")))
        })
    }
}

impl Read for JobType {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        place.parsed()
    }
}
