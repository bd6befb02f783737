//! What is read out of the API's answers: only what is needed. Unknown fields are ignored, optional
//! ones may be missing or odd; without the needed ones the answer is unreadable.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde_json::Value;

use super::{CallError, classify};
use crate::job::{ContactId, ContactRef, Email, Phone};

/// 2015: the API has nothing that is older, s since 1970.
const OLDEST: i64 = 1_420_070_400;

/// A success, and its body. An empty body is `null`.
#[derive(Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status, 200 to 299.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// The API's own name for the call, for its support.
    pub trace_id: Option<String>,
}

/// A contact, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Its email, where the API has one that is one.
    pub email: Option<Email>,
    /// Its phone, likewise.
    pub phone: Option<Phone>,
    /// When it was made, by the API's clock.
    pub date_added: Option<Timestamp>,
}

/// What a call for many contacts came to for one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkResult {
    /// The contact's id.
    pub contact_id: String,
    /// The tags that it has now, or why nothing was done to it.
    pub tags: Result<Vec<String>, CallError>,
}

/// A note of a contact.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// Its id.
    pub id: String,
    /// What it says.
    pub body: Option<String>,
    /// Its heading.
    pub title: Option<String>,
    /// When it was made, by the API's clock.
    pub date_added: Option<Timestamp>,
    /// All that it says but its body, as JSON.
    pub beside: String,
}

/// A task of a contact. The API tells no time of its making.
#[derive(Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// What is to be done.
    pub title: Option<String>,
    /// More about it.
    pub body: Option<String>,
    /// When it is due.
    pub due_date: Option<Timestamp>,
    /// All that it says but its body, as JSON.
    pub beside: String,
}

impl Contact {
    /// Whether the API has it under this name.
    pub fn has(&self, name: &ContactRef) -> bool {
        match name {
            ContactRef::Id(id) => *id == self.id,
            ContactRef::Email(email) => self.email.as_ref() == Some(email),
            ContactRef::Phone(phone) => self.phone.as_ref() == Some(phone),
            ContactRef::Job(_) => false,
        }
    }
}

impl Answer {
    /// The contact of an upsert or a read.
    pub fn contact(&self) -> Result<Contact, CallError> {
        contact(self.part("contact")).ok_or_else(|| self.lacks("contact.id"))
    }

    /// The contact that was upserted; none where it does not say, which the document does not require: the success is one all the same.
    pub fn upserted(&self) -> Result<Option<Contact>, CallError> {
        self.succeeded()?;
        let says = |name| self.body.get(name).is_some_and(|value| !value.is_null());
        if self.body.is_object() && !says("contact") && !says("id") {
            return Ok(None);
        }
        self.contact().map(Some)
    }

    /// The contact that a search found, or that it found none.
    pub fn found_contact(&self) -> Result<Option<Contact>, CallError> {
        match self.body.get("contact") {
            None | Some(Value::Null) if self.body.is_object() => Ok(None),
            Some(Value::Object(members)) if members.is_empty() => Ok(None),
            Some(found) => contact(found)
                .map(Some)
                .ok_or_else(|| self.lacks("contact.id")),
            None => Err(self.lacks("contact")),
        }
    }

    /// The id of the note that was made.
    pub fn note_id(&self) -> Result<String, CallError> {
        text(self.part("note"), "id").ok_or_else(|| self.lacks("note.id"))
    }

    /// The id of the task that was made.
    pub fn task_id(&self) -> Result<String, CallError> {
        text(self.part("task"), "id").ok_or_else(|| self.lacks("task.id"))
    }

    /// Nothing but that it succeeded, if it does not say that it did not. (The API spells it in two ways, and another for businesses.)
    pub fn succeeded(&self) -> Result<(), CallError> {
        let says = |name| self.body.get(name).and_then(Value::as_bool);
        let said = ["succeded", "succeeded", "success"]
            .into_iter()
            .find_map(says);
        if said == Some(false) {
            return Err(classify::denied(self));
        }
        Ok(())
    }

    /// The ids of the users who follow the contact now; null where it does not say.
    pub fn followers(&self) -> Result<&Value, CallError> {
        self.told("followers")
    }

    /// The contacts that belong to the business now, or to none.
    pub fn set_ids(&self) -> Result<Vec<String>, CallError> {
        let id = |id: &Value| id.as_str().map(str::to_owned);
        self.list("ids", id)
    }

    /// What this says of a contact that a call for many leaves out.
    pub fn left_out(&self) -> CallError {
        CallError::Rejected {
            status: self.status,
            message: "the answer leaves this contact out".to_owned(),
        }
    }

    /// The contact's tags, once some were added or removed; null where it does not say.
    pub fn tags(&self) -> Result<&Value, CallError> {
        self.told("tags")
    }

