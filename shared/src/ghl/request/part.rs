//! A contact's tasks and notes, one by one.

use super::{Request, members, of_contact, of_part};
use crate::{
    ghl::Operation,
    job::{AttachNote, CompleteTask, ContactId, CreateTask, PathId, UpdateNote, UpdateTask},
};

const TASKS: &str = "tasks";
const NOTES: &str = "notes";

impl Request {
    /// Creates a task on a contact.
    pub fn create_task(contact: &ContactId, task: &CreateTask) -> Self {
        let path = of_contact(contact, "/tasks");
        Self::post(Operation::CreateTask, path, members(task))
    }

    /// Reads a task of a contact.
    pub fn get_task(contact: &ContactId, task: &str) -> Self {
        Self::get(Operation::GetTask, of_part(contact, TASKS, task))
    }

    /// Updates a task of a contact.
    pub fn update_task(contact: &ContactId, id: &PathId, task: &UpdateTask) -> Self {
        let path = of_part(contact, TASKS, id.as_str());
        Self::put(Operation::UpdateTask, path, members(task))
    }

    /// Marks a task of a contact as done, or not done.
    pub fn complete_task(contact: &ContactId, id: &PathId, task: &CompleteTask) -> Self {
        let path = of_part(contact, TASKS, id.as_str()) + "/completed";
        Self::put(Operation::CompleteTask, path, members(task))
    }

    /// Deletes a task of a contact.
    pub fn delete_task(contact: &ContactId, task: &str) -> Self {
        Self::delete(Operation::DeleteTask, of_part(contact, TASKS, task))
    }

    /// Attaches a note to a contact.
    pub fn create_note(contact: &ContactId, note: &AttachNote) -> Self {
        let path = of_contact(contact, "/notes");
        Self::post(Operation::CreateNote, path, members(note))
    }

    /// Reads a note of a contact.
    pub fn get_note(contact: &ContactId, note: &str) -> Self {
        Self::get(Operation::GetNote, of_part(contact, NOTES, note))
    }

    /// Updates a note of a contact.
    pub fn update_note(contact: &ContactId, id: &PathId, note: &UpdateNote) -> Self {
        let path = of_part(contact, NOTES, id.as_str());
        Self::put(Operation::UpdateNote, path, members(note))
    }

    /// Deletes a note of a contact.
    pub fn delete_note(contact: &ContactId, note: &str) -> Self {
        Self::delete(Operation::DeleteNote, of_part(contact, NOTES, note))
    }
}
