//! The users who follow a contact.

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::Contact;
use super::effect::{Change, Kind};
use super::members;
use super::operation::{Done, Input};
use super::world::World;

/// `POST /contacts/{contactId}/followers`
pub(super) fn add(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact_mut(input.param("contactId"))?;
    let added = members::put(&mut contact.followers, &wanted(input));
    let body = json!({"followers": contact.followers, "followersAdded": added});
    Ok(changed(contact, Kind::Followers, body, input))
}

/// `DELETE /contacts/{contactId}/followers`
pub(super) fn remove(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact_mut(input.param("contactId"))?;
    let removed = members::take(&mut contact.followers, &wanted(input));
    let body = json!({"followers": contact.followers, "followersRemoved": removed});
    Ok(changed(contact, Kind::FollowersRemoved, body, input))
}

fn wanted(input: &Input<'_>) -> Vec<String> {
    let ids = input.list("followers").iter().filter_map(Value::as_str);
    ids.map(str::to_owned).collect()
}

fn changed(contact: &mut Contact, kind: Kind, body: Value, input: &Input<'_>) -> Done {
    contact.updated = input.now;
    let id = &contact.id;
    Done::changed(body, Change::of(kind, id, id, id, input.body))
}
