//! `CreateContact`: a contact that is not there yet.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    fault::Noted,
    patch::Patch,
    payload::Work,
    person::Person,
    read::{Fields, Place, Read},
    text::{ForeignId, Line},
};

/// What names a contact: one of them has to be there.
const NAMES: [&str; 5] = ["email", "phone", "name", "firstName", "lastName"];

/// Creates a contact, which an email, a phone or a name is required for. The fields are those of the API's create body, without the location: that
/// is the job's tenant. Where the location allows no second contact of an email or a phone, the one that is there is updated. The API cannot tell
/// a repeated one from a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    { "required": ["email"], "properties": { "email": { "type": "string" } } },
    { "required": ["phone"], "properties": { "phone": { "type": "string" } } },
    { "required": ["name"], "properties": { "name": { "type": "string" } } },
    { "required": ["firstName"], "properties": { "firstName": { "type": "string" } } },
    { "required": ["lastName"], "properties": { "lastName": { "type": "string" } } },
]))]
pub struct CreateContact {
    /// What the contact is like.
    #[serde(flatten)]
    pub person: Person,
    /// Gender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Line>,
    /// Where the contact comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Line>,
    /// Company.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub company_name: Patch<Line>,
    /// The id of the user who looks after the contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<ForeignId>,
}

impl Read for CreateContact {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = Self {
            person: Person::read(&mut fields),
            gender: fields.optional("gender"),
            source: fields.optional("source"),
            company_name: fields.nullable("companyName"),
            assigned_to: fields.optional("assignedTo"),
        };
        contact.check_named(place, &fields);
        fields.finish();
        Ok(contact)
    }
}

impl CreateContact {
    fn check_named(&self, place: Place<'_>, fields: &Fields<'_>) {
        let Person {
            email,
            phone,
            name,
            first_name,
            last_name,
            ..
        } = &self.person;
        let cleared = [
            *email == Patch::Clear,
            *phone == Patch::Clear,
            *name == Patch::Clear,
            *first_name == Patch::Clear,
            *last_name == Patch::Clear,
        ];
        // One that is there but faulty has its own fault already.
        let named = NAMES.iter().zip(cleared);
        if !named
            .into_iter()
            .any(|(name, cleared)| fields.has(name) && !cleared)
        {
            place.fault("an email, a phone or a name is required");
        }
    }
}

impl Work for CreateContact {
    fn contact_refs(&self) -> Vec<ContactRef> {
        self.person.contact_refs()
    }

    fn is_idempotent(&self) -> bool {
        false
    }
}
