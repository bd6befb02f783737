//! Answers: what counts is the status in the body.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::stand::{Answer, Refusal};

pub(super) const AUTHENTICATION: i64 = -1;
pub(super) const XML: i64 = -2;
pub(super) const CREDITS: i64 = -3;
pub(super) const DELAY: i64 = -4;
pub(super) const NOT_FOUND: i64 = -5;
pub(super) const JSON: i64 = -6;
pub(super) const DATA: i64 = -7;
const MODERATION: i64 = -8;

/// Success, with these fields.
pub(super) fn ok(fields: Value) -> Answer {
    let mut body = Map::new();
    body.insert("status".to_owned(), 1.into());
    body.insert("message".to_owned(), "OK".into());
    if let Value::Object(fields) = fields {
        body.extend(fields);
    }
    let mut answer = Answer::json(200, Value::Object(body));
    answer.code = Some(1);
    answer
}

/// A refusal; its details may be missing.
pub(super) fn refused(code: i64, details: &str) -> Refusal {
    let message = match code {
        AUTHENTICATION => "Authentication error",
        XML => "XML error",
        CREDITS => "Not enough credits",
        DELAY => "Wrong delay",
        NOT_FOUND => "Not found",
        JSON => "JSON error",
        DATA => "Data error",
        MODERATION => "Under moderation",
        _ => "Unknown error",
    };
    let mut body = json!({"status": code, "message": message});
    if !details.is_empty() {
        body["details"] = details.into();
    }
    Refusal {
        status: 200,
        body,
        code: Some(code),
    }
}

/// An error without a status of the API's own.
pub(super) fn error(status: u16, message: Option<&str>) -> Refusal {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let message = message.or(reason).unwrap_or("Error");
    Refusal {
        status,
        body: json!({"error": message}),
        code: None,
    }
}

pub(super) fn not_found(what: &str) -> Refusal {
    refused(NOT_FOUND, &format!("{what} not found"))
}
