//! The one place that turns what came over the wire into types. Nowhere else is anything decided
//! by parsing an error's text.

use serde_json::Value;

use super::{Answer, CallError, Operation, message, rate};
use crate::{
    job::ContactId,
    wire::{End, Response},
};

/// What a response means, for the operation that it answers.
pub(super) fn response(operation: Operation, response: &Response<'_>) -> Result<Answer, CallError> {
    let json = response.json();
    if (200..300).contains(&response.status) {
        return success(response, json);
    }
    Err(failure(operation, response, json.as_ref()))
}

fn success(response: &Response<'_>, json: Option<Value>) -> Result<Answer, CallError> {
    let status = response.status;
    let unreadable = |message: &str| CallError::Unreadable {
        status,
        message: message.to_owned(),
    };
    match (&response.end, json) {
        (End::Cut(reason), _) => Err(CallError::Unanswered {
            message: format!("the body of a {status} was cut: {reason}"),
        }),
        (End::TooLong, _) => Err(CallError::TooLong { status }),
        (End::Whole, None) => Err(unreadable("the body is not JSON")),
        (End::Whole, Some(body)) => Ok(Answer {
            status,
            trace_id: trace_id(&body),
            body,
        }),
    }
}

fn failure(operation: Operation, response: &Response<'_>, json: Option<&Value>) -> CallError {
    let status = response.status;
    let said = Said::new(status, json);
    let retry_after = rate::retry_after(response.headers, response.now);
    let message = said.message.clone();
    match status {
        429 => CallError::Throttled {
            retry_after: retry_after.or_else(|| rate::interval(response.headers)),
        },
        401 => CallError::Unauthorized {
            permanent: said.is_permanent_401(),
            status,
            message,
        },
        403 if said.is_about_authorisation() => CallError::Unauthorized {
            permanent: !said.is_about_stale_token(),
            status,
            message,
        },
        // A firewall's page, or a server that gave up waiting: not the API's judgement of the job.
        403 if json.is_none() => server_error(status, message, retry_after),
        408 | 425 => server_error(status, message, retry_after),
        400..=499 => refusal(operation, status, said, json),
        _ => server_error(status, message, retry_after),
    }
}

/// A 4xx about the job itself.
fn refusal(operation: Operation, status: u16, said: Said, json: Option<&Value>) -> CallError {
    if let Some(contact_id) = duplicate_of(operation, &said, json) {
        return CallError::DuplicateContact { contact_id };
    }
    match missing(operation, status, &said) {
        None => CallError::Rejected {
            status,
            message: said.message,
        },
        Some(Missing::Contact) => CallError::ContactNotFound {
            status,
            message: said.message,
        },
        Some(Missing::Beside(what)) => CallError::PartNotFound {
            what,
            status,
            message: said.message,
        },
    }
}

/// What is not there, of what a request names.
enum Missing {
    Contact,
    /// What is called so, while the contact may well be there.
    Beside(&'static str),
}

/// A message that speaks of both may name the contact as that of the other; and where nothing is said of the contact it is not taken for gone.
fn missing(operation: Operation, status: u16, said: &Said) -> Option<Missing> {
    let is_absent = status == 404 || said.has("not found");
    if !operation.names_contact() || !is_absent {
        return None;
    }
    let of_contact = said.has("contact");
    match operation.names_beside() {
        Some(what) if said.names(what) || !of_contact => Some(Missing::Beside(what)),
        None if status != 404 && !of_contact => None,
        _ => Some(Missing::Contact),
    }
}

/// What a call for many contacts says of one of them that it did nothing to.
pub(super) fn of_many(status: u16, said: &Value) -> CallError {
    let said = Said::new(status, Some(said));
    let is_unknown = said.has("not found") || said.has("not a valid") || said.has("deleted");
    let is_unknown = is_unknown && said.has("contact");
    let message = said.message;
    if is_unknown {
        return CallError::ContactNotFound { status, message };
    }
    CallError::Rejected { status, message }
}

/// A success that says of itself that it is none.
pub(super) fn denied(answer: &Answer) -> CallError {
    let said = Said::new(answer.status, Some(&answer.body));
    CallError::Rejected {
        status: answer.status,
        message: said.message,
    }
}

fn server_error(
    status: u16,
    message: String,
    retry_after: Option<std::time::Duration>,
) -> CallError {
    CallError::ServerError {
        status,
        message,
        retry_after,
    }
}

/// The existing contact's id, where a write was refused for being a second one. (Field reports:
/// `400 {"message":"This location does not allow duplicated contacts.","meta":{"contactId":…}}`.)
fn duplicate_of(operation: Operation, said: &Said, json: Option<&Value>) -> Option<ContactId> {
    let makes = matches!(
        operation,
        Operation::UpsertContact | Operation::CreateContact
    );
    if !makes || !said.has("duplicat") {
        return None;
    }
    let id = json?.get("meta")?.get("contactId")?.as_str()?;
    id.parse().ok()
}

/// What an error response says.
struct Said {
    /// For people.
    message: String,
    /// For comparing.
    lower: String,
}

impl Said {
    fn new(status: u16, json: Option<&Value>) -> Self {
        let message = json.and_then(message::of).unwrap_or_else(|| {
            let code = http::StatusCode::from_u16(status).ok();
            let reason = code.and_then(|code| code.canonical_reason());
            reason.unwrap_or("no message").to_owned()
        });
        let lower = message.to_lowercase();
        Self { message, lower }
    }

    fn has(&self, words: &str) -> bool {
        self.lower.contains(words)
    }

    /// Whether it has this word, and not only as a part of an id.
    fn names(&self, word: &str) -> bool {
        let mut words = self.lower.split(|c: char| !c.is_alphanumeric());
        words.any(|own| own.strip_suffix('s').unwrap_or(own) == word)
    }

    /// Whether a refreshed token would be refused too. (Official SDK and field reports; everything
    /// else with 401 is a token that has run out.)
    fn is_permanent_401(&self) -> bool {
        self.has("not authorized for this scope")
            || self.has("user type mismatch")
            || self.has("does not have access to this location")
            || self.has("version header")
    }

    fn is_about_authorisation(&self) -> bool {
        const ABOUT: [&str; 7] = [
            "token",
            "jwt",
            "scope",
            "location",
            "authori",
            "permission",
            "access",
        ];
        // NestJS, which the API is built on, says "Forbidden resource" of whatever a guard refuses.
        self.has("forbidden resource") || ABOUT.iter().any(|word| self.has(word))
    }

    fn is_about_stale_token(&self) -> bool {
        self.has("invalid token") || self.has("invalid jwt") || self.has("expired")
    }
}

fn trace_id(body: &Value) -> Option<String> {
    let id = body.get("traceId")?.as_str()?;
    let fits = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
