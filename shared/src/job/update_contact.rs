//! `UpdateContact`: a contact that is there, brought up to date.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    patch::Patch,
    payload::Work,
    person::Person,
    read::{Place, Read},
    text::{ForeignId, Line},
};

/// Updates a contact that is there; what is not named stays. The fields are those of the API's update body, which knows no gender and no company.
/// Repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 2))]
pub struct UpdateContact {
    /// The contact that is updated.
    pub contact: ContactRef,
    /// What the contact is like from now on.
    #[serde(flatten)]
    pub person: Person,
    /// Where the contact comes from.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub source: Patch<Line>,
    /// The id of the user who looks after the contact.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub assigned_to: Patch<ForeignId>,
}

impl Read for UpdateContact {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = fields.required("contact");
        let person = Person::read(&mut fields);
        let source = fields.nullable("source");
        let assigned_to = fields.nullable("assignedTo");
        fields.some_beside(&["contact"]);
        fields.finish();
        Ok(Self {
            contact: contact?,
            person,
            source,
            assigned_to,
        })
    }
}

impl Work for UpdateContact {
    fn contact_refs(&self) -> Vec<ContactRef> {
        vec![self.contact.clone()]
    }

    fn is_idempotent(&self) -> bool {
        true
    }
}
