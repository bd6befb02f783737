//! What the token endpoint's answers mean: the one place that judges them.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::super::{message, rate};
use crate::{
    job::Tenant,
    wire::{End, Response},
};

/// No token comes near this; what is longer could not be sent in a header.
const LONGEST_TOKEN: usize = 8 * 1024;
/// A token that is said to live longer is asked for anew by then.
const LONGEST_LIFE: u64 = 366 * 86_400;
/// What the official document gives as a token's life, where an answer does not say.
const USUAL_LIFE: u64 = 86_399;
/// More locations than one answer can be about.
const MOST_LOCATIONS: usize = 10_000;

/// Whom a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserType {
    /// One location.
    Location,
    /// A company with all its locations.
    Company,
}

impl UserType {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Location => "Location",
            Self::Company => "Company",
        }
    }
}

/// What the token endpoint has given out.
#[derive(Debug, Clone)]
pub struct Issued {
    /// What calls carry.
    pub access: SecretString,
    /// What gives the next tokens, once.
    pub refresh: Option<SecretString>,
    /// How long calls may carry it.
    pub life: Duration,
    /// What calls with it may do; empty if that was not said.
    pub scopes: Vec<String>,
    /// Whom it speaks for, if that was said.
    pub user_type: Option<UserType>,
    /// The location that it is for.
    pub location: Option<Tenant>,
    /// The company that it is for, or to which the location belongs.
    pub company: Option<String>,
    /// The locations of the company that whoever installed the app has approved.
    pub approved: Vec<Tenant>,
}

/// Why there are no tokens. Messages are redacted and short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The code, the refresh token or the company's token is not good (any more).
    #[error("refused with {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// The app itself is refused: no grant is to blame.
    #[error(
        "the app is refused with {status} ({message}): check PENSTOCK_GHL_CLIENT_ID and PENSTOCK_GHL_CLIENT_SECRET"
    )]
    AppRefused {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// The call is refused, for another reason than what it brought: a wrong address, a firewall, a form that the API does not take. Nothing happened,
    /// and nothing is said of a grant.
    #[error(
        "rejected with {status} ({message}), which says nothing of the grant: check PENSTOCK_GHL_BASE_URL, and what stands before the API"
    )]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// Too many calls: nothing happened.
    #[error("too many calls")]
    Throttled {
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// The server failed. What was sent may have been used up all the same.
    #[error("the server failed with {status}: {message}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// The API's words.
        message: String,
    },
    /// A success that cannot be understood: what was sent is used up.
    #[error("success that cannot be read: {message}")]
    Unreadable {
        /// What is wrong with it.
        message: String,
    },
    /// No answer. What was sent may have been used up all the same.
    #[error("{message}")]
    Unanswered {
        /// What happened to the connection.
        message: String,
    },
    /// Provably nothing was written.
    #[error("not sent: {message}")]
    NotSent {
        /// What stood in the way.
        message: String,
    },
}

impl TokenError {
    /// Whether the answer that did not come may have held tokens.
    pub fn may_have_rotated(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Unreadable { .. } | Self::Unanswered { .. }
        )
    }
}

impl TokenError {
    /// The same, without what was sent.
    pub(super) fn without(mut self, secret: &str) -> Self {
        if let Self::Refused { message, .. }
        | Self::AppRefused { message, .. }
        | Self::Rejected { message, .. }
        | Self::Unavailable { message, .. } = &mut self
        {
            *message = message::without(message, secret);
        }
        self
    }
}

/// As the official document names it. Unknown members are nobody's business here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(rename = "access_token")]
    access: String,
    #[serde(rename = "refresh_token", default)]
    refresh: Option<String>,
    #[serde(rename = "expires_in", default)]
    expires_in: Value,
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    user_type: Value,
    #[serde(default)]
    location_id: Value,
    #[serde(default)]
    company_id: Value,
    #[serde(default)]
    approved_locations: Value,
}

/// What a whole response means.
pub(in crate::ghl) fn read(response: &Response<'_>) -> Result<Issued, TokenError> {
    let json = serde_json::from_slice::<Value>(response.body).ok();
    if !(200..300).contains(&response.status) {
        return Err(failure(response, json.as_ref()));
    }
    match &response.end {
        End::Cut(reason) => Err(TokenError::Unanswered {
            message: format!("the answer was cut: {reason}"),
        }),
        End::TooLong => Err(unreadable("its body is too long")),
        End::Whole => issued(json.ok_or_else(|| unreadable("the body is not JSON"))?),
    }
}

fn unreadable(message: &str) -> TokenError {
    TokenError::Unreadable {
        message: message.to_owned(),
    }
}

