//! Tags, of one contact and of many.

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::Contact;
use super::effect::{Change, Kind};
use super::members;
use super::normal::normal_tags;
use super::operation::{Done, Input};
use super::world::World;

/// `POST /contacts/{contactId}/tags`
pub(super) fn add(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact_mut(input.param("contactId"))?;
    let added = put(contact, &normal_tags(input.list("tags")), input);
    let change = Change::of(
        Kind::Tags,
        &contact.id,
        &contact.id,
        &contact.id,
        input.body,
    );
    Ok(Done::changed(
        json!({"tags": contact.tags, "tagsAdded": added}),
        change,
    ))
}

/// `DELETE /contacts/{contactId}/tags`
pub(super) fn remove(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact_mut(input.param("contactId"))?;
    let removed = take(contact, &normal_tags(input.list("tags")), input);
    let change = Change::of(
        Kind::TagsRemoved,
        &contact.id,
        &contact.id,
        &contact.id,
        input.body,
    );
    Ok(Done::changed(
        json!({"tags": contact.tags, "tagsRemoved": removed}),
        change,
    ))
}

/// `POST /contacts/bulk/tags/update/{type}`: one result per contact; one that fails does not hinder the others.
pub(super) fn bulk(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let adds = match input.param("type") {
        "add" => true,
        "remove" => false,
        _ => {
            return Err(Answer::unprocessable(&[
                "type must be one of the following values: add, remove".to_owned(),
            ]));
        }
    };
    let (mut responses, mut changed) = (Vec::new(), Vec::new());
    for id in input.list("contacts").iter().filter_map(Value::as_str) {
        responses.push(
            bulk_one(world, id, adds, input).unwrap_or_else(
                |fault| json!({"contactId": id, "message": fault, "type": "error"}),
            ),
        );
        changed.extend(
            responses
                .last()
                .filter(|response| response["type"] == "success")
                .map(|_| id.to_owned()),
        );
    }
    let errors = responses.len() - changed.len();
    let body = json!({"succeded": errors == 0, "errorCount": errors, "responses": responses});
    Ok(if changed.is_empty() {
        Done::read(body)
    } else {
        Done::changed(body, Change::of_many(Kind::BulkTags, changed, input.body))
    })
}

fn bulk_one(
    world: &mut World,
    id: &str,
    adds: bool,
    input: &Input<'_>,
) -> Result<Value, &'static str> {
    if world.was_deleted(id) {
        return Err("contact is deleted");
    }
    let contact = world
        .contact_mut(id)
        .map_err(|_| "contact id is not a valid firebase id")?;
    if Some(contact.location.as_str()) != input.text("locationId") {
        return Err("contact does not belong to location");
    }
    let old = contact.tags.clone();
    let tags = normal_tags(input.list("tags"));
    let (added, removed) = match (adds, input.flag("removeAllTags")) {
        (true, _) => (put(contact, &tags, input), Vec::new()),
        (false, true) => (Vec::new(), take(contact, &old, input)),
        (false, false) => (Vec::new(), take(contact, &tags, input)),
    };
    Ok(
        json!({"contactId": id, "message": "Tags updated", "type": "success", "oldTags": old, "tagsAdded": added, "tagsRemoved": removed}),
    )
}

/// Adds those that the contact does not have yet, and names them.
fn put(contact: &mut Contact, tags: &[String], input: &Input<'_>) -> Vec<String> {
    contact.updated = input.now;
    members::put(&mut contact.tags, tags)
}

/// Removes those that the contact has, and names them.
fn take(contact: &mut Contact, tags: &[String], input: &Input<'_>) -> Vec<String> {
    contact.updated = input.now;
    members::take(&mut contact.tags, tags)
}
