//! Everything the API holds.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::answer::Answer;
use super::contact::Contact;
use super::directory::{Asset, Directory};
use super::ids::Ids;
use super::normal::{email_key, phone};
use super::oauth::OAuth;
use crate::sandbox::clock::Moment;
use crate::sandbox::options::{Options, Unknown};

/// Contact ids by the order of their creation.
type Ordered = BTreeMap<u64, String>;
/// Contact ids by (location, email or phone).
type Index = HashMap<(String, String), Ordered>;

/// The contacts of all locations, and what else these have.
#[derive(Debug)]
pub(in crate::sandbox) struct World {
    pub(super) allow_duplicates: bool,
    pub(super) directory: Directory,
    /// None while OAuth is off.
    pub(in crate::sandbox) oauth: Option<OAuth>,
    unknown: Unknown,
    ids: Ids,
    ordinal: u64,
    contacts: HashMap<String, Contact>,
    /// Those that were deleted, for pages that start after one, and for calls about one.
    deleted: HashMap<String, Deleted>,
    locations: HashMap<String, Ordered>,
    emails: Index,
    phones: Index,
}

/// What is known of a contact that was deleted.
#[derive(Debug)]
struct Deleted {
    ordinal: u64,
    location: String,
}

impl World {
    pub(in crate::sandbox) fn new(options: &Options) -> Self {
        let oauth = options.oauth.clone();
        Self {
            allow_duplicates: options.allow_duplicates,
            directory: Directory::default(),
            oauth: oauth.map(|terms| OAuth::new(options.seed, terms)),
            unknown: options.unknown,
            ids: Ids::new(options.seed),
            ordinal: 0,
            contacts: HashMap::new(),
            deleted: HashMap::new(),
            locations: HashMap::new(),
            emails: HashMap::new(),
            phones: HashMap::new(),
        }
    }

    /// The location that a contact is in, or was in until it was deleted.
    pub(in crate::sandbox) fn location_of(&self, contact_id: &str) -> Option<&str> {
        let contact = self.contacts.get(contact_id);
        let deleted = self.deleted.get(contact_id);
        contact
            .map(|contact| contact.location.as_str())
            .or_else(|| deleted.map(|deleted| deleted.location.as_str()))
    }

    /// A contact as the API shows it.
    pub(in crate::sandbox) fn shown(&self, contact_id: &str) -> Option<Value> {
        self.contacts.get(contact_id).map(Contact::shown)
    }

    pub(super) fn next_id(&mut self) -> String {
        self.ids.next()
    }

    pub(super) fn knows(&self, contact_id: &str) -> bool {
        self.contacts.contains_key(contact_id)
    }

    pub(super) fn was_deleted(&self, contact_id: &str) -> bool {
        self.deleted.contains_key(contact_id)
    }

    /// The place of a contact in the order of creation, even of one that was deleted.
    pub(super) fn ordinal_of(&self, contact_id: &str) -> Option<u64> {
        let contact = self.contacts.get(contact_id);
        contact
            .map(|contact| contact.ordinal)
            .or_else(|| self.deleted.get(contact_id).map(|deleted| deleted.ordinal))
    }

    /// That the location has such a business, campaign or workflow, or how the API says that it has not.
    pub(super) fn asset(&self, asset: Asset, id: &str, location: &str) -> Result<(), Answer> {
        if self.directory.has(asset, id, location) {
            Ok(())
        } else {
            Err(self.unknown(asset.name(), id))
        }
    }

    /// The contact, or how the API says that there is none.
    pub(super) fn contact(&self, id: &str) -> Result<&Contact, Answer> {
        self.contacts
            .get(id)
            .ok_or_else(|| self.unknown("Contact", id))
    }

    /// Its notes, tasks and tags may be changed in place; its fields only by `write`.
    pub(super) fn contact_mut(&mut self, id: &str) -> Result<&mut Contact, Answer> {
        let unknown = self.unknown("Contact", id);
        self.contacts.get_mut(id).ok_or(unknown)
    }

