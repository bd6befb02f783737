//! `AttachNote`: a note on a contact.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    color::Color,
    contact::ContactRef,
    fault::Noted,
    payload::Work,
    read::{Place, Read},
    text::{ForeignId, Line, NoteBody},
};

/// Attaches a note to a contact. The API cannot tell a repeated one from a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttachNote {
    /// The contact that it is about.
    pub contact: ContactRef,
    /// What it says.
    pub body: NoteBody,
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

impl Read for AttachNote {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let body = fields.required("body");
        let title = fields.optional("title");
        let color = fields.optional("color");
        let pinned = fields.optional("pinned");
        let user_id = fields.optional("userId");
        fields.finish();
        Ok(Self {
            contact: contact?,
            body: body?,
            title,
            color,
            pinned,
            user_id,
        })
    }
}

impl Work for AttachNote {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        false
    }
}
