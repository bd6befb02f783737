//! What is read out of the API's answers: only what is needed. Unknown fields are ignored, optional
//! ones may be missing or odd; without the needed ones the answer is unreadable.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde_json::Value;

use super::CallError;
use crate::job::{ContactId, Email, Phone};

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
}

/// What a call for many contacts came to for one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkResult {
    /// The contact's id.
    pub contact_id: String,
    /// The tags that it has now, or `None` if it got none.
    pub tags: Option<Vec<String>>,
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

impl Answer {
    /// The contact of an upsert or a read.
    pub fn contact(&self) -> Result<Contact, CallError> {
        contact(self.part("contact")).ok_or_else(|| self.lacks("contact.id"))
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

    /// The contact's tags, once some were added.
    pub fn tags(&self) -> Result<&Value, CallError> {
        let tags = self.body.get("tags").filter(|tags| tags.is_array());
        tags.ok_or_else(|| self.lacks("tags"))
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

    /// What adding tags to many contacts came to for each.
    pub fn bulk_results(&self) -> Result<Vec<BulkResult>, CallError> {
        self.list("responses", bulk_result)
    }

    /// The part of the body that the document puts under this name; field reports know bodies that
    /// are the part itself.
    fn part(&self, name: &str) -> &Value {
        self.body.get(name).unwrap_or(&self.body)
    }

    fn list<T>(&self, name: &str, read: fn(&Value) -> Option<T>) -> Result<Vec<T>, CallError> {
        let items = self.body.get(name).and_then(Value::as_array);
        let items = items.ok_or_else(|| self.lacks(name))?;
        let read: Option<_> = items.iter().map(read).collect();
        read.ok_or_else(|| self.lacks(&format!("{name}[].id")))
    }

    fn lacks(&self, path: &str) -> CallError {
        CallError::Unreadable {
            status: self.status,
            message: format!("the body lacks {path}"),
        }
    }
}

fn contact(value: &Value) -> Option<Contact> {
    Some(Contact {
        id: parsed(value, "id")?,
        email: parsed(value, "email"),
        phone: parsed(value, "phone"),
    })
}

fn bulk_result(value: &Value) -> Option<BulkResult> {
    let names = |name| {
        let tags = value.get(name).and_then(Value::as_array).into_iter();
        tags.flatten().filter_map(Value::as_str).map(str::to_owned)
    };
    let succeeded = value.get("type").and_then(Value::as_str) == Some("success");
    Some(BulkResult {
        contact_id: text(value, "contactId")?,
        tags: succeeded.then(|| names("oldTags").chain(names("tagsAdded")).collect()),
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
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(body: Value) -> Answer {
        Answer {
            status: 200,
            body,
            trace_id: None,
        }
    }

    fn is_unreadable<T>(read: &Result<T, CallError>) -> bool {
        matches!(read, Err(CallError::Unreadable { status: 200, .. }))
    }

    #[test]
    fn contacts_are_read() {
        let body = json!({"new": true, "contact": {"id": "c1", "email": "a@b.co", "phone": null}});
        let contact = answer(body).contact().unwrap();
        assert_eq!(contact.id.as_str(), "c1");
        assert_eq!(contact.email, "a@b.co".parse().ok());
        assert_eq!(contact.phone, None);
        assert_eq!(
            answer(json!({"id": "c2"})).contact().unwrap().id.as_str(),
            "c2"
        );
        for body in [
            json!({"contact": {}}),
            json!({"contact": {"id": 5}}),
            json!({"contact": {"id": "../c1"}}),
            json!([]),
            Value::Null,
        ] {
            assert!(is_unreadable(&answer(body.clone()).contact()), "{body}");
        }
    }

    #[test]
    fn a_search_finds_one_or_none() {
        for body in [
            json!({"contact": null}),
            json!({"contact": {}}),
            json!({"traceId": "t"}),
        ] {
            assert_eq!(answer(body).found_contact(), Ok(None));
        }
        let found = answer(json!({"contact": {"id": "c1"}}))
            .found_contact()
            .unwrap();
        assert_eq!(found.unwrap().id.as_str(), "c1");
        for body in [
            json!({"contact": {"name": "x"}}),
            json!({"contact": "c1"}),
            Value::Null,
        ] {
            assert!(
                is_unreadable(&answer(body.clone()).found_contact()),
                "{body}"
            );
        }
    }

    #[test]
    fn effects_have_ids() {
        assert_eq!(
            answer(json!({"note": {"id": "n1"}})).note_id(),
            Ok("n1".to_owned())
        );
        assert_eq!(
            answer(json!({"task": {"id": "t1"}})).task_id(),
            Ok("t1".to_owned())
        );
        assert!(is_unreadable(
            &answer(json!({"note": {"id": ""}})).note_id()
        ));
        assert!(is_unreadable(&answer(json!({"task": null})).task_id()));
    }

    #[test]
    fn notes_are_listed() {
        let list = answer(json!({"notes": [
            {"id": "n1", "body": "hi", "userId": "u", "dateAdded": "2021-07-08T12:02:11.285Z", "new": 1},
            {"id": "n2", "dateAdded": 1_625_745_731_285_i64},
            {"id": "n3", "body": null, "dateAdded": "yesterday"},
        ]}));
        let notes = list.notes().unwrap();
        assert_eq!(notes[0].body.as_deref(), Some("hi"));
        assert_eq!(notes[0].date_added, notes[1].date_added);
        assert!(notes[0].date_added.is_some() && notes[2].date_added.is_none());
    }

    #[test]
    fn a_date_that_cannot_be_right_is_none() {
        for (date, is_one) in [
            (json!(1_625_745_731), false),
            (json!("1970-01-01T00:00:00.000Z"), false),
            (json!("0001-01-01T00:00:00Z"), false),
            (json!("2014-12-31T23:59:59Z"), false),
            (json!("2021-07-08T12:02:11"), false),
            (json!("2021-07-08"), false),
            (json!("2021-07-08T12:02:11+02:00"), true),
        ] {
            let list = answer(json!({"notes": [{"id": "n", "dateAdded": date}]}));
            let added = list.notes().unwrap()[0].date_added;
            assert_eq!(added.is_some(), is_one, "{date}");
        }
    }

    #[test]
    fn tasks_are_listed() {
        let list = answer(json!({"tasks": [
            {"id": "t1", "title": "call", "dueDate": "2021-07-08T02:30:00.000Z", "completed": false},
        ]}));
        let tasks = list.tasks().unwrap();
        assert!(tasks[0].due_date.is_some());
        let beside = r#"{"completed":false,"dueDate":"2021-07-08T02:30:00.000Z","title":"call"}"#;
        assert_eq!(tasks[0].beside, beside);
        assert_eq!(answer(json!({"tasks": []})).tasks(), Ok(vec![]));
    }

    #[test]
    fn a_list_with_an_unreadable_item_is_unreadable() {
        for body in [
            json!({}),
            json!({"notes": {}}),
            json!({"notes": [{"id": "n"}, {"body": "x"}]}),
        ] {
            assert!(is_unreadable(&answer(body.clone()).notes()), "{body}");
        }
    }

    #[test]
    fn nothing_personal_is_debugged() {
        let answer = answer(json!({
            "contact": {"id": "c1", "email": "canary@example.com"},
            "notes": [{"id": "n1", "body": "canary"}],
            "tasks": [{"id": "t1", "title": "canary"}],
        }));
        let shown = format!(
            "{answer:?} {:?} {:?} {:?}",
            answer.contact(),
            answer.notes(),
            answer.tasks()
        );
        assert!(shown.contains("n1") && !shown.contains("canary"), "{shown}");
    }
}
