//! Answers, and bodies read as strictly as they are described.

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::stand::{Input, Refusal};

/// A refusal: a word, and what to do about it.
pub(super) fn refused(status: u16, error: &str, message: &str) -> Refusal {
    Refusal {
        status,
        body: json!({"error": error, "message": message}),
        code: None,
    }
}

/// An error of any status.
pub(super) fn error(status: u16, message: Option<&str>) -> Refusal {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let word = reason.to_lowercase().replace(' ', "_");
    refused(status, &word, message.unwrap_or(reason))
}

pub(super) fn not_found(what: &str) -> Refusal {
    error(404, Some(&format!("{what} not found")))
}

/// Reads a body of this shape.
pub(super) fn read<T: DeserializeOwned>(input: &Input<'_>) -> Result<T, Refusal> {
    if !input.request.is_typed("application/json") {
        return Err(error(415, Some("a body must be application/json")));
    }
    let body = input.request.body();
    let body = body.ok_or_else(|| error(413, None))?;
    serde_json::from_slice(body).map_err(|fault| {
        let status = if fault.is_data() { 422 } else { 400 };
        error(status, Some(&fault.to_string()))
    })
}
