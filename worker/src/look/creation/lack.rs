//! What a contact lacks of what a job says of it.

use penstock_shared::job::CreateContact;
use serde_json::Value;

/// What no update takes, or no answer shows: nothing can be done about it, or be told.
const UNTOLD: [&str; 3] = ["gender", "companyName", "inboundDndSettings"];

/// The members that it lacks. Of what the API has put differently that may be said without need: to write it once more changes nothing.
pub(super) fn of(wanted: &CreateContact, theirs: &Value) -> Vec<String> {
    // A struct with text keys: nothing that JSON could not say.
    let wanted = serde_json::to_value(wanted).unwrap_or_default();
    let members = wanted.as_object().into_iter().flatten();
    let told = members.filter(|(name, _)| !UNTOLD.contains(&name.as_str()));
    let lacking =
        told.filter(|(name, wanted)| !has(name, theirs.get(name).unwrap_or(&Value::Null), wanted));
    lacking.map(|(name, _)| name.clone()).collect()
}

/// Whether a member of the contact is as wanted. What is not there is as good as empty.
fn has(name: &str, there: &Value, wanted: &Value) -> bool {
    match (name, wanted) {
        ("customFields", Value::Array(fields)) => {
            fields.iter().all(|field| has_field(there, field))
        }
        // The rest of them may have come since.
        (_, Value::Array(items)) => items.iter().all(|item| is_among(there, item)),
        ("dateOfBirth", Value::String(day)) => {
            let there = there.as_str().unwrap_or_default();
            there.split('T').next() == Some(day)
        }
        (_, Value::Null) => there.is_null() || there == "",
        (_, Value::Bool(false)) => there.is_null() || there == &Value::Bool(false),
        _ => is_same(there, wanted),
    }
}

fn is_among(there: &Value, wanted: &Value) -> bool {
    let mut there = there.as_array().into_iter().flatten();
    there.any(|there| is_same(there, wanted))
}

/// The API shows custom fields by their ids alone.
fn has_field(there: &Value, wanted: &Value) -> bool {
    let mut there = there.as_array().into_iter().flatten();
    let id = wanted.get("id").filter(|id| id.is_string());
    let own = there.find(|field| id.is_some() && field.get("id") == id);
    let value = own.and_then(|field| field.get("value"));
    value
        .zip(wanted.get("field_value"))
        .is_some_and(|(there, wanted)| is_same(there, wanted))
}

/// The API lower-cases names and tags, and trims.
fn is_same(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::String(there), Value::String(wanted)) => {
            there.trim().to_lowercase() == wanted.trim().to_lowercase()
        }
        _ => there == wanted,
    }
}

#[cfg(test)]
mod tests {
    use penstock_shared::job::{Job, Payload};
    use serde_json::json;

    use super::*;

    fn lacking(payload: &Value, theirs: &Value) -> Vec<String> {
        let job = json!({ "type": "CreateContact", "tenant": "t", "payload": payload });
        let Payload::CreateContact(new) = Job::from_value(job).unwrap().payload else {
            panic!("it creates a contact")
        };
        of(&new, theirs)
    }

    #[test]
    fn what_was_created_lacks_nothing() {
        let wanted = json!({
            "email": "Ann@b.io", "firstName": "Ann", "city": null, "dnd": false, "gender": "f", "companyName": "X",
            "tags": ["Lead"], "dateOfBirth": "1990-09-25", "customFields": [{ "id": "f", "field_value": 1 }],
        });
        let theirs = json!({
            "id": "c", "email": "ann@b.io", "firstName": "ann", "tags": ["welcomed", "lead"],
            "dateOfBirth": "1990-09-25T00:00:00.000Z", "customFields": [{ "id": "e", "value": 2 }, { "id": "f", "value": 1 }],
        });
        assert_eq!(lacking(&wanted, &theirs), [""; 0]);
    }

    #[test]
    fn whatever_is_missing_or_otherwise_is_lacking() {
        let theirs = json!({
            "id": "c", "email": "a@b.io", "firstName": "Ann", "city": "Bern", "tags": ["lead"], "dnd": true,
            "customFields": [{ "id": "f", "value": 1 }],
        });
        for wanted in [
            json!({ "firstName": "Bob" }),
            json!({ "lastName": "Li" }),
            json!({ "city": null }),
            json!({ "dnd": false }),
            json!({ "tags": ["lead", "vip"] }),
            json!({ "dateOfBirth": "1990-09-25" }),
            json!({ "customFields": [{ "id": "f", "field_value": 2 }] }),
            json!({ "customFields": [{ "id": "g", "field_value": 1 }] }),
            json!({ "customFields": [{ "key": "f", "field_value": 1 }] }),
        ] {
            let mut whole = json!({ "email": "a@b.io" });
            let (name, value) = wanted.as_object().unwrap().iter().next().unwrap();
            whole[name] = value.clone();
            assert_eq!(lacking(&whole, &theirs), [name.as_str()], "{wanted}");
        }
    }
}
