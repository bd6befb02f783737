//! What a contact is like: the fields that every write of one has.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    contact::ContactRef,
    custom_field::CustomField,
    date::BirthDate,
    dnd::{DndSettings, InboundDndSettings},
    email::Email,
    list::List,
    patch::Patch,
    phone::Phone,
    read::Fields,
    text::{Line, Tag},
};

/// What creating, upserting and updating a contact have in common: the fields that the API takes from each, and clears by `null` likewise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
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
    /// Day of birth; sent as `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub date_of_birth: Patch<BirthDate>,
    /// Country, as `US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Line>,
}

impl Person {
    /// Asks for all of them.
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            first_name: fields.nullable("firstName"),
            last_name: fields.nullable("lastName"),
            name: fields.nullable("name"),
            email: fields.nullable("email"),
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
            date_of_birth: fields.nullable("dateOfBirth"),
            country: fields.optional("country"),
        }
    }

    /// The contact by the names that it has from now on.
    pub(super) fn contact_refs(&self) -> Vec<ContactRef> {
        let email = self.email.value().cloned().map(ContactRef::Email);
        let phone = self.phone.value().cloned().map(ContactRef::Phone);
        email.into_iter().chain(phone).collect()
    }
}
