//! Any other system's events: what is where is configured, by JSON pointers.

use serde_json::{Map, Value};

use super::{
    Data, Event, Kind, Person, Source, Unreadable, document, hashed_id, id,
    member::{moment, said, written},
};
use crate::job::Tenant;

/// Where things are in a body. A pointer that leads nowhere is as one that is not configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenericRules {
    /// Who sends it.
    pub source: Source,
    /// What kind of event it is.
    pub kind: KindRule,
    /// The event's own id; without one, equal bodies are one event.
    pub id: Option<String>,
    /// When it happened.
    pub time: Option<String>,
    /// GHL's id of the contact.
    pub contact: Option<String>,
    /// The contact's e-mail address.
    pub email: Option<String>,
    /// The contact's telephone number.
    pub phone: Option<String>,
}

/// What kind of event a body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindRule {
    /// Always this.
    Fixed(Kind),
    /// What stands there, behind the sender's name.
    At(String),
}

pub(super) fn read(
    bytes: &[u8],
    tenant: &Tenant,
    rules: &GenericRules,
) -> Result<Event, Unreadable> {
    let body = document(bytes)?;
    let at = |pointer: &Option<String>| body.pointer(pointer.as_deref()?);
    let source = rules.source.as_str();
    let kind = match &rules.kind {
        KindRule::Fixed(kind) => kind.clone(),
        KindRule::At(pointer) => {
            let name = body.pointer(pointer).and_then(written);
            let name = name.as_deref().unwrap_or("event");
            Kind::named(&format!("{source}.{name}"))
        }
    };
    let id = match at(&rules.id).and_then(written) {
        Some(name) => id(source, &name),
        None => hashed_id(source, [bytes]),
    };
    let occurred_at = at(&rules.time).and_then(moment);
    let name_at = |pointer| at(pointer).and_then(said);
    let contact = Person::of(
        name_at(&rules.contact),
        name_at(&rules.email),
        name_at(&rules.phone),
    );
    let (data, truncated) = Data::bounded(members(body));
    Ok(Event {
        source: rules.source.clone(),
        kind,
        tenant: tenant.clone(),
        id,
        occurred_at,
        contact,
        truncated,
        data,
    })
}

fn members(body: Value) -> Map<String, Value> {
    match body {
        Value::Object(members) => members,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}
