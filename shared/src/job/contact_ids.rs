//! Contacts, many of them, by their ids.

use std::{borrow::Cow, collections::HashSet};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::{
    contact::{ContactId, ContactRef},
    fault::Noted,
    list::List,
    read::{Place, Read},
};

/// The most contacts that one job may name.
const MOST: usize = 500;

/// 1 to 500 contacts, each once and by its id: `[{"id":"…"},…]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ContactIds(List<Known, 1, MOST>);

/// A contact that is known by its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Known {
    /// The API's own id.
    id: ContactId,
}

impl ContactIds {
    /// Them all.
    pub fn iter(&self) -> impl Iterator<Item = &ContactId> {
        self.0.iter().map(|contact| &contact.id)
    }

    /// The contact, if it is but one.
    pub fn single(&self) -> Option<&ContactId> {
        match &self.0[..] {
            [only] => Some(&only.id),
            _ => None,
        }
    }

    /// Each by itself.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        self.0.iter().filter_map(|contact| {
            let alone = List::try_from(vec![contact.clone()]);
            alone.ok().map(Self)
        })
    }

    /// The contact whose sequence a job is in: jobs for many are in none.
    pub(super) fn contact_refs(&self) -> Vec<ContactRef> {
        self.single()
            .cloned()
            .map(ContactRef::Id)
            .into_iter()
            .collect()
    }
}

impl Read for Known {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let id = fields.required("id");
        fields.finish();
        Ok(Self { id: id? })
    }
}

impl Read for ContactIds {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let contacts: List<Known, 1, MOST> = List::read(place)?;
        let mut seen = HashSet::new();
        if !contacts.iter().all(|contact| seen.insert(contact)) {
            place.fault("a contact is named twice");
        }
        Ok(Self(contacts))
    }
}

impl JsonSchema for ContactIds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ContactIds".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = List::<Known, 1, MOST>::json_schema(generator);
        schema.insert("uniqueItems".into(), true.into());
        schema
    }
}
