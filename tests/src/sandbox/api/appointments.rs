//! A contact's appointments. The contacts API only lists them, so tests seed them.

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::{Contact, Item};
use super::operation::{Done, Input};
use super::world::World;

/// `GET /contacts/{contactId}/appointments`, newest first.
pub(super) fn list(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let all = contact.appointments.iter().rev();
    let events: Vec<Value> = all.map(|event| shown(contact, event)).collect();
    Ok(Done::read(json!({"events": events})))
}

/// As the API shows it; what the seed did not say of its dates is when it was seeded.
pub(super) fn shown(contact: &Contact, event: &Item) -> Value {
    let mut shown = event.fields();
    shown.insert("id".to_owned(), event.id.clone().into());
    shown.insert("contactId".to_owned(), contact.id.clone().into());
    shown.insert("locationId".to_owned(), contact.location.clone().into());
    for date in ["dateAdded", "dateUpdated"] {
        shown
            .entry(date)
            .or_insert_with(|| event.added.rfc3339().into());
    }
    shown.into()
}
