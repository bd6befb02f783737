//! Reads: what changes nothing.

use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{CONTACTS, ID, Request, contact::of_tenant, members, of_contact};
use crate::{
    ghl::Operation,
    job::{ContactId, Email, Phone, Tenant},
};

/// What a contact is looked up by.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// An email address.
    Email(&'a Email),
    /// A phone number.
    Phone(&'a Phone),
}

/// A search, and which page of what it finds.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// The page, from 1; not beyond the 10,000th contact, for which `search_after` is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The most contacts of a page.
    pub page_limit: u32,
    /// Words to be found anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// What the contacts have to fulfil.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<Filter>,
    /// The `searchAfter` of the last contact that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_after: Option<Value>,
}

/// What a contact has to fulfil to be found.
#[derive(Clone, Serialize)]
pub struct Filter {
    /// The field.
    pub field: String,
    /// How it is compared: `eq`, `contains` and so on.
    pub operator: String,
    /// What with.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub value: Value,
}

/// Which of a location's contacts are listed.
#[derive(Clone, Default)]
pub struct Page {
    /// The most, up to 100.
    pub limit: Option<u32>,
    /// Words to be found.
    pub query: Option<String>,
    /// The `startAfter` of the page before.
    pub start_after: Option<u64>,
    /// The `startAfterId` of the page before.
    pub start_after_id: Option<String>,
}

/// Which of a business' contacts are listed.
#[derive(Clone, Default)]
pub struct OfBusiness {
    /// The most.
    pub limit: Option<u32>,
    /// How many are left out.
    pub skip: Option<u32>,
    /// Words to be found.
    pub query: Option<String>,
}

impl Request {
    /// Finds contacts. The API's search lags behind its writes.
    pub fn search_contacts(tenant: &Tenant, search: &Search) -> Self {
        Self::search(tenant, members(search))
    }

    /// The same by the members of its body, which the official document leaves open.
    pub fn search(tenant: &Tenant, body: Map<String, Value>) -> Self {
        let path = "/contacts/search".to_owned();
        Self::post(Operation::SearchContacts, path, of_tenant(tenant, body))
    }

    /// Finds the contact with this email or phone. The API's search lags behind its writes.
    pub fn search_duplicate(tenant: &Tenant, lookup: Lookup<'_>) -> Self {
        let by = match lookup {
            Lookup::Email(email) => ("email", email.as_str().to_owned()),
            Lookup::Phone(phone) => ("number", phone.as_str().to_owned()),
        };
        let path = "/contacts/search/duplicate".to_owned();
        Self {
            query: vec![location(tenant), by],
            ..Self::get(Operation::SearchDuplicate, path)
        }
    }

    /// Lists contacts.
    pub fn list_contacts(tenant: &Tenant, page: &Page) -> Self {
        let said = [
            ("limit", page.limit.map(|limit| limit.to_string())),
            ("query", page.query.clone()),
            (
                "startAfter",
                page.start_after.map(|after| after.to_string()),
            ),
            ("startAfterId", page.start_after_id.clone()),
        ];
        Self {
            query: query(tenant, said),
            ..Self::get(Operation::ListContacts, CONTACTS.to_owned())
        }
    }

    /// Lists the contacts of a business.
    pub fn list_by_business(tenant: &Tenant, business: &str, page: &OfBusiness) -> Self {
        let said = [
            ("limit", page.limit.map(|limit| limit.to_string())),
            ("skip", page.skip.map(|skip| skip.to_string())),
            ("query", page.query.clone()),
        ];
        let path = format!("/contacts/business/{}", utf8_percent_encode(business, ID));
        Self {
            query: query(tenant, said),
            ..Self::get(Operation::ListByBusiness, path)
        }
    }

    /// Reads a contact.
    pub fn get_contact(contact: &ContactId) -> Self {
        Self::get(Operation::GetContact, of_contact(contact, ""))
    }

    /// Lists all notes of a contact.
    pub fn list_notes(contact: &ContactId) -> Self {
        Self::get(Operation::ListNotes, of_contact(contact, "/notes"))
    }

    /// Lists all tasks of a contact.
    pub fn list_tasks(contact: &ContactId) -> Self {
        Self::get(Operation::ListTasks, of_contact(contact, "/tasks"))
    }

    /// Lists all appointments of a contact.
    pub fn list_appointments(contact: &ContactId) -> Self {
        let path = of_contact(contact, "/appointments");
        Self::get(Operation::ListAppointments, path)
    }
}

fn location(tenant: &Tenant) -> (&'static str, String) {
    ("locationId", tenant.as_str().to_owned())
}

/// What is said, of this location.
fn query<const N: usize>(
    tenant: &Tenant,
    said: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    let said = said
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    std::iter::once(location(tenant)).chain(said).collect()
}
