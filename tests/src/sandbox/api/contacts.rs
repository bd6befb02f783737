//! Contacts, one by one.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::contact::Contact;
use super::effect::{Change, Kind};
use super::operation::{Done, Input};
use super::world::World;
use crate::sandbox::clock::Moment;

/// `POST /contacts/`
pub(super) fn create(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let location = input.text("locationId").unwrap_or_default();
    match same_contact(world, location, input.body) {
        Some((twin, field)) if !world.allow_duplicates => Err(Answer::duplicate(&twin.id, field)),
        _ => {
            let (shown, change) = add(world, location, input);
            Ok(Done::changed(json!({"contact": shown}), change))
        }
    }
}

/// `POST /contacts/upsert`: the first match is updated; the email comes before the phone.
pub(super) fn upsert(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let location = input.text("locationId").unwrap_or_default();
    let forced = world.allow_duplicates && input.flag("createNewIfDuplicateAllowed");
    let twin = same_contact(world, location, input.body)
        .filter(|_| !forced)
        .map(|(twin, _)| twin.id.clone());
    let Some(id) = twin else {
        let (shown, change) = add(world, location, input);
        return Ok(Done::changed(
            json!({"new": true, "contact": shown}),
            change,
        ));
    };
    let fields = without_what_others_have(world, location, &id, input.body);
    let (shown, change) = rewrite(world, &id, &fields, input.now)?;
    Ok(Done::changed(
        json!({"new": false, "contact": shown}),
        change,
    ))
}

/// `GET /contacts/{contactId}`
pub(super) fn get(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact(input.param("contactId"))?;
    Ok(Done::read(json!({"contact": contact.shown()})))
}

/// `PUT /contacts/{contactId}`
pub(super) fn update(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let id = input.param("contactId");
    let location = world.contact(id)?.location.clone();
    let taken = taken_by_another(world, &location, id, input.body);
    if let Some((other, field)) = taken.filter(|_| !world.allow_duplicates) {
        return Err(Answer::duplicate(&other, field));
    }
    let (shown, change) = rewrite(world, id, input.body, input.now)?;
    Ok(Done::changed(
        json!({"succeded": true, "contact": shown}),
        change,
    ))
}

/// `DELETE /contacts/{contactId}`
pub(super) fn delete(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.delete(input.param("contactId"))?;
    let change = Change::of(
        Kind::ContactDelete,
        &contact.id,
        &contact.id,
        &contact.id,
        &Map::new(),
    );
    Ok(Done::changed(json!({"succeded": true}), change))
}

/// `GET /contacts/search/duplicate`
#[expect(
    clippy::unnecessary_wraps,
    reason = "every row of the table of operations has this signature"
)]
pub(super) fn find_duplicate(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let location = input.query("locationId").unwrap_or_default();
    let by_email = input
        .query("email")
        .and_then(|email| world.by_email(location, email));
    let found = by_email.or_else(|| {
        input
            .query("number")
            .and_then(|number| world.by_phone(location, number))
    });
    let found = found.filter(|contact| contact.added <= input.search_horizon);
    Ok(Done::read(json!({"contact": found.map(Contact::shown)})))
}

/// The contact that the API takes for the same, and the field that says so.
fn same_contact<'a>(
    world: &'a World,
    location: &str,
    body: &Map<String, Value>,
) -> Option<(&'a Contact, &'static str)> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let by_email = text("email")
        .and_then(|email| world.by_email(location, email))
        .map(|twin| (twin, "email"));
    by_email.or_else(|| {
        text("phone")
            .and_then(|phone| world.by_phone(location, phone))
            .map(|twin| (twin, "phone"))
    })
}

fn taken_by_another(
    world: &World,
    location: &str,
    id: &str,
    body: &Map<String, Value>,
) -> Option<(String, &'static str)> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let by_email = text("email")
        .and_then(|email| world.by_email(location, email))
        .map(|other| (other, "email"));
    let by_phone = text("phone")
        .and_then(|phone| world.by_phone(location, phone))
        .map(|other| (other, "phone"));
    [by_email, by_phone]
        .into_iter()
        .flatten()
        .find(|(other, _)| other.id != id)
        .map(|(other, field)| (other.id.clone(), field))
}

/// The body without the phone (or email) that belongs to a contact other than the one matched first.
fn without_what_others_have(
    world: &World,
    location: &str,
    id: &str,
    body: &Map<String, Value>,
) -> Map<String, Value> {
    let mut fields = body.clone();
    while let Some((_, field)) = taken_by_another(world, location, id, &fields) {
        fields.remove(field);
    }
    fields
}

fn add(world: &mut World, location: &str, input: &Input<'_>) -> (Value, Change) {
    let id = world.next_id();
    let change = Change::of(Kind::Contact, &id, &id, location, input.body);
    (
        world.create(id, location, input.body, input.now).shown(),
        change,
    )
}

fn rewrite(
    world: &mut World,
    id: &str,
    fields: &Map<String, Value>,
    now: Moment,
) -> Result<(Value, Change), Answer> {
    let shown = world.write(id, fields, now)?.shown();
    Ok((shown, Change::of(Kind::ContactUpdate, id, id, id, fields)))
}
