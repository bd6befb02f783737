//! What a body or a query may carry, and how the API complains about what it may not.
//!
//! Messages are worded as class-validator words them, which is what the API's own are made by
//! ("property x should not exist").

use std::str::FromStr;

use serde_json::{Map, Value};

use super::contact::{birth_date, email, phone};

/// The fields that are allowed.
pub(in crate::sandbox) type Shape = &'static [Field];

/// One field.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) nullable: bool,
}

/// What a field's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    Strings,
    /// At most so many of them.
    FewStrings(usize),
    /// An array of anything; the operation looks into it.
    List,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A whole number from the first to the second.
    Number(u64, u64),
    Email,
    Phone,
    /// An ISO 8601 date with time and offset.
    Instant,
    BirthDate,
    CustomFields,
    /// Do-not-disturb settings: the channels, and the states that one can have.
    Disturbance(&'static [&'static str], &'static [&'static str]),
}

impl Field {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
            nullable: false,
        }
    }

    pub(super) const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text)
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }
}

/// Everything that is wrong with a body, worded as the API words it; nothing if it is right.
pub(in crate::sandbox) fn faults(shape: Shape, body: &Map<String, Value>) -> Vec<String> {
    let known = |name: &String| shape.iter().any(|field| field.name == name);
    let unknown = body
        .keys()
        .filter(|name| !known(name))
        .map(|name| not_here("", name));
    unknown
        .chain(
            shape
                .iter()
                .flat_map(|field| field.faults(body.get(field.name))),
        )
        .collect()
}

impl Field {
    fn faults(&self, value: Option<&Value>) -> Vec<String> {
        let name = self.name;
        match value {
            None if self.required => {
                vec![format!("{name} should not be empty"), self.kind.fault(name)]
            }
            Some(Value::Null) if self.nullable => Vec::new(),
            Some(Value::String(text)) if self.required && text.trim().is_empty() => {
                vec![format!("{name} should not be empty")]
            }
            None => Vec::new(),
            Some(value) => self.kind.faults(name, value),
        }
    }
}

impl Kind {
    fn fault(self, name: &str) -> String {
        match self {
            Self::Text => format!("{name} must be a string"),
            Self::Flag => format!("{name} must be a boolean value"),
            Self::Strings | Self::FewStrings(_) | Self::List | Self::CustomFields => {
                format!("{name} must be an array")
            }
            Self::OneOf(texts) => {
                format!(
                    "{name} must be one of the following values: {}",
                    texts.join(", ")
                )
            }
            Self::Number(..) => {
                format!("{name} must be a number conforming to the specified constraints")
            }
            Self::Email => format!("{name} must be an email"),
            Self::Phone => format!("{name} must be a valid phone number"),
            Self::Instant => format!("{name} must be a valid ISO 8601 date string"),
            Self::BirthDate => format!("{name} must be a valid date"),
            Self::Disturbance(..) => format!("{name} must be an object"),
        }
    }

    fn faults(self, name: &str, value: &Value) -> Vec<String> {
        match (self, value) {
            (Self::Strings | Self::FewStrings(_), Value::Array(items))
                if !items.iter().all(Value::is_string) =>
            {
                vec![format!("each value in {name} must be a string")]
            }
            (Self::FewStrings(most), Value::Array(items)) if items.len() > most => {
                vec![format!("{name} must contain no more than {most} elements")]
            }
            (Self::Number(least, most), Value::Number(number)) => {
                beyond(number.as_u64(), least, most)
                    .map(|fault| format!("{name} {fault}"))
                    .into_iter()
                    .collect()
            }
            (Self::CustomFields, Value::Array(items)) => items
                .iter()
                .enumerate()
                .flat_map(|(at, item)| custom_field(&format!("{name}.{at}"), item))
                .collect(),
            (Self::Disturbance(channels, states), Value::Object(settings)) => settings
                .iter()
                .flat_map(|(channel, setting)| {
                    disturbance(name, channel, setting, channels, states)
                })
                .collect(),
            _ if self.accepts(value) => Vec::new(),
            _ => vec![self.fault(name)],
        }
    }

    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::OneOf(texts) => value.as_str().is_some_and(|text| texts.contains(&text)),
            Self::Flag => value.is_boolean(),
            Self::Strings | Self::FewStrings(_) | Self::List => value.is_array(),
            Self::Email => value.as_str().is_some_and(|text| email(text).is_some()),
            Self::Phone => value.as_str().is_some_and(|text| phone(text).is_some()),
            Self::Instant => value
                .as_str()
                .is_some_and(|text| jiff::Timestamp::from_str(text).is_ok()),
            Self::BirthDate => value
                .as_str()
                .is_some_and(|text| birth_date(text).is_some()),
            Self::Number(..) | Self::CustomFields | Self::Disturbance(..) => false,
        }
    }
}

fn beyond(number: Option<u64>, least: u64, most: u64) -> Option<String> {
    match number {
        None => Some("must be an integer number".to_owned()),
        Some(number) if number < least => Some(format!("must not be less than {least}")),
        Some(number) if number > most => Some(format!("must not be greater than {most}")),
        Some(_) => None,
    }
}

