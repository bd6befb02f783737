//! `UpsertContact`: a contact created, or brought up to date.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    custom_field::CustomField,
    date::BirthDate,
    dnd::{DndSettings, InboundDndSettings},
    email::Email,
    fault::Noted,
    list::List,
    patch::Patch,
    payload::Work,
    phone::Phone,
    read::{Fields, Place, Read},
    text::{ForeignId, Line, Tag},
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
    /// First name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub first_name: Patch<Line>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub last_name: Patch<Line>,
    /// The whole name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub name: Patch<Line>,
    /// E-mail address; sent trimmed and lower-cased.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub email: Patch<Email>,
    /// Gender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Line>,
    /// Telephone number; sent as E.164.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub phone: Patch<Phone>,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub address1: Patch<Line>,
    /// City.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub city: Patch<Line>,
    /// State or region.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub state: Patch<Line>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Line>,
    /// Web address.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub website: Patch<Line>,
    /// Time zone, as `America/Chihuahua`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub timezone: Patch<Line>,
    /// Do not disturb, by any channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dnd: Option<bool>,
    /// Do not disturb, by channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dnd_settings: Option<DndSettings>,
    /// Whether messages from the contact are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound_dnd_settings: Option<InboundDndSettings>,
    /// All tags of the contact from now on, up to 100; `AddTags` leaves the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<List<Tag, 0, 100>>,
    /// Custom fields, up to 500; those not named stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_fields: Option<List<CustomField, 0, 500>>,
    /// Where the contact comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Line>,
    /// Day of birth; sent as `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub date_of_birth: Patch<BirthDate>,
    /// Country, as `US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Line>,
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
            first_name: fields.nullable("firstName"),
            last_name: fields.nullable("lastName"),
            name: fields.nullable("name"),
            email: fields.nullable("email"),
            gender: fields.optional("gender"),
            phone: fields.nullable("phone"),
            address1: fields.nullable("address1"),
            city: fields.nullable("city"),
            state: fields.nullable("state"),
            postal_code: fields.optional("postalCode"),
            website: fields.nullable("website"),
            timezone: fields.nullable("timezone"),
            dnd: fields.optional("dnd"),
            dnd_settings: fields.optional("dndSettings"),
            inbound_dnd_settings: fields.optional("inboundDndSettings"),
            tags: fields.optional("tags"),
            custom_fields: fields.optional("customFields"),
            source: fields.optional("source"),
            date_of_birth: fields.nullable("dateOfBirth"),
            country: fields.optional("country"),
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
        let email = given("email", self.email == Patch::Clear);
        let phone = given("phone", self.phone == Patch::Clear);
        if !email && !phone {
            place.fault("an email or a phone is required");
        }
    }
}

impl Work for UpsertContact {
    fn contact_refs(&self) -> Vec<ContactRef> {
        let email = self.email.value().cloned().map(ContactRef::Email);
        let phone = self.phone.value().cloned().map(ContactRef::Phone);
        email.into_iter().chain(phone).collect()
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
