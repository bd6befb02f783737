//! Answers, and the refusals that the official document and field reports describe.

use std::fmt;

use serde_json::{Value, json};

/// A status and a JSON body.
#[derive(Clone, PartialEq)]
pub(in crate::sandbox) struct Answer {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) body: Value,
    /// Where the browser is sent.
    pub(in crate::sandbox) redirect: Option<String>,
}

impl fmt::Debug for Answer {
    /// Without what it carries: that may be personal, or a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut answer = f.debug_struct("Answer");
        answer.field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    pub(in crate::sandbox) const fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            redirect: None,
        }
    }

    /// An error of any status, worded as the API words that status.
    pub(in crate::sandbox) fn error(status: u16, message: Option<&str>) -> Self {
        match status {
            401 => Self::unauthorised(message.unwrap_or("Invalid token: access token is invalid")),
            422 => Self::unprocessable(&[message.unwrap_or("Unprocessable Entity").to_owned()]),
            429 => Self::new(
                429,
                json!({"statusCode": 429, "message": message.unwrap_or("Too Many Requests")}),
            ),
            _ => Self::new(
                status,
                json!({"statusCode": status, "message": message.unwrap_or_else(|| reason(status))}),
            ),
        }
    }

    pub(in crate::sandbox) fn bad_request(message: &str) -> Self {
        Self::error(400, Some(message))
    }

    pub(in crate::sandbox) fn unauthorised(message: &str) -> Self {
        Self::new(
            401,
            json!({"statusCode": 401, "message": message, "error": "Unauthorized"}),
        )
    }

    pub(in crate::sandbox) fn no_version() -> Self {
        Self::new(
            401,
            json!({"statusCode": 401, "message": "version header was not found."}),
        )
    }

    pub(in crate::sandbox) fn no_route(method: &http::Method, path: &str) -> Self {
        Self::new(
            404,
            json!({"statusCode": 404, "message": format!("Cannot {method} {path}"), "error": "Not Found"}),
        )
    }

    pub(in crate::sandbox) fn unprocessable(messages: &[String]) -> Self {
        Self::new(
            422,
            json!({"statusCode": 422, "message": messages, "error": "Unprocessable Entity"}),
        )
    }

    /// The refusal of a second contact with the same email or phone.
    pub(in crate::sandbox) fn duplicate(contact_id: &str, field: &str) -> Self {
        let meta = json!({"contactId": contact_id, "matchingField": field});
        Self::new(
            400,
            json!({"statusCode": 400, "message": "This location does not allow duplicated contacts.", "meta": meta}),
        )
    }
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error")
}
