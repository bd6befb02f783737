//! One contact with all it has.

use serde_json::{Map, Value, json};

use super::normal::{email_key, normal, normal_tags, phone};
use crate::sandbox::clock::Moment;

/// The type that every contact has here.
const TYPE: &str = "lead";

#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub(super) id: String,
    pub(super) location: String,
    /// Its place in the order of creation.
    pub(super) ordinal: u64,
    pub(super) added: Moment,
    pub(super) updated: Moment,
    pub(super) tags: Vec<String>,
    pub(super) notes: Vec<Item>,
    pub(super) tasks: Vec<Item>,
    pub(super) appointments: Vec<Item>,
    /// The users who follow it.
    pub(super) followers: Vec<String>,
    pub(super) business: Option<String>,
    /// Custom fields by id.
    custom: Vec<(String, Value)>,
    /// All other fields, under the names of the write side.
    details: Map<String, Value>,
}

/// A note, a task or an appointment.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) added: Moment,
    /// Its fields as JSON: there may be millions, rarely read, and as a map each would take ten times the memory.
    fields: Box<str>,
}

impl Item {
    pub(super) fn new(id: String, added: Moment, fields: Map<String, Value>) -> Self {
        Self {
            id,
            added,
            fields: Value::Object(fields).to_string().into(),
        }
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        serde_json::from_str(&self.fields).unwrap_or_default()
    }

    /// Writes those fields that are given.
    pub(super) fn write(&mut self, fields: Map<String, Value>) {
        let mut all = self.fields();
        all.extend(fields);
        self.fields = Value::Object(all).to_string().into();
    }
}

impl Contact {
    pub(super) fn new(id: String, location: String, ordinal: u64, now: Moment) -> Self {
        Self {
            id,
            location,
            ordinal,
            added: now,
            updated: now,
            tags: Vec::new(),
            notes: Vec::new(),
            tasks: Vec::new(),
            appointments: Vec::new(),
            followers: Vec::new(),
            business: None,
            custom: Vec::new(),
            details: Map::new(),
        }
    }

    /// The email as it is compared.
    pub(super) fn email_key(&self) -> Option<String> {
        self.text("email").map(email_key)
    }

    /// The phone as it is compared.
    pub(super) fn phone_key(&self) -> Option<String> {
        self.text("phone").and_then(phone)
    }

    /// Writes the fields of a body that was found valid: null clears one, tags are replaced, custom fields merged by id.
    pub(super) fn write(&mut self, body: &Map<String, Value>, now: Moment) {
        self.updated = now;
        for (name, value) in body {
            match (name.as_str(), value) {
                ("locationId" | "createNewIfDuplicateAllowed" | "id", _) => {}
                ("tags", Value::Array(tags)) => self.tags = normal_tags(tags),
                ("customFields", Value::Array(fields)) => self.merge_custom(fields),
                (name, Value::Null) => {
                    self.details.remove(name);
                }
                (name, value) => {
                    self.details.insert(name.to_owned(), normal(name, value));
                }
            }
        }
        self.split_name(body);
    }

    fn merge_custom(&mut self, fields: &[Value]) {
        for field in fields {
            // A key stands for the id that the location gave the field; here it is the id.
            let id = field["id"]
                .as_str()
                .or_else(|| field["key"].as_str())
                .unwrap_or_default();
            let value = field["field_value"].clone();
            match self.custom.iter_mut().find(|(known, _)| known == id) {
                Some((_, old)) => *old = value,
                None => self.custom.push((id.to_owned(), value)),
            }
        }
    }

