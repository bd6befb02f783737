//! A contact's notes.

use serde_json::{Value, json};

use super::answer::Answer;
use super::contact::Item;
use super::effect::{Change, Kind};
use super::operation::{Done, Input};
use super::world::World;

/// `GET /contacts/{contactId}/notes`, newest first.
pub(super) fn list(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let seen = contact
        .notes
        .iter()
        .rev()
        .filter(|note| note.added <= input.list_horizon);
    Ok(Done::read(
        json!({"notes": seen.map(|note| shown(&contact.id, note)).collect::<Vec<_>>()}),
    ))
}

/// `POST /contacts/{contactId}/notes`
pub(super) fn create(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact_id = world.contact(input.param("contactId"))?.id.clone();
    let note = Item::new(world.next_id(), input.now, input.body.clone());
    let done = Done::changed(
        json!({"note": shown(&contact_id, &note)}),
        change(Kind::Note, &contact_id, &note),
    );
    world.contact_mut(&contact_id)?.notes.push(note);
    Ok(done)
}

/// `GET /contacts/{contactId}/notes/{id}`
pub(super) fn get(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let note = contact
        .notes
        .iter()
        .find(|note| note.id == input.param("id"));
    let note = note.ok_or_else(|| world.unknown("Note", input.param("id")))?;
    Ok(Done::read(json!({"note": shown(&contact.id, note)})))
}

/// `PUT /contacts/{contactId}/notes/{id}`
pub(super) fn update(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let (contact_id, at) = place(world, input)?;
    let note = &mut world.contact_mut(&contact_id)?.notes[at];
    note.write(input.body.clone());
    Ok(Done::changed(
        json!({"note": shown(&contact_id, note)}),
        change(Kind::NoteUpdate, &contact_id, note),
    ))
}

/// `DELETE /contacts/{contactId}/notes/{id}`
pub(super) fn delete(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let (contact_id, at) = place(world, input)?;
    let note = world.contact_mut(&contact_id)?.notes.remove(at);
    Ok(Done::changed(
        json!({"succeded": true}),
        change(Kind::NoteDelete, &contact_id, &note),
    ))
}

fn place(world: &World, input: &Input<'_>) -> Result<(String, usize), Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let at = contact
        .notes
        .iter()
        .position(|note| note.id == input.param("id"));
    Ok((
        contact.id.clone(),
        at.ok_or_else(|| world.unknown("Note", input.param("id")))?,
    ))
}

fn change(kind: Kind, contact_id: &str, note: &Item) -> Change {
    Change::of(kind, &note.id, contact_id, contact_id, &note.fields())
}

fn shown(contact_id: &str, note: &Item) -> Value {
    let mut shown = note.fields();
    shown.insert("id".to_owned(), note.id.clone().into());
    shown.insert("contactId".to_owned(), contact_id.into());
    shown.insert("dateAdded".to_owned(), note.added.rfc3339().into());
    shown.into()
}