/// `{id or key, field_value}`; the value may be of any type.
fn custom_field(place: &str, item: &Value) -> Vec<String> {
    let Value::Object(item) = item else {
        return vec![format!("{place} must be an object")];
    };
    let mut faults: Vec<String> = item
        .keys()
        .filter(|key| !["id", "key", "field_value"].contains(&key.as_str()))
        .map(|key| not_here(place, key))
        .collect();
    let named = ["id", "key"]
        .iter()
        .filter_map(|key| item.get(*key))
        .any(Value::is_string);
    if !named {
        faults.push(format!("{place}.id must be a string"));
    }
    faults
}

/// `{status, message, code}` of one channel.
fn disturbance(
    name: &str,
    channel: &str,
    setting: &Value,
    channels: &[&str],
    states: &[&str],
) -> Vec<String> {
    if !channels.contains(&channel) {
        return vec![not_here(name, channel)];
    }
    let place = format!("{name}.{channel}");
    let Value::Object(setting) = setting else {
        return vec![format!("{place} must be an object")];
    };
    let mut faults: Vec<String> = setting
        .keys()
        .filter(|key| !["status", "message", "code"].contains(&key.as_str()))
        .map(|key| not_here(&place, key))
        .collect();
    if !setting
        .get("status")
        .and_then(Value::as_str)
        .is_some_and(|status| states.contains(&status))
    {
        faults.push(format!(
            "{place}.status must be one of the following values: {}",
            states.join(", ")
        ));
    }
    faults
}

fn not_here(place: &str, name: &str) -> String {
    // Messages stay readable whatever a hostile body calls its properties.
    let name: String = name.chars().take(100).collect();
    if place.is_empty() {
        format!("property {name} should not exist")
    } else {
        format!("{place}.property {name} should not exist")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::api::shapes;

    fn of(shape: Shape, body: &Value) -> Vec<String> {
        faults(shape, body.as_object().unwrap())
    }

    #[test]
    fn what_the_api_takes_passes() {
        let full = json!({
            "locationId": "loc1", "firstName": "Rosan", "lastName": null, "email": "rosan@deos.com", "phone": "+1 888-888-8888",
            "dnd": true, "dndSettings": {"Call": {"status": "permanent", "message": "m", "code": "c"}},
            "inboundDndSettings": {"all": {"status": "active"}}, "tags": ["a"], "dateOfBirth": "1990-09-25",
            "customFields": [{"id": "f1", "field_value": ["a"]}, {"key": "k", "field_value": 3}], "createNewIfDuplicateAllowed": false
        });
        assert_eq!(of(shapes::UPSERT_CONTACT, &full), Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_named() {
        for (body, complaint) in [
            (json!({}), "locationId should not be empty"),
            (json!({}), "locationId must be a string"),
            (json!({"locationId": " "}), "locationId should not be empty"),
            (json!({"locationId": 1}), "locationId must be a string"),
            (
                json!({"locationId": "l", "x": 1}),
                "property x should not exist",
            ),
            (
                json!({"locationId": "l", "gender": null}),
                "gender must be a string",
            ),
            (
                json!({"locationId": "l", "dnd": "yes"}),
                "dnd must be a boolean value",
            ),
            (
                json!({"locationId": "l", "tags": "a"}),
                "tags must be an array",
            ),
            (
                json!({"locationId": "l", "tags": [1]}),
                "each value in tags must be a string",
            ),
            (
                json!({"locationId": "l", "email": "rosan"}),
                "email must be an email",
            ),
            (
                json!({"locationId": "l", "email": "someone@rejected.example"}),
                "email must be an email",
            ),
            (
                json!({"locationId": "l", "phone": "call me"}),
                "phone must be a valid phone number",
            ),
            (
                json!({"locationId": "l", "dateOfBirth": "1990-13-25"}),
                "dateOfBirth must be a valid date",
            ),
            (
                json!({"locationId": "l", "customFields": [{"id": "f", "value": 1}]}),
                "customFields.0.property value should not exist",
            ),
            (
                json!({"locationId": "l", "customFields": [{}]}),
                "customFields.0.id must be a string",
            ),
            (
                json!({"locationId": "l", "customFields": [1]}),
                "customFields.0 must be an object",
            ),
            (
                json!({"locationId": "l", "dndSettings": {"Fax": {}}}),
                "dndSettings.property Fax should not exist",
            ),
            (
                json!({"locationId": "l", "dndSettings": {"SMS": {"status": "x"}}}),
                "dndSettings.SMS.status must be one of the following values: active, inactive, permanent",
            ),
        ] {
            let faults = of(shapes::UPSERT_CONTACT, &body);
            assert!(
                faults.iter().any(|fault| fault == complaint),
                "{body}: {faults:?}"
            );
        }
    }

    #[test]
    fn an_update_carries_neither_location_nor_gender_nor_company() {
        for name in ["locationId", "gender", "companyName"] {
            assert_eq!(
                of(shapes::UPDATE_CONTACT, &json!({name: "x"})),
                [format!("property {name} should not exist")]
            );
        }
    }

    #[test]
    fn a_task_needs_its_date_as_iso_8601() {
        let faults = of(
            shapes::CREATE_TASK,
            &json!({"title": "t", "dueDate": "tomorrow", "completed": false}),
        );
        assert_eq!(faults, ["dueDate must be a valid ISO 8601 date string"]);
        assert_eq!(
            of(
                shapes::CREATE_TASK,
                &json!({"title": "t", "dueDate": "2020-10-25T11:00:00+02:00", "completed": false})
            ),
            Vec::<String>::new()
        );
    }
}