fn issued(json: Value) -> Result<Issued, TokenError> {
    // The error of the parser may repeat what it has read.
    let body: Body = serde_json::from_value(json).map_err(|_| unreadable("it names no token"))?;
    let access = token(body.access).ok_or_else(|| unreadable("its token fits into no header"))?;
    let tenants = |value: &Value| value.as_str().and_then(|id| id.parse::<Tenant>().ok());
    let approved = body.approved_locations.as_array();
    let scopes = body.scope.as_str().unwrap_or_default().split_whitespace();
    Ok(Issued {
        access,
        refresh: body.refresh.and_then(token),
        life: Duration::from_secs(seconds(&body.expires_in)),
        scopes: scopes.map(str::to_owned).collect(),
        user_type: match body.user_type.as_str() {
            Some("Location") => Some(UserType::Location),
            Some("Company") => Some(UserType::Company),
            _ => None,
        },
        location: tenants(&body.location_id),
        // Companies are named as locations are, and become parts of keys as they do.
        company: tenants(&body.company_id).map(|company| company.to_string()),
        approved: approved
            .into_iter()
            .flatten()
            .take(MOST_LOCATIONS)
            .filter_map(tenants)
            .collect(),
    })
}

fn token(text: String) -> Option<SecretString> {
    let fits = (1..=LONGEST_TOKEN).contains(&text.len());
    let fits = fits && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| text.into())
}

/// A number, or a number as text.
fn seconds(value: &Value) -> u64 {
    let told = match value {
        Value::String(text) => text.parse().ok(),
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast saturates, which is what is wanted"
        )]
        number => number.as_f64().map(|seconds| seconds as u64),
    };
    told.unwrap_or(USUAL_LIFE).clamp(1, LONGEST_LIFE)
}

fn failure(response: &Response<'_>, json: Option<&Value>) -> TokenError {
    let status = response.status;
    let message = json.and_then(description).unwrap_or_else(|| {
        let code = http::StatusCode::from_u16(status).ok();
        let reason = code.and_then(|code| code.canonical_reason());
        reason.unwrap_or("no message").to_owned()
    });
    let Some(json) = json else {
        return match status {
            429 => throttled(response),
            // A page of something that stands before the API judges nobody.
            _ => TokenError::Unavailable { status, message },
        };
    };
    match status {
        429 => throttled(response),
        400..=499 if is_about_app(status, json) => TokenError::AppRefused { status, message },
        400 | 401 | 403..=405 | 422 if is_about_grant(status, json) => {
            TokenError::Refused { status, message }
        }
        400 | 401 | 403..=405 | 422 => TokenError::Rejected { status, message },
        _ => TokenError::Unavailable { status, message },
    }
}

fn throttled(response: &Response<'_>) -> TokenError {
    TokenError::Throttled {
        retry_after: rate::retry_after(response.headers, response.now),
    }
}

/// The words for people: as OAuth names them, else as the API does.
fn description(json: &Value) -> Option<String> {
    let described = json.get("error_description").and_then(Value::as_str);
    described.map(message::clean).or_else(|| message::of(json))
}

/// What OAuth calls the error, if it is that.
fn code(json: &Value) -> &str {
    let code = json.get("error").and_then(Value::as_str);
    code.unwrap_or_default()
}

/// Whether it is the app that is not known, and not what it brought: a grant must not be given up for that. (RFC 6749, 5.2; what the API says
/// beyond the status is not documented.)
fn is_about_app(status: u16, json: &Value) -> bool {
    let words = words(json);
    // RFC 6749 has 401 for an app that is not known, and 400 for a grant that is not good.
    words.contains("client") || (status == 401 && !speaks_of_grant(&words))
}

/// Whether it is what was brought that is not good (any more). A grant is given up for that, and a person has to connect the account anew: so it has
/// to be said, by OAuth's own word, or in words with a status that is for it.
fn is_about_grant(status: u16, json: &Value) -> bool {
    match code(json) {
        "invalid_grant" => true,
        // OAuth's words for a call that is not as it should be.
        "invalid_request" | "unsupported_grant_type" | "invalid_scope" => false,
        _ => matches!(status, 400 | 401) && speaks_of_grant(&words(json)),
    }
}

fn words(json: &Value) -> String {
    let described = description(json).unwrap_or_default();
    format!("{} {described}", code(json)).to_lowercase()
}

fn speaks_of_grant(words: &str) -> bool {
    // What is said of a form, and of JSON that cannot be read.
    let words = words
        .replace("grant_type", "")
        .replace("unexpected token", "");
    let about = ["grant", "token", "jwt", "authorization code"];
    about.into_iter().any(|word| words.contains(word))
}
