//! Writes of a contact itself.

use serde_json::json;

use super::{CONTACTS, Members, Request, members, of_contact};
use crate::{
    ghl::Operation,
    job::{
        AddFollowers, AddTags, AddToCampaign, AddToWorkflow, ContactId, CreateContact,
        RemoveFollowers, RemoveFromCampaign, RemoveFromWorkflow, RemoveTags, Tenant, UpdateContact,
        UpsertContact,
    },
};

/// What a contact is created with, and updating one refuses.
const OF_CREATION: [&str; 2] = ["gender", "companyName"];

impl Request {
    /// Creates a contact.
    pub fn create_contact(tenant: &Tenant, contact: &CreateContact) -> Self {
        let body = of_tenant(tenant, members(contact));
        Self::post(Operation::CreateContact, CONTACTS.to_owned(), body)
    }

    /// Creates or updates a contact.
    pub fn upsert(tenant: &Tenant, contact: &UpsertContact) -> Self {
        let body = of_tenant(tenant, members(contact));
        Self {
            // Where the location allows duplicates, this flag makes every upsert a new contact.
            idempotent: !contact.create_new_if_duplicate_allowed,
            ..Self::post(
                Operation::UpsertContact,
                "/contacts/upsert".to_owned(),
                body,
            )
        }
    }

    /// Updates a contact.
    pub fn update_contact(id: &ContactId, contact: &UpdateContact) -> Self {
        Self::put(
            Operation::UpdateContact,
            of_contact(id, ""),
            members(contact),
        )
    }

    /// Gives the contact that is there already what a new one was to have, as far as an update takes it.
    pub fn update_instead(id: &ContactId, contact: &CreateContact) -> Self {
        let mut body = members(contact);
        body.retain(|name, _| !OF_CREATION.contains(&name.as_str()));
        Self::put(Operation::UpdateContact, of_contact(id, ""), body)
    }

    /// The same, of those members alone that it lacks: its tags, which would be replaced, may have grown since.
    pub fn update_lacking(id: &ContactId, contact: &CreateContact, lacking: &[String]) -> Self {
        let mut body = members(contact);
        body.retain(|name, _| lacking.contains(name));
        Self::put(Operation::UpdateContact, of_contact(id, ""), body)
    }

    /// Deletes a contact.
    pub fn delete_contact(id: &ContactId) -> Self {
        Self::delete(Operation::DeleteContact, of_contact(id, ""))
    }

    /// Adds tags to a contact.
    pub fn add_tags(contact: &ContactId, tags: &AddTags) -> Self {
        let path = of_contact(contact, "/tags");
        Self::post(Operation::AddTags, path, members(tags))
    }

    /// Removes tags from a contact.
    pub fn remove_tags(contact: &ContactId, tags: &RemoveTags) -> Self {
        let path = of_contact(contact, "/tags");
        Self::delete(Operation::RemoveTags, path).with(members(tags))
    }

    /// Makes users follow a contact.
    pub fn add_followers(contact: &ContactId, followers: &AddFollowers) -> Self {
        let path = of_contact(contact, "/followers");
        Self::post(Operation::AddFollowers, path, members(followers))
    }

    /// Makes users follow a contact no more.
    pub fn remove_followers(contact: &ContactId, followers: &RemoveFollowers) -> Self {
        let path = of_contact(contact, "/followers");
        Self::delete(Operation::RemoveFollowers, path).with(members(followers))
    }

    /// Adds a contact to a campaign.
    pub fn add_to_campaign(contact: &ContactId, campaign: &AddToCampaign) -> Self {
        let path = super::of_part(contact, "campaigns", campaign.campaign_id.as_str());
        Self::post(Operation::AddToCampaign, path, members(campaign))
    }

    /// Removes a contact from a campaign.
    pub fn remove_from_campaign(contact: &ContactId, campaign: &RemoveFromCampaign) -> Self {
        let path = super::of_part(contact, "campaigns", campaign.campaign_id.as_str());
        Self::delete(Operation::RemoveFromCampaign, path)
    }

    /// Removes a contact from every campaign.
    pub fn remove_from_all_campaigns(contact: &ContactId) -> Self {
        let path = of_contact(contact, "/campaigns/removeAll");
        Self::delete(Operation::RemoveFromAllCampaigns, path)
    }

    /// Adds a contact to a workflow.
    pub fn add_to_workflow(contact: &ContactId, workflow: &AddToWorkflow) -> Self {
        let path = super::of_part(contact, "workflow", workflow.workflow_id.as_str());
        Self::post(Operation::AddToWorkflow, path, members(workflow))
    }

    /// Removes a contact from a workflow.
    pub fn remove_from_workflow(contact: &ContactId, workflow: &RemoveFromWorkflow) -> Self {
        let path = super::of_part(contact, "workflow", workflow.workflow_id.as_str());
        Self::delete(Operation::RemoveFromWorkflow, path).with(members(workflow))
    }
}

/// The body, with whose it is.
pub(super) fn of_tenant(tenant: &Tenant, mut body: Members) -> Members {
    body.insert("locationId".to_owned(), json!(tenant));
    body
}
