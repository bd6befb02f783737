//! `RemoveFromWorkflow`: a contact out of a workflow.

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

/// Removes a contact from a workflow. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveFromWorkflow {
    /// The contact that is removed.
    pub contact: ContactRef,
    /// The id of the workflow.
    pub workflow_id: PathId,
    /// When the event begins that the workflow is about: RFC 3339 with its offset, to the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_start_time: Option<EventStart>,
}

impl Read for RemoveFromWorkflow {
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

impl Work for RemoveFromWorkflow {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
