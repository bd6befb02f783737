//! What is kept about a profile: notes, records, milestones, and entries of its timeline.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Done, Origin, letter, missing};
use crate::sandbox::Moment;
use crate::smore::account::Account;
use crate::smore::answer::read;
use crate::stand::{Answer, Change, Input, Refusal};

/// One of them.
#[derive(Debug)]
pub(super) struct Entry {
    id: String,
    kind: Kind,
    fields: Map<String, Value>,
    at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Note,
    Record,
    Milestone,
    Timeline,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Record => "record",
            Self::Milestone => "milestone",
            Self::Timeline => "timeline-entry",
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Note => "note.created",
            Self::Record => "record.created",
            Self::Milestone => "milestone.created",
            Self::Timeline => "timeline.created",
        }
    }
}

impl Entry {
    fn shown(&self) -> Value {
        let mut shown = Value::Object(self.fields.clone());
        shown["id"] = self.id.as_str().into();
        shown["createdAt"] = self.at.rfc3339().into();
        shown
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Note {
    body: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    data: Option<Map<String, Value>>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Milestone {
    title: String,
    date: Option<String>,
    description: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Timeline {
    text: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    at: Option<String>,
}

pub(in crate::smore) fn notes(account: &mut Account, input: &Input<'_>) -> Result<Answer, Refusal> {
    listed(account, input, Kind::Note, "notes")
}

pub(in crate::smore) fn records(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    listed(account, input, Kind::Record, "records")
}

pub(in crate::smore) fn milestones(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    listed(account, input, Kind::Milestone, "milestones")
}

pub(in crate::smore) fn timeline(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    listed(account, input, Kind::Timeline, "timeline")
}

fn listed(account: &Account, input: &Input<'_>, kind: Kind, name: &str) -> Result<Answer, Refusal> {
    let entries = account.crm.get(input.param("id"))?.entries.iter();
    let entries = entries.filter(|entry| entry.kind == kind);
    let entries: Vec<_> = entries.map(Entry::shown).collect();
    Ok(Answer::json(200, json!({name: entries})))
}

pub(in crate::smore) fn post_note(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    post::<Note>(account, input, Kind::Note)
}

pub(in crate::smore) fn post_record(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    post::<Record>(account, input, Kind::Record)
}

pub(in crate::smore) fn post_milestone(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    post::<Milestone>(account, input, Kind::Milestone)
}

pub(in crate::smore) fn post_timeline(
    account: &mut Account,
    input: &Input<'_>,
) -> Result<Answer, Refusal> {
    post::<Timeline>(account, input, Kind::Timeline)
}

fn post<T: DeserializeOwned + Serialize>(
    account: &mut Account,
    input: &Input<'_>,
    kind: Kind,
) -> Result<Answer, Refusal> {
    let fields = match json!(read::<T>(input)?) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let given = fields.into_iter().filter(|(_, value)| !value.is_null());
    let origin = Origin::Api(input.now);
    let done = create(account, input.param("id"), kind, given.collect(), origin);
    done.map(|done| done.answer(201))
        .map_err(|error| missing(&error))
}

/// Somebody writes a note.
pub(in crate::smore) fn note(
    account: &mut Account,
    id: &str,
    fields: Map<String, Value>,
    origin: Origin,
) -> Result<Done, String> {
    create(account, id, Kind::Note, fields, origin)
}

fn create(
    account: &mut Account,
    id: &str,
    kind: Kind,
    fields: Map<String, Value>,
    origin: Origin,
) -> Result<Done, String> {
    let entry = Entry {
        id: account.draw.word(16),
        kind,
        fields,
        at: origin.at(),
    };
    let shown = entry.shown();
    let content = Value::Object(entry.fields.clone());
    let change = Change::creation(kind.name(), &entry.id, Some(id), content);
    let profile = account.crm.get_mut(id)?;
    profile.entries.push(entry);
    profile.touch(origin.at());
    let about = profile.shown();
    let told = (kind.name(), shown.clone());
    let letters = letter(account, kind.told(), origin, &about, told);
    Ok(Done {
        shown,
        change,
        letters,
    })
}
