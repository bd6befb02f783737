//! Requests to the API, as the official document describes them (Contacts API, version
//! 2021-07-28).

use std::fmt;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::job::{AddTags, AttachNote, ContactId, CreateTask, Email, Phone, Tenant, UpsertContact};

/// What ids may hold as they are; all else is percent-encoded. ([`ContactId`] refuses what could
/// still lead elsewhere when a proxy has decoded it.)
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// Of an id that the API itself gave in a list, and that nothing has checked: a dot could lead elsewhere.
const ID: &AsciiSet = &PATH_SEGMENT.add(b'.');

/// The operations that Penstock uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Create a contact, or update the one that is there.
    UpsertContact,
    /// Create a task on a contact.
    CreateTask,
    /// Attach a note to a contact.
    CreateNote,
    /// Add tags to a contact.
    AddTags,
    /// Add the same tags to many contacts.
    BulkAddTags,
    /// Read a contact.
    GetContact,
    /// Find a contact by email or phone.
    SearchDuplicate,
    /// List a contact's notes.
    ListNotes,
    /// List a contact's tasks.
    ListTasks,
    /// Delete a contact's note.
    DeleteNote,
    /// Delete a contact's task.
    DeleteTask,
}

impl Operation {
    /// Its `operationId` in the official document.
    pub fn name(self) -> &'static str {
        match self {
            Self::UpsertContact => "upsert-contact",
            Self::CreateTask => "create-task",
            Self::CreateNote => "create-note",
            Self::AddTags => "add-tags",
            // So it is called in the official document.
            Self::BulkAddTags => "create-association",
            Self::GetContact => "get-contact",
            Self::SearchDuplicate => "get-duplicate-contact",
            Self::ListNotes => "get-all-notes",
            Self::ListTasks => "get-all-tasks",
            Self::DeleteNote => "delete-note",
            Self::DeleteTask => "delete-task",
        }
    }

    /// Whether it changes nothing.
    pub fn is_read(self) -> bool {
        match self {
            Self::GetContact | Self::SearchDuplicate | Self::ListNotes | Self::ListTasks => true,
            Self::UpsertContact
            | Self::CreateTask
            | Self::CreateNote
            | Self::AddTags
            | Self::BulkAddTags
            | Self::DeleteNote
            | Self::DeleteTask => false,
        }
    }

    /// Whether the request is about a contact that must exist.
    pub(super) fn names_contact(self) -> bool {
        !matches!(self, Self::UpsertContact | Self::BulkAddTags)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a contact is looked up by.
#[derive(Debug, Clone, Copy)]
pub enum Lookup<'a> {
    /// An email address.
    Email(&'a Email),
    /// A phone number.
    Phone(&'a Phone),
}

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
    /// Creates or updates a contact.
    pub fn upsert(tenant: &Tenant, contact: &UpsertContact) -> Self {
        let mut body = members(contact);
        body.insert("locationId".to_owned(), json!(tenant));
        Self {
            // Where the location allows duplicates, this flag makes every upsert a new contact.
            idempotent: !contact.create_new_if_duplicate_allowed,
            ..Self::write(
                Operation::UpsertContact,
                "/contacts/upsert".to_owned(),
                body,
            )
        }
    }

    /// Creates a task on a contact.
    pub fn create_task(contact: &ContactId, task: &CreateTask) -> Self {
        let path = of_contact(contact, "/tasks");
        Self::write(Operation::CreateTask, path, members(task))
    }

    /// Attaches a note to a contact.
    pub fn create_note(contact: &ContactId, note: &AttachNote) -> Self {
        let path = of_contact(contact, "/notes");
        Self::write(Operation::CreateNote, path, members(note))
    }

    /// Adds tags to a contact.
    pub fn add_tags(contact: &ContactId, tags: &AddTags) -> Self {
        let path = of_contact(contact, "/tags");
        Self {
            idempotent: true,
            ..Self::write(Operation::AddTags, path, members(tags))
        }
    }

    /// Adds the same tags to many contacts; the answer has a result for each.
    pub fn bulk_add_tags(tenant: &Tenant, contacts: &[ContactId], tags: &AddTags) -> Self {
        let mut body = members(tags);
        body.insert("contacts".to_owned(), json!(contacts));
        body.insert("locationId".to_owned(), json!(tenant));
        Self {
            idempotent: true,
            ..Self::write(
                Operation::BulkAddTags,
                "/contacts/bulk/tags/update/add".to_owned(),
                body,
            )
        }
    }

    /// Reads a contact.
    pub fn get_contact(contact: &ContactId) -> Self {
        Self::read(Operation::GetContact, of_contact(contact, ""))
    }

    /// Finds the contact with this email or phone. The API's search lags behind its writes.
    pub fn search_duplicate(tenant: &Tenant, lookup: Lookup<'_>) -> Self {
        let by = match lookup {
            Lookup::Email(email) => ("email", email.as_str().to_owned()),
            Lookup::Phone(phone) => ("number", phone.as_str().to_owned()),
        };
        let path = "/contacts/search/duplicate".to_owned();
        Self {
            query: vec![("locationId", tenant.as_str().to_owned()), by],
            ..Self::read(Operation::SearchDuplicate, path)
        }
    }

    /// Lists all notes of a contact.
    pub fn list_notes(contact: &ContactId) -> Self {
        Self::read(Operation::ListNotes, of_contact(contact, "/notes"))
    }

    /// Lists all tasks of a contact.
    pub fn list_tasks(contact: &ContactId) -> Self {
        Self::read(Operation::ListTasks, of_contact(contact, "/tasks"))
    }

    /// Deletes a note of a contact.
    pub fn delete_note(contact: &ContactId, note: &str) -> Self {
        Self::delete(Operation::DeleteNote, contact, "notes", note)
    }

    /// Deletes a task of a contact.
    pub fn delete_task(contact: &ContactId, task: &str) -> Self {
        Self::delete(Operation::DeleteTask, contact, "tasks", task)
    }

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

    fn read(operation: Operation, path: String) -> Self {
        Self {
            operation,
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            idempotent: true,
        }
    }

    fn delete(operation: Operation, contact: &ContactId, of: &str, id: &str) -> Self {
        let id = utf8_percent_encode(id, ID);
        Self {
            method: Method::DELETE,
            ..Self::read(operation, of_contact(contact, &format!("/{of}/{id}")))
        }
    }

    /// A write that may not be repeated, unless its maker knows better.
    fn write(operation: Operation, path: String, body: Members) -> Self {
        Self {
            method: Method::POST,
            body: Some(Value::Object(body)),
            idempotent: false,
            ..Self::read(operation, path)
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
const IMPERSONAL: [&str; 6] = [
    "locationId",
    "contacts",
    "assignedTo",
    "userId",
    "dueDate",
    "color",
];

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

/// The request body that a payload stands for: its own members, but for the contact, which goes
/// into the path.
fn members(payload: &impl Serialize) -> Members {
    match serde_json::to_value(payload) {
        Ok(Value::Object(mut members)) => {
            members.remove("contact");
            members
        }
        // Payloads are structs with text keys: nothing that JSON could not say.
        _ => Members::new(),
    }
}

fn of_contact(id: &ContactId, rest: &str) -> String {
    format!(
        "/contacts/{}{rest}",
        utf8_percent_encode(id.as_str(), PATH_SEGMENT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Job, Payload};
    use proptest::prelude::*;

    fn id(text: &str) -> ContactId {
        text.parse().unwrap()
    }

    fn payload(job_type: &str, payload: &Value) -> Payload {
        let job = json!({"type": job_type, "tenant": "loc", "payload": payload});
        Job::from_value(job).unwrap().payload
    }

    /// The request of a job whose contact is `c1`.
    fn request(job_type: &str, json: &Value) -> Request {
        let (tenant, contact) = ("loc".parse().unwrap(), id("c1"));
        match payload(job_type, json) {
            Payload::UpsertContact(upsert) => Request::upsert(&tenant, &upsert),
            Payload::CreateTask(task) => Request::create_task(&contact, &task),
            Payload::AttachNote(note) => Request::create_note(&contact, &note),
            Payload::AddTags(tags) => Request::add_tags(&contact, &tags),
            Payload::HandleEvent(_) => unreachable!("an event is no call"),
        }
    }

    fn line(request: &Request) -> String {
        format!("{} {}", request.method, request.path)
    }

    #[test]
    fn writes_go_where_the_document_says() {
        let contact = json!({"email": "a@b.co"});
        let due = "2026-12-01T09:00:00Z";
        for (job_type, payload, expected, body) in [
            (
                "UpsertContact",
                json!({"email": "a@b.co", "firstName": "Ann"}),
                "POST /contacts/upsert",
                json!({"email": "a@b.co", "firstName": "Ann", "locationId": "loc"}),
            ),
            (
                "CreateTask",
                json!({"contact": contact, "title": "Call", "dueDate": due}),
                "POST /contacts/c1/tasks",
                json!({"title": "Call", "dueDate": due, "completed": false}),
            ),
            (
                "AttachNote",
                json!({"contact": contact, "body": "Hi"}),
                "POST /contacts/c1/notes",
                json!({"body": "Hi"}),
            ),
            (
                "AddTags",
                json!({"contact": contact, "tags": ["vip"]}),
                "POST /contacts/c1/tags",
                json!({"tags": ["vip"]}),
            ),
        ] {
            let request = request(job_type, &payload);
            assert_eq!(line(&request), expected);
            assert_eq!(request.body, Some(body));
            assert!(!request.operation.is_read());
        }
    }

    #[test]
    fn reads_go_where_the_document_says() {
        let (tenant, phone) = ("loc".parse().unwrap(), "+15551234567".parse().unwrap());
        for (request, expected) in [
            (Request::get_contact(&id("c1")), "GET /contacts/c1"),
            (Request::list_notes(&id("c1")), "GET /contacts/c1/notes"),
            (Request::list_tasks(&id("c1")), "GET /contacts/c1/tasks"),
            (
                Request::search_duplicate(&tenant, Lookup::Phone(&phone)),
                "GET /contacts/search/duplicate",
            ),
        ] {
            assert_eq!(line(&request), expected);
            assert!(request.operation.is_read() && request.is_idempotent());
        }
    }

    #[test]
    fn what_is_deleted_is_one_of_the_contacts_own() {
        for (request, expected) in [
            (
                Request::delete_note(&id("c1"), "n1"),
                "DELETE /contacts/c1/notes/n1",
            ),
            (
                Request::delete_task(&id("c1"), "t1"),
                "DELETE /contacts/c1/tasks/t1",
            ),
            (
                Request::delete_task(&id("c1"), "../../c2"),
                "DELETE /contacts/c1/tasks/%2E%2E%2F%2E%2E%2Fc2",
            ),
        ] {
            assert_eq!(line(&request), expected);
            assert!(!request.operation.is_read() && request.is_idempotent());
        }
    }

    #[test]
    fn idempotence_agrees_with_the_jobs() {
        let contact = json!({"id": "c1"});
        for (job_type, json) in [
            ("UpsertContact", json!({"email": "a@b.co"})),
            (
                "UpsertContact",
                json!({"email": "a@b.co", "createNewIfDuplicateAllowed": true}),
            ),
            (
                "CreateTask",
                json!({"contact": contact, "title": "t", "dueDate": "2026-12-01T09:00:00Z"}),
            ),
            ("AttachNote", json!({"contact": contact, "body": "b"})),
            ("AddTags", json!({"contact": contact, "tags": ["t"]})),
        ] {
            let expected = payload(job_type, &json).is_idempotent();
            assert_eq!(request(job_type, &json).is_idempotent(), expected);
        }
    }

    #[test]
    fn nothing_personal_is_debugged() {
        let (tenant, email) = ("loc".parse().unwrap(), "canary@b.co".parse().unwrap());
        let request = Request::search_duplicate(&tenant, Lookup::Email(&email));
        assert!(!format!("{request:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn any_id_is_one_segment_or_refused(text in any::<String>()) {
            if let Ok(id) = text.parse() {
                let path = Request::get_contact(&id).path;
                let segment = path.strip_prefix("/contacts/").unwrap();
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b);
                prop_assert!(segment.bytes().all(plain), "{segment}");
                prop_assert!(segment != "." && !segment.contains(".."), "{segment}");
            }
        }
    }
}
