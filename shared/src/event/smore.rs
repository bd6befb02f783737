//! Smore's events: one webhook tells of one response to a form or of several.

use serde_json::{Map, Value, json};

use super::{
    Data, Event, Kind, MOST_EVENTS, Person, Source, Unreadable, hashed_id, id,
    member::{moment, said, text, written},
    object,
};
use crate::job::{Email, JobId, Phone, Tenant};

/// What an answer has besides its value, which stands under the name of its type.
const NOT_VALUES: [&str; 4] = ["id", "question", "questionType", "answerType"];

pub(super) fn read(bytes: &[u8], tenant: &Tenant) -> Result<Vec<Event>, Unreadable> {
    let mut whole = object(bytes)?;
    let Some(Value::Array(responses)) = whole.remove("responses") else {
        // Another type of webhook, of which nothing is known: it is told as it came.
        return Ok(vec![other(whole, tenant, bytes)]);
    };
    if responses.len() > MOST_EVENTS {
        return Err(Unreadable::TooMany);
    }
    let webhook = whole.get("id").and_then(written).unwrap_or_default();
    let events = responses
        .into_iter()
        .enumerate()
        .map(|(place, response)| match response {
            Value::Object(response) => Ok(event(response, tenant, (&webhook, place))),
            _ => Err(Unreadable::NotThis("a list of responses")),
        });
    events.collect()
}

fn other(members: Map<String, Value>, tenant: &Tenant, bytes: &[u8]) -> Event {
    let name = text(&members, "type").unwrap_or("event");
    let kind = Kind::named(&format!("smore.{name}"));
    let id = match members.get("id").and_then(written) {
        Some(webhook) => id(Source::Smore.as_str(), &webhook),
        None => hashed_id(Source::Smore.as_str(), [bytes]),
    };
    finished(kind, id, tenant, Person::default(), members)
}

fn event(mut response: Map<String, Value>, tenant: &Tenant, within: (&str, usize)) -> Event {
    let id = name(&response, within);
    let answers = match response.remove("answers") {
        Some(Value::Array(answers)) => answers,
        _ => Vec::new(),
    };
    let answers: Vec<Answer> = answers.iter().filter_map(Answer::of).collect();
    let fields = fields(response.remove("customFields"));
    let contact = Person::of(
        None,
        named("email", &answers, &fields),
        named("phone", &answers, &fields),
    );
    if let Some(Value::Object(ending)) = response.remove("ending") {
        for (name, as_name) in [("name", "endingName"), ("score", "endingScore")] {
            if let Some(value) = ending.get(name) {
                response.insert(as_name.to_owned(), value.clone());
            }
        }
    }
    for (name, value) in [
        ("email", contact.email.as_ref().map(Email::as_str)),
        ("phone", contact.phone.as_ref().map(Phone::as_str)),
    ] {
        if let Some(value) = value {
            response.insert(name.to_owned(), value.into());
        }
    }
    let list = answers.iter().map(Answer::to_value).collect();
    response.insert("answers".to_owned(), Value::Array(list));
    response.insert("customFields".to_owned(), Value::Object(fields));
    finished(Kind::named("smore.response"), id, tenant, contact, response)
}

fn finished(
    kind: Kind,
    id: JobId,
    tenant: &Tenant,
    contact: Person,
    members: Map<String, Value>,
) -> Event {
    let occurred_at = members.get("submittedAt").and_then(moment);
    let (data, truncated) = Data::bounded(members);
    Event {
        source: Source::Smore,
        kind,
        tenant: tenant.clone(),
        id,
        occurred_at,
        contact,
        truncated,
        data,
    }
}

/// A response has its id, which is the same in whichever webhook it comes; else it is known by its webhook and its place there.
fn name(response: &Map<String, Value>, (webhook, place): (&str, usize)) -> JobId {
    let source = Source::Smore;
    match response.get("id").and_then(written) {
        Some(response) => id(source.as_str(), &response),
        None if !webhook.is_empty() => id(source.as_str(), &format!("{webhook}-{place}")),
        None => hashed_id(
            source.as_str(),
            [Value::Object(response.clone()).to_string().as_bytes()],
        ),
    }
}

/// An answer to a question.
struct Answer<'a> {
    members: &'a Map<String, Value>,
    kind: Option<&'a str>,
    value: Option<&'a Value>,
}

impl<'a> Answer<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        let members = value.as_object()?;
        let kind = text(members, "answerType");
        let own = kind.and_then(|name| members.get(name));
        // A type that stands under another name than its own has one member more than the others.
        let any = || {
            let mut values = members
                .iter()
                .filter(|(name, _)| !NOT_VALUES.contains(&name.as_str()));
            values.next().map(|(_, value)| value)
        };
        Some(Self {
            members,
            kind,
            value: own.or_else(any),
        })
    }

    fn to_value(&self) -> Value {
        let named = |name: &str| self.members.get(name).cloned().unwrap_or_default();
        json!({
            "id": named("id"), "question": named("question"), "type": self.kind,
            "value": self.value.cloned().unwrap_or_default(),
        })
    }
}

/// The form's own fields, by their names.
fn fields(list: Option<Value>) -> Map<String, Value> {
    match list {
        Some(Value::Array(fields)) => fields
            .iter()
            .filter_map(|field| {
                let name = text(field.as_object()?, "name")?.to_owned();
                Some((name, field.get("value").cloned().unwrap_or_default()))
            })
            .collect(),
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// What the first answer of this type says, else the field of this name.
fn named<'a>(
    wanted: &str,
    answers: &[Answer<'a>],
    fields: &'a Map<String, Value>,
) -> Option<&'a str> {
    let answered = answers
        .iter()
        .filter(|answer| answer.kind == Some(wanted))
        .find_map(|answer| said(answer.value?));
    let mut field = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    answered.or_else(|| field.find_map(|(_, value)| said(value)))
}
