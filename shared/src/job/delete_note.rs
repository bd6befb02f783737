//! `DeleteNote`: a note that is there no more.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    effect_ref::EffectRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
};

/// Deletes a note on a contact. One that is not there (any more) counts as deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteNote {
    /// The contact that it is about.
    pub contact: ContactRef,
    /// The note.
    pub note: EffectRef,
}

impl Read for DeleteNote {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let note = fields.required::<EffectRef>("note");
        if let Ok(note) = &note {
            note.check(&contact, &fields);
        }
        fields.finish();
        Ok(Self {
            contact: contact?,
            note: note?,
        })
    }
}

impl Work for DeleteNote {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn effect(&self) -> Option<&EffectRef> {
        Some(&self.note)
    }

    fn effect_mut(&mut self) -> Option<&mut EffectRef> {
        Some(&mut self.note)
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
