//! `UpdateTask`: a task of a contact, brought up to date.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    date::DueDate,
    effect_ref::EffectRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
    text::{ForeignId, Prose, Title},
};

/// Updates a task of a contact; what is not named stays. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 3))]
pub struct UpdateTask {
    /// The contact that it is for.
    pub contact: ContactRef,
    /// The task.
    pub task: EffectRef,
    /// What is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Prose>,
    /// When it is due: RFC 3339 with its offset, to the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<DueDate>,
    /// Whether it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<bool>,
    /// The id of the user who is to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<ForeignId>,
}

impl Read for UpdateTask {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let task = fields.required::<EffectRef>("task");
        if let Ok(task) = &task {
            task.check(&contact, &fields);
        }
        let title = fields.optional("title");
        let body = fields.optional("body");
        let due_date = fields.optional("dueDate");
        let completed = fields.optional("completed");
        let assigned_to = fields.optional("assignedTo");
        fields.some_beside(&["contact", "task"]);
        fields.finish();
        Ok(Self {
            contact: contact?,
            task: task?,
            title,
            body,
            due_date,
            completed,
            assigned_to,
        })
    }
}

impl Work for UpdateTask {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn effect(&self) -> Option<&EffectRef> {
        Some(&self.task)
    }

    fn effect_mut(&mut self) -> Option<&mut EffectRef> {
        Some(&mut self.task)
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
