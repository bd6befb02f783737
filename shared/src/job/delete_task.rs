//! `DeleteTask`: a task that is there no more.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    effect_ref::EffectRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
};

/// Deletes a task of a contact. One that is not there (any more) counts as deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteTask {
    /// The contact that it is for.
    pub contact: ContactRef,
    /// The task.
    pub task: EffectRef,
}

impl Read for DeleteTask {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let task = fields.required::<EffectRef>("task");
        if let Ok(task) = &task {
            task.check(&contact, &fields);
        }
        fields.finish();
        Ok(Self {
            contact: contact?,
            task: task?,
        })
    }
}

impl Work for DeleteTask {
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
