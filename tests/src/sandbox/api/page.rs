//! The list of a location's contacts, page by page, newest first.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::Contact;
use super::operation::{Done, Input};
use super::world::World;

/// `GET /contacts/`
pub(super) fn list(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let limit = number(input, "limit", 20, 1..=100)?;
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

/// A whole number of the query, within its bounds.
pub(super) fn number(
    input: &Input<'_>,
    name: &str,
    default: usize,
    bounds: RangeInclusive<usize>,
) -> Result<usize, Answer> {
    let Some(text) = input.query(name) else {
        return Ok(default);
    };
    let (least, most) = bounds.into_inner();
    let fault = match text.parse::<usize>() {
        Ok(number) if number < least => format!("{name} must not be less than {least}"),
        Ok(number) if number > most => format!("{name} must not be greater than {most}"),
        Ok(number) => return Ok(number),
        Err(_) => format!("{name} must be a number conforming to the specified constraints"),
    };
    Err(Answer::unprocessable(&[fault]))
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
