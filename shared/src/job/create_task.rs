//! `CreateTask`: a task on a contact.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    date::DueDate,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
    text::{ForeignId, Prose, Title},
};

/// Creates a task on a contact. The API cannot tell a repeated one from a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTask {
    /// The contact that it is for.
    pub contact: ContactRef,
    /// What is to be done.
    pub title: Title,
    /// When it is due: RFC 3339 with its offset, to the second.
    pub due_date: DueDate,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Prose>,
    /// Whether it is done already; false unless said.
    #[serde(default)]
    pub completed: bool,
    /// The id of the user who is to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<ForeignId>,
}

impl Read for CreateTask {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let title = fields.required("title");
        let due_date = fields.required("dueDate");
        let body = fields.optional("body");
        let completed = fields.optional("completed").unwrap_or_default();
        let assigned_to = fields.optional("assignedTo");
        fields.finish();
        Ok(Self {
            contact: contact?,
            title: title?,
            due_date: due_date?,
            body,
            completed,
            assigned_to,
        })
    }
}

impl Work for CreateTask {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        false
    }
}
