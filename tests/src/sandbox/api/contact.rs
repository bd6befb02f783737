//! One contact with all it has, and how the API normalises what is written to it.

use serde_json::{Map, Value, json};

use crate::sandbox::clock::Moment;

/// Addresses in this domain are refused as no email at all, so that a demonstration can have jobs that the API rejects.
const REJECTED_DOMAIN: &str = "rejected.example";

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

fn normal(name: &str, value: &Value) -> Value {
    let text = value.as_str().unwrap_or_default();
    match name {
        "email" => text.trim().into(),
        "phone" => phone(text).into(),
        "dateOfBirth" => birth_date(text)
            .map(|date| format!("{date}T00:00:00.000Z"))
            .into(),
        _ => value.clone(),
    }
}

/// Tags as the API keeps them: lower-cased, trimmed, each once.
pub(super) fn normal_tags(tags: &[Value]) -> Vec<String> {
    let mut normal: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags
        .iter()
        .filter_map(Value::as_str)
        .map(|tag| tag.trim().to_lowercase())
    {
        if !tag.is_empty() && !normal.contains(&tag) {
            normal.push(tag);
        }
    }
    normal
}

/// An email as emails are compared.
pub(super) fn email_key(text: &str) -> String {
    text.trim().to_lowercase()
}

/// An email that can be one, as emails are compared.
pub(super) fn email(text: &str) -> Option<String> {
    let key = email_key(text);
    let (name, domain) = key.rsplit_once('@')?;
    let sound = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    let domain_sound = sound(domain)
        && domain.split('.').count() > 1
        && domain.split('.').all(|label| !label.is_empty());
    (sound(name) && domain_sound && domain != REJECTED_DOMAIN && key.len() <= 320).then_some(key)
}

/// A phone number that can be one, without its punctuation: `+1 888-888-8888` is `+18888888888`.
pub(super) fn phone(text: &str) -> Option<String> {
    let plain: String = text
        .chars()
        .filter(|letter| !" -().".contains(*letter))
        .collect();
    let digits = plain.strip_prefix('+').unwrap_or(&plain);
    ((5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some(plain)
}

/// A date of birth, year or month first, its parts divided by `-`, `/`, `.` or `_`.
pub(super) fn birth_date(text: &str) -> Option<jiff::civil::Date> {
    let divider = text.chars().find(|letter| "-/._".contains(*letter))?;
    let parts: Vec<&str> = text.split(divider).collect();
    let (year, month, day) = match parts.as_slice() {
        [year, month, day] if year.len() == 4 => (year, month, day),
        [month, day, year] if year.len() == 4 => (year, month, day),
        _ => return None,
    };
    jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_and_phones_are_compared_in_one_form() {
        assert_eq!(email(" Rosan@Deos.com ").as_deref(), Some("rosan@deos.com"));
        for text in [
            "",
            "a",
            "@b.c",
            "a@",
            "a@b",
            "a@b..c",
            "a b@c.d",
            "a@b@c.d",
            "x@rejected.example",
            "x@Rejected.Example",
        ] {
            assert_eq!(email(text), None, "{text}");
        }
        assert_eq!(phone("+1 (888) 888-8888").as_deref(), Some("+18888888888"));
        for text in [
            "",
            "+",
            "1234",
            "+1234567890123456",
            "+1888x88888",
            "++18888888",
        ] {
            assert_eq!(phone(text), None, "{text}");
        }
    }

    #[test]
    fn every_documented_form_of_a_birth_date_is_read() {
        for text in [
            "1990/09/25",
            "09/25/1990",
            "1990-09-25",
            "09-25-1990",
            "1990.09.25",
            "09.25.1990",
            "1990_09_25",
            "09_25_1990",
        ] {
            assert_eq!(
                birth_date(text).unwrap().to_string(),
                "1990-09-25",
                "{text}"
            );
        }
        for text in [
            "",
            "1990",
            "1990-9",
            "25-09-1990",
            "1990-02-30",
            "1990-09-25-1",
            "90-09-25",
        ] {
            assert_eq!(birth_date(text), None, "{text}");
        }
    }

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
