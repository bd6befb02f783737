//! `AddToWorkflow`: a contact in a workflow.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    date::EventStart,
    fault::Noted,
    path_id::PathId,
    payload::Work,
    read::{Place, Read},
};

/// Adds a contact to a workflow. The API cannot tell a repeated one from a new one, nor show whether it took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddToWorkflow {
    /// The contact that is added.
    pub contact: ContactRef,
    /// The id of the workflow.
    pub workflow_id: PathId,
    /// When the event begins that the workflow is about: RFC 3339 with its offset, to the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_start_time: Option<EventStart>,
}

impl Read for AddToWorkflow {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let workflow_id = fields.required("workflowId");
        let event_start_time = fields.optional("eventStartTime");
        fields.finish();
        Ok(Self {
            contact: contact?,
            workflow_id: workflow_id?,
            event_start_time,
        })
    }
}

impl Work for AddToWorkflow {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        false
    }
}