    /// A list that the document has in the answer and does not require: without it the success is one all the same.
    fn told(&self, name: &str) -> Result<&Value, CallError> {
        self.succeeded()?;
        match self.body.get(name) {
            Some(list @ (Value::Array(_) | Value::Null)) => Ok(list),
            None if self.body.is_object() => Ok(&Value::Null),
            _ => Err(self.lacks(name)),
        }
    }

    /// All notes of a contact. One that cannot be read spoils the list: it could be the one that is
    /// looked for.
    pub fn notes(&self) -> Result<Vec<Note>, CallError> {
        self.list("notes", note)
    }

    /// All tasks of a contact, likewise.
    pub fn tasks(&self) -> Result<Vec<Task>, CallError> {
        self.list("tasks", task)
    }

    /// The contacts of one page, as the API shows them. One without a proper id spoils the page: nobody could tell it from others.
    pub fn contacts(&self) -> Result<Vec<Value>, CallError> {
        let shown = |value: &Value| {
            parsed::<ContactId>(value, "id")?;
            Some(value.clone())
        };
        self.list("contacts", shown)
    }

    /// What changing the tags of many contacts came to for each.
    pub fn bulk_results(&self) -> Result<Vec<BulkResult>, CallError> {
        let status = self.status;
        self.list("responses", |value| bulk_result(value, status))
    }

    /// The part of the body that the document puts under this name; field reports know bodies that
    /// are the part itself.
    fn part(&self, name: &str) -> &Value {
        self.body.get(name).unwrap_or(&self.body)
    }

    fn list<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, CallError> {
        let items = self.body.get(name).and_then(Value::as_array);
        let items = items.ok_or_else(|| self.lacks(name))?;
        let read: Option<_> = items.iter().map(read).collect();
        read.ok_or_else(|| self.lacks(&format!("{name}[].id")))
    }

    fn lacks(&self, path: &str) -> CallError {
        self.unreadable(format!("the body lacks {path}"))
    }

    /// It is a success, and this is wrong with its body.
    pub(super) fn unreadable(&self, message: impl Into<String>) -> CallError {
        CallError::Unreadable {
            status: self.status,
            message: message.into(),
        }
    }
}

fn contact(value: &Value) -> Option<Contact> {
    Some(Contact {
        id: parsed(value, "id")?,
        email: parsed(value, "email"),
        phone: parsed(value, "phone"),
        date_added: moment(value, "dateAdded"),
    })
}

fn bulk_result(value: &Value, status: u16) -> Option<BulkResult> {
    let names = |name| {
        let tags = value.get(name).and_then(Value::as_array).into_iter();
        tags.flatten().filter_map(Value::as_str)
    };
    let has_succeeded = value.get("type").and_then(Value::as_str) == Some("success");
    let tags = || {
        let removed: Vec<_> = names("tagsRemoved").collect();
        let all = names("oldTags").chain(names("tagsAdded"));
        let left = all.filter(|tag| !removed.contains(tag)).map(str::to_owned);
        left.collect()
    };
    Some(BulkResult {
        contact_id: text(value, "contactId")?,
        tags: has_succeeded
            .then(tags)
            .ok_or_else(|| classify::of_many(status, value)),
    })
}

fn note(value: &Value) -> Option<Note> {
    Some(Note {
        id: text(value, "id")?,
        body: text(value, "body"),
        title: text(value, "title"),
        date_added: moment(value, "dateAdded"),
        beside: beside(value),
    })
}

fn task(value: &Value) -> Option<Task> {
    Some(Task {
        id: text(value, "id")?,
        title: text(value, "title"),
        body: text(value, "body"),
        due_date: moment(value, "dueDate"),
        beside: beside(value),
    })
}

/// What tells two of the same apart is left out, and so is the body.
fn beside(value: &Value) -> String {
    const OWN: [&str; 6] = [
        "id",
        "body",
        "dateAdded",
        "dateUpdated",
        "createdAt",
        "updatedAt",
    ];
    let all = value.as_object().into_iter().flatten();
    let beside: BTreeMap<_, _> = all
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .collect();
    serde_json::to_string(&beside).unwrap_or_default()
}

fn parsed<T: FromStr>(value: &Value, name: &str) -> Option<T> {
    text(value, name)?.parse().ok()
}

fn text(value: &Value, name: &str) -> Option<String> {
    let text = value.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// RFC 3339, or milliseconds since 1970. What is older than the API was meant otherwise: seconds, or no date at all.
fn moment(value: &Value, name: &str) -> Option<Timestamp> {
    let moment = match value.get(name)? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => Timestamp::from_millisecond(number.as_i64()?).ok(),
        _ => None,
    };
    moment.filter(|moment| moment.as_second() >= OLDEST)
}

/// Shows nothing personal of a type: its id alone.
macro_rules! debug_by_id {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let name = stringify!($name);
                f.debug_struct(name).field("id", &self.id).finish_non_exhaustive()
            }
        }
    )+};
}

debug_by_id!(Note, Task);

/// The body holds personal data.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("trace_id", &self.trace_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
