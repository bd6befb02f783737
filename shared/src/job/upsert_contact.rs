//! `UpsertContact`: a contact created, or brought up to date.

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

/// Creates a contact, or updates the one that has this email or phone; one of the two is required. The fields are those
/// of the API's upsert body, without the location: that is the job's tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    { "required": ["email"], "properties": { "email": { "type": "string" } } },
    { "required": ["phone"], "properties": { "phone": { "type": "string" } } },
]))]
pub struct UpsertContact {
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
    /// Whether to create a second contact where the location allows duplicates. That cannot be repeated safely.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_new_if_duplicate_allowed: bool,
}

impl Read for UpsertContact {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let contact = Self {
            person: Person::read(&mut fields),
            gender: fields.optional("gender"),
            source: fields.optional("source"),
            company_name: fields.nullable("companyName"),
            assigned_to: fields.optional("assignedTo"),
            create_new_if_duplicate_allowed: fields
                .optional("createNewIfDuplicateAllowed")
                .unwrap_or_default(),
        };
        contact.check_named(place, &fields);
        fields.finish();
        Ok(contact)
    }
}

impl UpsertContact {
    fn check_named(&self, place: Place<'_>, fields: &Fields<'_>) {
        // One that is there but faulty has its own fault already.
        let given = |name, clears: bool| fields.has(name) && !clears;
        let email = given("email", self.person.email == Patch::Clear);
        let phone = given("phone", self.person.phone == Patch::Clear);
        if !email && !phone {
            place.fault("an email or a phone is required");
        }
    }
}

impl Work for UpsertContact {
    fn contact_refs(&self) -> Vec<ContactRef> {
        self.person.contact_refs()
    }

    fn is_idempotent(&self) -> bool {
        !self.create_new_if_duplicate_allowed
    }

    fn merge_key(&self) -> Vec<u8> {
        if self.is_idempotent() {
            b"u".to_vec()
        } else {
            Vec::new()
        }
    }
}
