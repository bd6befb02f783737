//! What GHL tells of what happens to contacts: of one thing after the other, the next when what followed from the one before is done.

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ending::Ending;
use super::stage::Stage;
use crate::sandbox::{Change, Effect, Kind};

/// What its events say of a contact, of what the API shows.
const SAID: [&str; 22] = [
    "id",
    "address1",
    "assignedTo",
    "city",
    "companyName",
    "country",
    "customFields",
    "dateAdded",
    "dateOfBirth",
    "dnd",
    "dndSettings",
    "email",
    "firstName",
    "lastName",
    "name",
    "phone",
    "postalCode",
    "source",
    "state",
    "tags",
    "timezone",
    "website",
];

/// What is to be told, and what was.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Value>,
    told: Vec<Value>,
    /// Jobs that have not ended and that follow from what was told last.
    open: BTreeSet<String>,
    /// Jobs that have: what an event has made may be said to have ended before the event is.
    ended: BTreeSet<String>,
    /// Contacts as they were last.
    known: HashMap<String, Value>,
}

impl Outbox {
    /// Enters what has happened.
    pub(super) fn enter(&mut self, stage: &Stage, effect: &Effect) {
        let change = &effect.change;
        let id = change.contact_id.as_deref().unwrap_or_default();
        if let Some(contact) = stage.systems.ghl.contact(id) {
            self.known.insert(id.to_owned(), said(&contact));
        }
        let contact = self.known.get(id).cloned().unwrap_or_default();
        let micros = i64::try_from(effect.at.micros()).unwrap_or(i64::MAX);
        let at = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
        for (kind, data) in told(change, &contact) {
            let letter = stage.teller.letter(kind, at, data);
            self.waiting.push_back(letter);
        }
    }

    /// Takes note that jobs have ended, and of those that they have made.
    pub(super) fn note(&mut self, ending: &Ending) {
        if !ending.is_last() {
            return;
        }
        self.ended.insert(ending.job.clone());
        if self.open.remove(&ending.job) {
            let made = ending.made.iter();
            let open = made.filter(|id| !self.ended.contains(*id));
            self.open.extend(open.cloned());
        }
    }

    /// What is to be told now.
    pub(super) fn next(&mut self) -> Option<Value> {
        let is_free = self.open.is_empty();
        let letter = is_free.then(|| self.waiting.pop_front()).flatten()?;
        let id = letter["webhookId"].as_str().unwrap_or_default();
        self.open.insert(format!("ghl:{id}"));
        self.told.push(letter.clone());
        Some(letter)
    }

    /// Whether all was told, and what followed is done.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// All that was told.
    pub(super) fn told(&self) -> &[Value] {
        &self.told
    }
}

fn said(contact: &Value) -> Value {
    let of = |name: &str| {
        let value = contact.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    };
    SAID.into_iter().filter_map(of).collect()
}

/// By which of its events GHL tells of a change, and what each says: of changes that it has no event for, nothing.
fn told(change: &Change, contact: &Value) -> Vec<(&'static str, Value)> {
    let content = content(change);
    let of_contact = |kind| (kind, contact.clone());
    match change.kind {
        Kind::Contact => vec![of_contact("ContactCreate")],
        Kind::ContactDelete => vec![of_contact("ContactDelete")],
        Kind::Tags | Kind::TagsRemoved => vec![of_contact("ContactTagUpdate")],
        Kind::ContactUpdate => {
            let has = |names: &[&str]| names.iter().any(|name| content.contains_key(*name));
            let more = [
                ("ContactTagUpdate", has(&["tags"])),
                ("ContactDndUpdate", has(&["dnd", "dndSettings"])),
            ];
            let more = more.into_iter().filter(|(_, is_told)| *is_told);
            let kinds = ["ContactUpdate"].into_iter();
            let kinds = kinds.chain(more.map(|(kind, _)| kind));
            kinds.map(of_contact).collect()
        }
        Kind::Note => vec![("NoteCreate", part(change, content))],
        Kind::NoteUpdate => vec![("NoteUpdate", part(change, content))],
        Kind::NoteDelete => vec![("NoteDelete", part(change, content))],
        Kind::Task => vec![("TaskCreate", part(change, content))],
        Kind::TaskUpdate if content.get("completed") == Some(&Value::Bool(true)) => {
            vec![("TaskComplete", part(change, content))]
        }
        Kind::TaskDelete => vec![("TaskDelete", part(change, content))],
        _ => Vec::new(),
    }
}

/// What was written, as the sandbox keeps it.
pub(super) fn content(change: &Change) -> Map<String, Value> {
    let kept = change.content.as_deref().unwrap_or_default();
    serde_json::from_str(kept).unwrap_or_default()
}

/// A note or a task.
fn part(change: &Change, mut content: Map<String, Value>) -> Value {
    content.insert("id".to_owned(), json!(change.id));
    content.insert("contactId".to_owned(), json!(change.contact_id));
    Value::Object(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: Kind, content: &Value) -> Change {
        Change {
            kind,
            id: Some("x1".to_owned()),
            contact_id: Some("c1".to_owned()),
            contacts: Vec::new(),
            fingerprint: String::new(),
            content: Some(content.to_string().into()),
        }
    }

    fn kinds(kind: Kind, content: &Value) -> Vec<&'static str> {
        let told = told(&change(kind, content), &Value::Null);
        told.into_iter().map(|(kind, _)| kind).collect()
    }

    #[test]
    fn each_change_is_told_by_ghls_own_events() {
        assert_eq!(kinds(Kind::Contact, &json!({})), ["ContactCreate"]);
        let stop = json!({ "dndSettings": { "SMS": { "status": "active" } } });
        assert_eq!(
            kinds(Kind::ContactUpdate, &stop),
            ["ContactUpdate", "ContactDndUpdate"]
        );
        assert_eq!(kinds(Kind::Tags, &json!({})), ["ContactTagUpdate"]);
        let done = json!({ "completed": true });
        assert_eq!(kinds(Kind::TaskUpdate, &done), ["TaskComplete"]);
        assert!(kinds(Kind::TaskUpdate, &json!({ "title": "x" })).is_empty());
    }

    #[test]
    fn a_note_is_told_with_its_contact() {
        let told = told(
            &change(Kind::Note, &json!({ "body": "Hello" })),
            &Value::Null,
        );
        let note = json!({ "id": "x1", "contactId": "c1", "body": "Hello" });
        assert_eq!(told, [("NoteCreate", note)]);
    }
}
