//! Requests to the API, as the official document describes them (Contacts API, version
//! 2021-07-28).

mod contact;
mod many;
mod part;
mod read;
mod work;

use std::fmt;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

use super::Operation;
use crate::job::ContactId;

pub use self::{
    many::TagChange,
    read::{Filter, Lookup, OfBusiness, Page, Search},
};

/// What ids may hold as they are; all else is percent-encoded. ([`ContactId`] refuses what could
/// still lead elsewhere when a proxy has decoded it.)
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// Of an id that the API itself gave in a list, and that nothing has checked: a dot could lead elsewhere.
const ID: &AsciiSet = &PATH_SEGMENT.add(b'.');

/// Where all contacts are.
const CONTACTS: &str = "/contacts/";

/// One request, complete but for the token.
#[derive(Clone, PartialEq)]
pub struct Request {
    pub(super) operation: Operation,
    pub(super) method: Method,
    /// Percent-encoded, beginning with a slash.
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    idempotent: bool,
}

impl Request {
    /// What it does.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether doing it twice is the same as doing it once: not a property of the HTTP method.
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// What it says of a person: every text of its body and its query, but for ids and dates.
    pub(super) fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<_> = self.query.iter().map(|(_, text)| text.as_str()).collect();
        if let Some(body) = &self.body {
            collect(body, &mut texts);
        }
        texts
    }

    /// One without a body.
    fn plain(operation: Operation, method: Method, path: String) -> Self {
        Self {
            operation,
            method,
            path,
            query: Vec::new(),
            body: None,
            idempotent: operation.is_idempotent(),
        }
    }

    fn get(operation: Operation, path: String) -> Self {
        Self::plain(operation, Method::GET, path)
    }

    fn delete(operation: Operation, path: String) -> Self {
        Self::plain(operation, Method::DELETE, path)
    }

    fn post(operation: Operation, path: String, body: Members) -> Self {
        Self::plain(operation, Method::POST, path).with(body)
    }

    fn put(operation: Operation, path: String, body: Members) -> Self {
        Self::plain(operation, Method::PUT, path).with(body)
    }

    fn with(self, body: Members) -> Self {
        Self {
            body: Some(Value::Object(body)),
            ..self
        }
    }
}

/// Path, query and body hold personal data.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

/// The members of a body that tell nothing of a person.
const IMPERSONAL: [&str; 10] = [
    "locationId",
    "contacts",
    "ids",
    "businessId",
    "followers",
    "assignedTo",
    "userId",
    "dueDate",
    "eventStartTime",
    "color",
];

/// The members of a payload that go into the path.
const IN_PATH: [&str; 5] = ["contact", "task", "note", "campaignId", "workflowId"];

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !IMPERSONAL.contains(&name.as_str()))
            .for_each(|(_, value)| collect(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

type Members = serde_json::Map<String, Value>;

/// The request body that a payload stands for: its own members, but for those that go into the path.
fn members(payload: &impl Serialize) -> Members {
    match serde_json::to_value(payload) {
        Ok(Value::Object(mut members)) => {
            members.retain(|name, _| !IN_PATH.contains(&name.as_str()));
            members
        }
        // Payloads are structs with text keys: nothing that JSON could not say.
        _ => Members::new(),
    }
}

fn of_contact(id: &ContactId, rest: &str) -> String {
    format!(
        "{CONTACTS}{}{rest}",
        utf8_percent_encode(id.as_str(), PATH_SEGMENT)
    )
}

/// What a contact has of this kind, by its id.
fn of_part(contact: &ContactId, kind: &str, id: &str) -> String {
    let id = utf8_percent_encode(id, ID);
    of_contact(contact, &format!("/{kind}/{id}"))
}

#[cfg(test)]
mod tests;
