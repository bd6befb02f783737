//! Writes of many contacts at once; the answer tells of each.

use serde_json::json;

use super::{Members, Request, contact::of_tenant};
use crate::{
    ghl::Operation,
    job::{AddTags, BulkTags, ContactId, SetBusiness, Tag, TagOperation, Tenant},
};

/// What is done with the tags of many contacts.
#[derive(Debug, Clone, Copy)]
pub struct TagChange<'a> {
    operation: TagOperation,
    tags: &'a [Tag],
    /// Whether all are removed, whichever they are.
    removes_all: bool,
}

impl<'a> From<&'a AddTags> for TagChange<'a> {
    fn from(add: &'a AddTags) -> Self {
        Self {
            operation: TagOperation::Add,
            tags: &add.tags,
            removes_all: false,
        }
    }
}

impl<'a> From<&'a BulkTags> for TagChange<'a> {
    fn from(bulk: &'a BulkTags) -> Self {
        Self {
            operation: bulk.operation,
            tags: &bulk.tags,
            removes_all: bulk.remove_all_tags,
        }
    }
}

impl Request {
    /// Adds the same tags to many contacts, or removes them.
    pub fn bulk_tags(tenant: &Tenant, contacts: &[ContactId], change: TagChange<'_>) -> Self {
        let path = format!("/contacts/bulk/tags/update/{}", change.operation.as_str());
        let mut body = Members::new();
        body.insert("contacts".to_owned(), json!(contacts));
        body.insert("tags".to_owned(), json!(change.tags));
        if change.removes_all {
            body.insert("removeAllTags".to_owned(), true.into());
        }
        Self::post(Operation::BulkTags, path, of_tenant(tenant, body))
    }

    /// Makes contacts belong to a business, or to none; at most 50 at once.
    pub fn set_business(tenant: &Tenant, contacts: &[ContactId], business: &SetBusiness) -> Self {
        let mut body = Members::new();
        body.insert("ids".to_owned(), json!(contacts));
        body.insert("businessId".to_owned(), json!(business.business_id));
        let path = "/contacts/bulk/business".to_owned();
        Self::post(Operation::SetBusiness, path, of_tenant(tenant, body))
    }

    /// Changes the tags of one contact as a bulk call would: by the operation that answers for it alone, if there is one.
    pub(super) fn tags_of_one(tenant: &Tenant, contact: &ContactId, bulk: &BulkTags) -> Self {
        let mut body = Members::new();
        body.insert("tags".to_owned(), json!(bulk.tags));
        let path = super::of_contact(contact, "/tags");
        match bulk.operation {
            // No operation of one contact's removes whatever is there.
            TagOperation::Remove if bulk.remove_all_tags => {
                Self::bulk_tags(tenant, std::slice::from_ref(contact), bulk.into())
            }
            TagOperation::Remove => Self::delete(Operation::RemoveTags, path).with(body),
            TagOperation::Add => Self::post(Operation::AddTags, path, body),
        }
    }
}