    pub(super) fn unknown(&self, what: &str, id: &str) -> Answer {
        let message = format!(
            "{what} with id {} not found",
            id.chars().take(128).collect::<String>()
        );
        Answer::error(self.unknown.status(), Some(&message))
    }

    /// Adds a contact with these fields.
    pub(super) fn create(
        &mut self,
        id: String,
        location: &str,
        fields: &Map<String, Value>,
        now: Moment,
    ) -> &Contact {
        self.ordinal += 1;
        let mut contact = Contact::new(id.clone(), location.to_owned(), self.ordinal, now);
        contact.write(fields, now);
        self.locations
            .entry(location.to_owned())
            .or_default()
            .insert(contact.ordinal, id.clone());
        self.enter(&contact);
        self.contacts.entry(id).insert_entry(contact).into_mut()
    }

    /// Writes these fields of a contact.
    pub(super) fn write(
        &mut self,
        id: &str,
        fields: &Map<String, Value>,
        now: Moment,
    ) -> Result<&Contact, Answer> {
        let Some(mut contact) = self.contacts.remove(id) else {
            return Err(self.unknown("Contact", id));
        };
        self.leave(&contact);
        contact.write(fields, now);
        self.enter(&contact);
        Ok(self
            .contacts
            .entry(id.to_owned())
            .insert_entry(contact)
            .into_mut())
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<Contact, Answer> {
        let contact = self
            .contacts
            .remove(id)
            .ok_or_else(|| self.unknown("Contact", id))?;
        self.leave(&contact);
        if let Some(ids) = self.locations.get_mut(&contact.location) {
            ids.remove(&contact.ordinal);
        }
        let deleted = Deleted {
            ordinal: contact.ordinal,
            location: contact.location.clone(),
        };
        self.deleted.insert(id.to_owned(), deleted);
        Ok(contact)
    }

    /// The oldest contact of the location with this email.
    pub(super) fn by_email(&self, location: &str, email: &str) -> Option<&Contact> {
        self.first(&self.emails, location, email_key(email))
    }

    /// The oldest contact of the location with this phone.
    pub(super) fn by_phone(&self, location: &str, number: &str) -> Option<&Contact> {
        self.first(&self.phones, location, phone(number)?)
    }

    /// The location's contacts, newest first, those only that were created before the given one.
    pub(super) fn contacts_before(
        &self,
        location: &str,
        ordinal: u64,
    ) -> impl Iterator<Item = &Contact> {
        let ids = self
            .locations
            .get(location)
            .into_iter()
            .flat_map(move |ids| ids.range(..ordinal).rev());
        ids.filter_map(|(_, id)| self.contacts.get(id))
    }

    fn first(&self, index: &Index, location: &str, key: String) -> Option<&Contact> {
        let ids = index.get(&(location.to_owned(), key))?;
        ids.values().next().and_then(|id| self.contacts.get(id))
    }

    fn enter(&mut self, contact: &Contact) {
        for (index, key) in [
            (&mut self.emails, contact.email_key()),
            (&mut self.phones, contact.phone_key()),
        ] {
            if let Some(key) = key {
                index
                    .entry((contact.location.clone(), key))
                    .or_default()
                    .insert(contact.ordinal, contact.id.clone());
            }
        }
    }

    fn leave(&mut self, contact: &Contact) {
        for (index, key) in [
            (&mut self.emails, contact.email_key()),
            (&mut self.phones, contact.phone_key()),
        ] {
            let Some(place) = key.map(|key| (contact.location.clone(), key)) else {
                continue;
            };
            if let Some(ids) = index.get_mut(&place) {
                ids.remove(&contact.ordinal);
            }
            if index.get(&place).is_some_and(BTreeMap::is_empty) {
                index.remove(&place);
            }
        }
    }
}
