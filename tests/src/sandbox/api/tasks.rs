//! A contact's tasks. Unlike notes they do not say when they came to be.

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::contact::Item;
use super::effect::{Change, Kind};
use super::operation::{Done, Input};
use super::world::World;
use crate::sandbox::clock::rfc3339;

/// `GET /contacts/{contactId}/tasks`, newest first.
pub(super) fn list(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let seen = contact
        .tasks
        .iter()
        .rev()
        .filter(|task| task.added <= input.list_horizon);
    Ok(Done::read(
        json!({"tasks": seen.map(|task| shown(&contact.id, task)).collect::<Vec<_>>()}),
    ))
}

/// `POST /contacts/{contactId}/tasks`
pub(super) fn create(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact_id = world.contact(input.param("contactId"))?.id.clone();
    let task = Item::new(world.next_id(), input.now, normal(input.body));
    let done = Done::changed(
        json!({"task": shown(&contact_id, &task)}),
        change(Kind::Task, &contact_id, &task),
    );
    world.contact_mut(&contact_id)?.tasks.push(task);
    Ok(done)
}

/// `GET /contacts/{contactId}/tasks/{taskId}`
pub(super) fn get(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let task = contact
        .tasks
        .iter()
        .find(|task| task.id == input.param("taskId"));
    let task = task.ok_or_else(|| world.unknown("Task", input.param("taskId")))?;
    Ok(Done::read(json!({"task": shown(&contact.id, task)})))
}

/// `PUT /contacts/{contactId}/tasks/{taskId}`, and the same with `/completed`.
pub(super) fn update(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let (contact_id, at) = place(world, input)?;
    let task = &mut world.contact_mut(&contact_id)?.tasks[at];
    task.write(normal(input.body));
    Ok(Done::changed(
        json!({"task": shown(&contact_id, task)}),
        change(Kind::TaskUpdate, &contact_id, task),
    ))
}

/// `DELETE /contacts/{contactId}/tasks/{taskId}`
pub(super) fn delete(world: &mut World, input: &Input<'_>) -> Result<Done, Answer> {
    let (contact_id, at) = place(world, input)?;
    let task = world.contact_mut(&contact_id)?.tasks.remove(at);
    Ok(Done::changed(
        json!({"succeded": true}),
        change(Kind::TaskDelete, &contact_id, &task),
    ))
}

fn place(world: &World, input: &Input<'_>) -> Result<(String, usize), Answer> {
    let contact = world.contact(input.param("contactId"))?;
    let at = contact
        .tasks
        .iter()
        .position(|task| task.id == input.param("taskId"));
    Ok((
        contact.id.clone(),
        at.ok_or_else(|| world.unknown("Task", input.param("taskId")))?,
    ))
}

/// Dates come back in UTC with milliseconds, as the official document's examples have them.
fn normal(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = fields.clone();
    let due = fields
        .get("dueDate")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    if let Some(due) = due {
        fields.insert("dueDate".to_owned(), rfc3339(due).into());
    }
    fields
}

fn change(kind: Kind, contact_id: &str, task: &Item) -> Change {
    Change::of(kind, &task.id, contact_id, contact_id, &task.fields())
}

fn shown(contact_id: &str, task: &Item) -> Value {
    let mut shown = task.fields();
    shown.insert("id".to_owned(), task.id.clone().into());
    shown.insert("contactId".to_owned(), contact_id.into());
    shown.into()
}
