//! The one place that judges this API's answers.

use serde_json::Value;

use super::{Answer, Request};
use crate::wire::{CallError, End, Response, message, rate};

/// What the API calls its answers by.
mod code {
    pub(super) const OK: i64 = 1;
    pub(super) const AUTHENTICATION: i64 = -1;
    pub(super) const NO_CREDITS: i64 = -3;
    pub(super) const NOT_FOUND: i64 = -5;
    /// A person looks at it first: that is a success, and must not be sent again.
    pub(super) const MODERATION: i64 = -8;
    /// Those of a request that is wrong: its XML, delay, JSON, data.
    pub(super) const WRONG: [i64; 4] = [-2, -4, -6, -7];
}

/// What a response means.
pub(super) fn response(request: &Request, response: &Response<'_>) -> Result<Answer, CallError> {
    let json = response.json();
    let is_success = (200..300).contains(&response.status);
    if is_success && let Err(error) = whole(response) {
        return Err(error);
    }
    let said = json.as_ref().and_then(code_of);
    let text = || said_of(response.status, json.as_ref());
    match said {
        Some(code::OK | code::MODERATION) if is_success => Ok(Answer {
            status: response.status,
            body: json.unwrap_or_default(),
            moderated: said == Some(code::MODERATION),
        }),
        // What HTTP calls a failure is none where the body calls it accepted: to send it again would double it.
        Some(code::MODERATION) => Ok(Answer {
            status: response.status,
            body: json.unwrap_or_default(),
            moderated: true,
        }),
        // What is only read may go without: the vendor's pages do not show every answer.
        None if is_success && request.is_read() && json.as_ref().is_some_and(is_told) => {
            Ok(Answer {
                status: response.status,
                body: json.unwrap_or_default(),
                moderated: false,
            })
        }
        Some(code::AUTHENTICATION) => Err(CallError::Unauthorized {
            status: response.status,
            message: text(),
            permanent: true,
        }),
        Some(code::NO_CREDITS) => Err(CallError::Depleted {
            status: response.status,
            message: text(),
        }),
        Some(code::NOT_FOUND) if !request.names.is_empty() => Err(CallError::PartNotFound {
            what: request.names,
            status: response.status,
            message: text(),
        }),
        Some(wrong) if wrong == code::NOT_FOUND || code::WRONG.contains(&wrong) => {
            Err(CallError::Rejected {
                status: response.status,
                message: text(),
            })
        }
        _ if is_success => Err(of_success(response, json.as_ref(), said)),
        _ => Err(of_http(request, response, json.as_ref())),
    }
}

/// Whether all of a success has come.
fn whole(response: &Response<'_>) -> Result<(), CallError> {
    let status = response.status;
    match &response.end {
        End::Whole => Ok(()),
        End::TooLong => Err(CallError::TooLong { status }),
        End::Cut(reason) => Err(CallError::Unanswered {
            message: format!("the body of a {status} was cut: {reason}"),
        }),
    }
}

/// A success by HTTP, which does not say itself that it is one.
fn of_success(response: &Response<'_>, json: Option<&Value>, said: Option<i64>) -> CallError {
    let status = response.status;
    let message = said_of(status, json);
    match (json, said) {
        // `-99`, or one of tomorrow's: nobody knows what has happened.
        (Some(_), Some(_)) => server_error(response, message),
        (Some(json), None) if has_error(json) => CallError::Rejected { status, message },
        (Some(_), None) => CallError::Unreadable {
            status,
            message: "it has no status".to_owned(),
        },
        (None, _) => CallError::Unreadable {
            status,
            message: "the body is not JSON".to_owned(),
        },
    }
}

fn of_http(request: &Request, response: &Response<'_>, json: Option<&Value>) -> CallError {
    let status = response.status;
    let message = said_of(status, json);
    match status {
        429 => CallError::Throttled {
            retry_after: rate::retry_after(response.headers, response.now),
        },
        // A firewall's page, or a server that gave up waiting: not the API's judgement of the job.
        403 if json.is_none() => server_error(response, message),
        401 | 403 => CallError::Unauthorized {
            status,
            message,
            permanent: true,
        },
        404 if !request.names.is_empty() && json.is_some() => CallError::PartNotFound {
            what: request.names,
            status,
            message,
        },
        408 | 425 => server_error(response, message),
        400..=499 => CallError::Rejected { status, message },
        _ => server_error(response, message),
    }
}

fn server_error(response: &Response<'_>, message: String) -> CallError {
    CallError::ServerError {
        status: response.status,
        message,
        retry_after: rate::retry_after(response.headers, response.now),
    }
}

/// Whether it tells anything, and no error.
fn is_told(json: &Value) -> bool {
    (json.is_object() || json.is_array()) && !has_error(json)
}

fn has_error(json: &Value) -> bool {
    json.get("error").is_some_and(|error| !error.is_null())
}

/// Its `status`, which some answers write as text.
fn code_of(json: &Value) -> Option<i64> {
    match json.get("status")? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// `details` say more than `message`.
fn said_of(status: u16, json: Option<&Value>) -> String {
    let details = json.and_then(|json| json.get("details")?.as_str());
    let details = details.filter(|details| !details.trim().is_empty());
    let said = details.map(message::clean);
    said.or_else(|| message::of(json?)).unwrap_or_else(|| {
        let code = http::StatusCode::from_u16(status).ok();
        let reason = code.and_then(|code| code.canonical_reason());
        reason.unwrap_or("no message").to_owned()
    })
}