    /// A name given whole also gives the first and last name, unless they are given too.
    fn split_name(&mut self, body: &Map<String, Value>) {
        let parts = body.contains_key("firstName") || body.contains_key("lastName");
        if let (false, Some(Value::String(name))) = (parts, body.get("name")) {
            let (first, last) = name.trim().split_once(' ').unwrap_or((name.trim(), ""));
            self.details.insert("firstName".to_owned(), first.into());
            self.details
                .insert("lastName".to_owned(), last.trim().into());
        } else if parts {
            self.details.remove("name");
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.details.get(name).and_then(Value::as_str)
    }

    fn name(&self) -> String {
        let whole = || {
            [self.text("firstName"), self.text("lastName")]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")
        };
        self.text("name")
            .map_or_else(whole, str::to_owned)
            .trim()
            .to_owned()
    }

    /// Whether a search for this text finds the contact.
    pub(super) fn mentions(&self, lower: &str) -> bool {
        let texts = [
            Some(self.name()),
            self.text("email").map(str::to_owned),
            self.text("phone").map(str::to_owned),
        ];
        texts
            .into_iter()
            .flatten()
            .any(|text| text.to_lowercase().contains(lower))
    }

    /// What a search compares a field with; null where the contact has none. Names are those of the search.
    pub(super) fn value(&self, field: &str) -> Value {
        let lower = |text: Option<&str>| text.map(str::to_lowercase).into();
        if let Some(id) = field.strip_prefix("customFields.") {
            let custom = self.custom.iter().find(|(known, _)| known == id);
            return custom.map_or(Value::Null, |(_, value)| value.clone());
        }
        match field {
            "id" => self.id.clone().into(),
            "tags" => self.tags.clone().into(),
            "followers" => self.followers.clone().into(),
            "businessId" => self.business.clone().into(),
            "type" => TYPE.into(),
            "dateAdded" => self.added.rfc3339().into(),
            "dateUpdated" => self.updated.rfc3339().into(),
            "fullNameLowerCase" => self.name().to_lowercase().into(),
            "firstNameLowerCase" => lower(self.text("firstName")),
            "lastNameLowerCase" => lower(self.text("lastName")),
            "address" => self.text("address1").into(),
            "assigned" => self.text("assignedTo").into(),
            name => self.details.get(name).cloned().unwrap_or_default(),
        }
    }

    /// As the API shows it.
    pub(super) fn shown(&self) -> Value {
        // What is written but never shown by any of the official schemas.
        let hidden = |name: &str| ["gender", "inboundDndSettings"].contains(&name);
        let mut shown: Map<String, Value> = self
            .details
            .iter()
            .filter(|(name, _)| !hidden(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let mut lower = |name: &str, text: Option<String>| {
            text.filter(|text| !text.is_empty())
                .map(|text| shown.insert(name.to_owned(), text.to_lowercase().into()))
        };
        lower(
            "firstNameLowerCase",
            self.text("firstName").map(str::to_owned),
        );
        lower(
            "lastNameLowerCase",
            self.text("lastName").map(str::to_owned),
        );
        lower("fullNameLowerCase", Some(self.name()));
        lower("emailLowerCase", self.text("email").map(str::to_owned));
        shown.insert("name".to_owned(), self.name().into());
        shown.insert("id".to_owned(), self.id.clone().into());
        shown.insert("locationId".to_owned(), self.location.clone().into());
        shown.insert("type".to_owned(), TYPE.into());
        shown.insert("tags".to_owned(), self.tags.clone().into());
        shown.insert("followers".to_owned(), self.followers.clone().into());
        if let Some(business) = &self.business {
            shown.insert("businessId".to_owned(), business.clone().into());
        }
        shown.insert(
            "customFields".to_owned(),
            self.custom
                .iter()
                .map(|(id, value)| json!({"id": id, "value": value}))
                .collect(),
        );
        shown.insert("dateAdded".to_owned(), self.added.rfc3339().into());
        shown.insert("dateUpdated".to_owned(), self.updated.rfc3339().into());
        shown.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_tags_merges_custom_fields_and_clears_with_null() {
        let now = Moment::from_micros(0);
        let mut contact = Contact::new("c".into(), "l".into(), 0, now);
        let first = json!({"name": "Rosan Deo", "city": "X", "tags": ["B", " b", "A"], "customFields": [{"id": "f", "field_value": 1}, {"id": "g", "field_value": 2}]});
        contact.write(first.as_object().unwrap(), now);
        contact.write(
            json!({"city": null, "tags": ["c"], "customFields": [{"id": "g", "field_value": 3}]})
                .as_object()
                .unwrap(),
            now,
        );
        let shown = contact.shown();
        assert_eq!(shown["tags"], json!(["c"]));
        assert_eq!(
            shown["customFields"],
            json!([{"id": "f", "value": 1}, {"id": "g", "value": 3}])
        );
        assert_eq!(
            (
                &shown["firstName"],
                &shown["lastNameLowerCase"],
                shown.get("city")
            ),
            (&json!("Rosan"), &json!("deo"), None)
        );
    }
}
