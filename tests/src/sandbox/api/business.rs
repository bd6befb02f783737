//! The businesses that contacts belong to.

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::Contact;
use super::directory::Asset;
use super::effect::{Change, Kind};
use super::operation::{Done, Input};
use super::page::number;
use super::world::World;

/// `POST /contacts/bulk/business`: null takes the contacts out of theirs. Those that are done are named; one that fails does
/// not hinder the others.
pub(super) fn assign(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let location = input.text("locationId").unwrap_or_default();
    let business = input.text("businessId");
    if let Some(id) = business {
        world.asset(Asset::Business, id, location)?;
    }
    let mut done: Vec<String> = Vec::new();
    let wanted = input.list("ids");
    for id in wanted.iter().filter_map(Value::as_str) {
        let contact = world.contact_mut(id).ok();
        if let Some(contact) = contact.filter(|contact| contact.location == location) {
            contact.business = business.map(str::to_owned);
            contact.updated = input.now;
            done.push(id.to_owned());
        }
    }
    let body = json!({"success": done.len() == wanted.len(), "ids": done});
    Ok(if done.is_empty() {
        Done::read(body)
    } else {
        Done::changed(body, Change::of_many(Kind::Business, done, input.body))
    })
}

/// `GET /contacts/business/{businessId}`, newest first.
pub(super) fn contacts(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let location = input.query("locationId").unwrap_or_default();
    let business = input.param("businessId");
    world.asset(Asset::Business, business, location)?;
    let limit = number(input, "limit", 25, 1..=100)?;
    let skip = number(input, "skip", 0, 0..=usize::MAX)?;
    let wanted = input.query("query").map(str::to_lowercase);
    let in_it = |contact: &&Contact| {
        contact.business.as_deref() == Some(business)
            && contact.added <= input.search_horizon
            && wanted.as_deref().is_none_or(|text| contact.mentions(text))
    };
    let found: Vec<&Contact> = world
        .contacts_before(location, u64::MAX)
        .filter(in_it)
        .collect();
    let page = found.iter().skip(skip).take(limit);
    let contacts: Vec<Value> = page.map(|contact| contact.shown()).collect();
    Ok(Done::read(
        json!({"contacts": contacts, "count": found.len()}),
    ))
}
