//! The list of a location's contacts, page by page, newest first.

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::Contact;
use super::operation::{Done, Input};
use super::world::World;

/// `GET /contacts/`
pub(super) fn list(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let limit = limit(input)?;
    let location = input.query("locationId").unwrap_or_default();
    let wanted = input.query("query").map(str::to_lowercase);
    let start = start(world, input)?;
    let seen = |contact: &&Contact| {
        contact.added <= input.search_horizon
            && wanted
                .as_deref()
                .is_none_or(|lower| contact.mentions(lower))
    };
    let total = world
        .contacts_before(location, u64::MAX)
        .filter(seen)
        .count();
    let page: Vec<&Contact> = world
        .contacts_before(location, start)
        .filter(seen)
        .take(limit)
        .collect();
    let contacts: Vec<Value> = page.iter().map(|contact| contact.shown()).collect();
    let last = page
        .last()
        .map(|contact| (contact.id.as_str(), contact.added.millis()));
    Ok(Done::read(
        json!({"contacts": contacts, "count": total, "meta": meta(total, last)}),
    ))
}

fn limit(input: &Input<'_>) -> Result<usize, Answer> {
    let Some(text) = input.query("limit") else {
        return Ok(20);
    };
    let fault = match text.parse() {
        Ok(limit @ 1..=100) => return Ok(limit),
        Ok(0) => "limit must not be less than 1",
        Ok(_) => "limit must not be greater than 100",
        Err(_) => "limit must be a number conforming to the specified constraints",
    };
    Err(Answer::unprocessable(&[fault.to_owned()]))
}

/// The ordinal before which the page starts.
fn start(world: &World, input: &Input<'_>) -> Result<u64, Answer> {
    let known = input
        .query("startAfterId")
        .map(|id| world.contact(id).map(|contact| contact.ordinal));
    known.unwrap_or(Ok(u64::MAX))
}

/// `startAfterId` and `startAfter` (milliseconds) lead to the next page.
fn meta(total: usize, last: Option<(&str, u64)>) -> Value {
    match last {
        Some((id, added)) => json!({"total": total, "startAfterId": id, "startAfter": added}),
        None => json!({"total": total}),
    }
}
