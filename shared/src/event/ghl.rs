//! GHL's events: flat, or with what has happened under `data`.

use serde_json::{Map, Value};

use super::{
    Data, Event, Kind, Person, Source, Unreadable, hashed_id, id,
    member::{moment, text, written},
    object,
};
use crate::job::{JobId, Tenant};

/// What is the envelope's: an event's own member of that name stands behind it.
const ENVELOPE: [&str; 7] = [
    "type",
    "locationId",
    "companyId",
    "appId",
    "versionId",
    "webhookId",
    "timestamp",
];

/// Members of a contact whose names are others in its events: there, and here.
const RENAMED: [(&str, &str); 2] = [("contactName", "name"), ("address", "address1")];

/// The id of an application in GHL's marketplace.
pub type AppId = String;

/// An event of GHL's, and of which application's subscription: GHL signs those of all applications with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GhlEvent {
    /// The event.
    pub event: Event,
    /// The application, if it says.
    pub app: Option<AppId>,
}

pub(super) fn read(bytes: &[u8], delivery: Option<&str>) -> Result<GhlEvent, Unreadable> {
    let members = flat(object(bytes)?);
    let kind = Kind::named(text(&members, "type").unwrap_or_default());
    let id = name(&members, delivery, bytes);
    let (tenant, contact) = (tenant(&members)?, contact(&kind, &members));
    let occurred_at = members.get("timestamp").and_then(moment);
    let app = text(&members, "appId").map(str::to_owned);
    let (data, truncated) = Data::bounded(members);
    let event = Event {
        source: Source::Ghl,
        kind,
        tenant,
        id,
        occurred_at,
        contact,
        truncated,
        data,
    };
    Ok(GhlEvent { event, app })
}

/// The members of both, as if there were no envelope.
fn flat(mut members: Map<String, Value>) -> Map<String, Value> {
    match members.remove("data") {
        Some(Value::Object(inner)) => {
            for (name, value) in inner {
                if !(ENVELOPE.contains(&name.as_str()) && members.contains_key(&name)) {
                    members.insert(name, value);
                }
            }
        }
        Some(other) => {
            members.insert("data".to_owned(), other);
        }
        None => {}
    }
    members
}

/// What is signed comes first: a header alone could be another each time that the same bytes are sent again. But without any of these, equal
/// bytes may be two events, such as a change back to what was before.
fn name(members: &Map<String, Value>, delivery: Option<&str>, bytes: &[u8]) -> JobId {
    let source = Source::Ghl;
    let webhook = members.get("webhookId").and_then(written);
    match (webhook, delivery) {
        (Some(webhook), _) => id(source.as_str(), &webhook),
        (None, Some(delivery)) if !members.contains_key("timestamp") => {
            id(source.as_str(), &format!("delivery-{delivery}"))
        }
        _ => hashed_id(source.as_str(), [bytes]),
    }
}

/// The location, or the company where there is none: an agency that installs the application.
fn tenant(members: &Map<String, Value>) -> Result<Tenant, Unreadable> {
    let named = |name| text(members, name).and_then(|name| name.parse().ok());
    named("locationId")
        .or_else(|| named("companyId"))
        .ok_or(Unreadable::Nobodys)
}

/// An event of a contact is that contact; others name theirs.
fn contact(kind: &Kind, members: &Map<String, Value>) -> Person {
    if kind.as_str().starts_with("Contact") {
        let [id, email, phone] = ["id", "email", "phone"].map(|name| text(members, name));
        return Person::of(id.or(text(members, "contactId")), email, phone);
    }
    let within = members.get("appointment").and_then(Value::as_object);
    let within = within.and_then(|appointment| text(appointment, "contactId"));
    Person::of(text(members, "contactId").or(within), None, None)
}

/// An event of a contact that the API lists, with the names that GHL's own events have. The id is made of the job's that has met it, and of the
/// contact's: met by it again, it is the same event.
pub(super) fn pulled(
    contact: Value,
    tenant: &Tenant,
    by: &JobId,
    kind: Kind,
) -> Result<Event, Unreadable> {
    let Value::Object(shown) = contact else {
        return Err(Unreadable::NotThis("a contact"));
    };
    let members = as_in_events(shown);
    let [contact_id, email, phone] = ["id", "email", "phone"].map(|name| text(&members, name));
    let met = contact_id.unwrap_or_default();
    let id = format!("{by}/{met}").parse();
    let hashed = |_| hashed_id(Source::Ghl.as_str(), [by.as_str(), met].map(str::as_bytes));
    let id = id.unwrap_or_else(hashed);
    let occurred_at = members.get("dateUpdated").and_then(moment);
    let contact = Person::of(contact_id, email, phone);
    let (data, truncated) = Data::bounded(members);
    Ok(Event {
        source: Source::Ghl,
        kind,
        tenant: tenant.clone(),
        id,
        occurred_at,
        contact,
        truncated,
        data,
    })
}

/// What is null is left out, as events do; and so is what the search keeps for itself.
fn as_in_events(mut shown: Map<String, Value>) -> Map<String, Value> {
    shown.retain(|name, value| {
        !(value.is_null() || name.ends_with("LowerCase") || name == "searchAfter")
    });
    for (there, here) in RENAMED {
        if let Some(value) = shown.remove(there) {
            shown.entry(here).or_insert(value);
        }
    }
    let parts = ["firstName", "lastName"].map(|name| text(&shown, name));
    let name: Vec<_> = parts.into_iter().flatten().collect();
    if text(&shown, "name").is_none() && !name.is_empty() {
        let name = name.join(" ");
        shown.insert("name".to_owned(), name.into());
    }
    shown
}
