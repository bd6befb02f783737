//! `CompleteTask`: a task of a contact, done or not done after all.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    effect_ref::EffectRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
};

/// Marks a task of a contact as done, or as not done. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteTask {
    /// The contact that it is for.
    pub contact: ContactRef,
    /// The task.
    pub task: EffectRef,
    /// Whether it is done; true unless said.
    #[serde(default = "yes")]
    pub completed: bool,
}

fn yes() -> bool {
    true
}

impl Read for CompleteTask {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let task = fields.required::<EffectRef>("task");
        if let Ok(task) = &task {
            task.check(&contact, &fields);
        }
        let completed = fields.optional("completed").unwrap_or_else(yes);
        fields.finish();
        Ok(Self {
            contact: contact?,
            task: task?,
            completed,
        })
    }
}

impl Work for CompleteTask {
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
