//! By what the effect of a job is known again in a ledger.

use penstock_shared::job::{CallMethod, Membership, Payload};

use super::ledger::System;

/// What tells a job's effect from those of all others of its contact, among the calls that it may make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trace {
    /// This word stands in what it writes, and in nothing that another job writes.
    Word(String),
    /// It is done to the task or note that the job with this id has made.
    Part(String),
    /// No other job does this to its contact.
    Alone,
    /// It has no effect of its own: other jobs do its work.
    Nothing,
}

/// The operations by which such a job changes something, whether alone or with others in one call.
pub fn operations(payload: &Payload) -> &'static [&'static str] {
    const BULK_TAGS: &str = "create-association";
    match payload {
        Payload::UpsertContact(_) => &["upsert-contact"],
        Payload::CreateContact(_) => &["create-contact", "update-contact"],
        Payload::UpdateContact(_) => &["update-contact"],
        Payload::DeleteContact(_) => &["delete-contact"],
        Payload::CreateTask(_) => &["create-task"],
        Payload::UpdateTask(_) => &["update-task"],
        Payload::CompleteTask(_) => &["update-task-completed"],
        Payload::DeleteTask(_) => &["delete-task"],
        Payload::AttachNote(_) => &["create-note"],
        Payload::UpdateNote(_) => &["update-note"],
        Payload::DeleteNote(_) => &["delete-note"],
        Payload::AddTags(_) => &["add-tags", BULK_TAGS],
        Payload::RemoveTags(_) => &["remove-tags"],
        Payload::BulkTags(_) => &[BULK_TAGS, "add-tags", "remove-tags"],
        Payload::AddFollowers(_) => &["add-followers-contact"],
        Payload::RemoveFollowers(_) => &["remove-followers-contact"],
        Payload::AddToCampaign(_) => &["add-contact-to-campaign"],
        Payload::RemoveFromCampaign(_) => &["remove-contact-from-campaign"],
        Payload::RemoveFromAllCampaigns(_) => &["remove-contact-from-every-campaign"],
        Payload::AddToWorkflow(_) => &["add-contact-to-workflow"],
        Payload::RemoveFromWorkflow(_) => &["delete-contact-from-workflow"],
        Payload::SetBusiness(_) => &["add-remove-contact-from-business"],
        Payload::SendSms(_) => &["send"],
        Payload::SmsListContact(contact) => match contact.operation {
            Membership::Add => &["post-list", "put-list-contact"],
            Membership::Remove => &["delete-list-contact"],
        },
        Payload::SmsBlacklist(number) => match number.operation {
            Membership::Add => &["post-blacklist"],
            Membership::Remove => &["delete-blacklist-contact"],
        },
        Payload::HttpCall(call) => match call.method {
            CallMethod::Patch => &["crm-update-profile"],
            CallMethod::Post => &["crm-create-note", "crm-add-tags"],
            _ => &[],
        },
        // What changes nothing elsewhere.
        Payload::PullContacts(_)
        | Payload::HandleEvent(_)
        | Payload::LinkRecord(_)
        | Payload::PollSms(_) => &[],
    }
}

/// Where such a job's calls go.
pub fn system(payload: &Payload) -> System {
    match payload {
        Payload::SendSms(_)
        | Payload::SmsListContact(_)
        | Payload::SmsBlacklist(_)
        | Payload::PollSms(_) => System::SmsFactor,
        Payload::HttpCall(_) => System::Crm,
        _ => System::Ghl,
    }
}
