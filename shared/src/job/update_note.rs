//! `UpdateNote`: a note on a contact, brought up to date.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    color::Color,
    contact::ContactRef,
    effect_ref::EffectRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
    text::{ForeignId, Line, NoteBody},
};

/// Updates a note on a contact; what is not named stays. Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 3))]
pub struct UpdateNote {
    /// The contact that it is about.
    pub contact: ContactRef,
    /// The note.
    pub note: EffectRef,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<NoteBody>,
    /// Its heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Line>,
    /// Its colour, as `#FFAA00`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<Color>,
    /// Whether it is kept on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// The id of the user whose note it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<ForeignId>,
}

impl Read for UpdateNote {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let note = fields.required::<EffectRef>("note");
        if let Ok(note) = &note {
            note.check(&contact, &fields);
        }
        let body = fields.optional("body");
        let title = fields.optional("title");
        let color = fields.optional("color");
        let pinned = fields.optional("pinned");
        let user_id = fields.optional("userId");
        fields.some_beside(&["contact", "note"]);
        fields.finish();
        Ok(Self {
            contact: contact?,
            note: note?,
            body,
            title,
            color,
            pinned,
            user_id,
        })
    }
}

impl Work for UpdateNote {
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
