//! Personal data, masked for display. What is not known to be harmless is masked: a new field of a payload is hidden until somebody says
//! otherwise here.

use serde_json::Value;

/// The fields whose texts tell nothing about a person: ids, choices, dates of work, labels.
const HARMLESS: &[&str] = &[
    "assignedTo",
    "businessId",
    "campaignId",
    "code",
    "color",
    "connection",
    "contactId",
    "country",
    "dateAdded",
    "dateUpdated",
    "deliveryStatus",
    "dueDate",
    "effect",
    "effects",
    "eventStartTime",
    "fingerprint",
    "followers",
    "id",
    "key",
    "kind",
    "listId",
    "locationId",
    "method",
    "noteId",
    "occurredAt",
    "operation",
    "pushType",
    "reason",
    "settledBy",
    "startAfterId",
    "status",
    "tags",
    "taskId",
    "tenant",
    "ticket",
    "timezone",
    "traceId",
    "type",
    "userId",
    "why",
    "workflowId",
];

/// The value with every text masked that may be personal.
pub(crate) fn masked(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), field(name, value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(text) => Value::String(hidden(text)),
        Value::Number(_) | Value::Bool(_) | Value::Null => value.clone(),
    }
}

fn field(name: &str, value: &Value) -> Value {
    let texts = match value {
        Value::String(_) => true,
        Value::Array(items) => items.iter().all(Value::is_string),
        _ => false,
    };
    match value {
        // What another system sent: there no name says what is in it, and a telephone may be a number.
        Value::Object(_) if name == "data" => veiled(value),
        _ if texts && HARMLESS.contains(&name) => value.clone(),
        // A custom field's number may be anything, an age or a telephone included.
        Value::Number(number) if ["field_value", "value"].contains(&name) => {
            Value::String(hidden(&number.to_string()))
        }
        _ => masked(value),
    }
}

/// The value with every text and every number masked.
fn veiled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), veiled(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(veiled).collect(),
        Value::String(text) => Value::String(hidden(text)),
        Value::Number(number) => Value::String(hidden(&number.to_string())),
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

/// Enough of a text to tell two apart, not enough to tell whose it is: `j***@example.com`, `+***67`, `*** (120 characters)`.
fn hidden(text: &str) -> String {
    if let Some((name, domain)) = text
        .split_once('@')
        .filter(|_| !text.contains(char::is_whitespace))
    {
        return format!("{}***@{domain}", name.chars().take(1).collect::<String>());
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if text.starts_with('+') && digits >= 7 && text.len() <= digits + 5 {
        return format!(
            "+***{}",
            text.chars()
                .skip(text.chars().count() - 2)
                .collect::<String>()
        );
    }
    format!("*** ({} characters)", text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn people_are_hidden_and_work_is_not() {
        let payload = json!({
            "age": 3,
            "contact": { "email": "jane.doe@example.com" },
            "title": "Call Jane", "dueDate": "2026-12-01T09:00:00Z", "completed": false, "tags": ["vip"],
            "customFields": [{ "id": "f1", "field_value": "secret" }, { "key": "k", "field_value": 41 }, { "id": "f", "value": 41 }],
            "phone": "+15551234567", "firstName": null,
        });
        let expected = json!({
            "age": 3,
            "contact": { "email": "j***@example.com" },
            "title": "*** (9 characters)", "dueDate": "2026-12-01T09:00:00Z", "completed": false, "tags": ["vip"],
            "customFields": [{ "id": "f1", "field_value": "*** (6 characters)" }, { "key": "k", "field_value": "*** (2 characters)" }, { "id": "f", "value": "*** (2 characters)" }],
            "phone": "+***67", "firstName": null,
        });
        assert_eq!(masked(&payload), expected);
    }

    #[test]
    fn a_harmless_name_hides_nothing_but_texts() {
        let evidence = json!({ "status": { "body": "secret" }, "reason": "two candidates" });
        let expected =
            json!({ "status": { "body": "*** (6 characters)" }, "reason": "two candidates" });
        assert_eq!(masked(&evidence), expected);
    }
}
