//! What a body or a query may carry, and how the API complains about what it may not.
//!
//! Messages are worded as class-validator words them, which is what the API's own are made by
//! ("property x should not exist").

mod kind;

use serde_json::{Map, Value};

pub(super) use kind::Kind;

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
