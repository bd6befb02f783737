//! The request that a job is.

use super::Request;
use crate::{
    ghl::{Place, Walk},
    job::{ContactId, Payload, Tenant},
};

impl Request {
    /// The call that does what the payload says, for the contact that it is about; `None` where that is needed and not given.
    pub fn of(payload: &Payload, tenant: &Tenant, contact: Option<&ContactId>) -> Option<Self> {
        Some(match payload {
            Payload::UpsertContact(upsert) => Self::upsert(tenant, upsert),
            Payload::CreateContact(create) => Self::create_contact(tenant, create),
            Payload::BulkTags(bulk) => {
                if let Some(contact) = bulk.contacts.single() {
                    return Some(Self::tags_of_one(tenant, contact, bulk));
                }
                let all: Vec<_> = bulk.contacts.iter().cloned().collect();
                Self::bulk_tags(tenant, &all, bulk.as_ref().into())
            }
            Payload::SetBusiness(business) => {
                let all: Vec<_> = business.contacts.iter().cloned().collect();
                Self::set_business(tenant, &all, business)
            }
            // Of its first page.
            Payload::PullContacts(pull) => Walk::of(pull).request(tenant, &Place::default()),
            of_contact => Self::of_contact(of_contact, contact?)?,
        })
    }

    /// The same of what is about one contact that is there.
    fn of_contact(payload: &Payload, contact: &ContactId) -> Option<Self> {
        Some(match payload {
            Payload::UpdateContact(update) => Self::update_contact(contact, update),
            Payload::DeleteContact(_) => Self::delete_contact(contact),
            Payload::CreateTask(task) => Self::create_task(contact, task),
            Payload::UpdateTask(task) => Self::update_task(contact, task.task.id()?, task),
            Payload::CompleteTask(task) => Self::complete_task(contact, task.task.id()?, task),
            Payload::DeleteTask(delete) => Self::delete_task(contact, delete.task.id()?.as_str()),
            Payload::AttachNote(note) => Self::create_note(contact, note),
            Payload::UpdateNote(note) => Self::update_note(contact, note.note.id()?, note),
            Payload::DeleteNote(delete) => Self::delete_note(contact, delete.note.id()?.as_str()),
            Payload::AddTags(tags) => Self::add_tags(contact, tags),
            Payload::RemoveTags(tags) => Self::remove_tags(contact, tags),
            Payload::AddFollowers(followers) => Self::add_followers(contact, followers),
            Payload::RemoveFollowers(followers) => Self::remove_followers(contact, followers),
            Payload::AddToCampaign(campaign) => Self::add_to_campaign(contact, campaign),
            Payload::RemoveFromCampaign(campaign) => Self::remove_from_campaign(contact, campaign),
            Payload::RemoveFromAllCampaigns(_) => Self::remove_from_all_campaigns(contact),
            Payload::AddToWorkflow(workflow) => Self::add_to_workflow(contact, workflow),
            Payload::RemoveFromWorkflow(workflow) => Self::remove_from_workflow(contact, workflow),
            Payload::UpsertContact(_)
            | Payload::CreateContact(_)
            | Payload::BulkTags(_)
            | Payload::SetBusiness(_)
            | Payload::PullContacts(_)
            | Payload::HandleEvent(_)
            | Payload::LinkRecord(_)
            | Payload::SendSms(_)
            | Payload::SmsListContact(_)
            | Payload::SmsBlacklist(_)
            | Payload::PollSms(_)
            | Payload::HttpCall(_) => return None,
        })
    }
}
