//! Calling whatever is at the other end, once.

use std::time::Duration;

use http::{
    HeaderName, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{Auth, Connection, Forbidden};
use crate::{
    job::{Body, CallPath, Entries, HttpCall},
    wire::{
        CallError, ClientError, End, JSON, Passage, Reply, Response, WireClient, message, rate,
    },
};

/// What a path may not hold as it is.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'^');

/// What a header may not hold as it is, so that different keys stay different.
const KEY: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// A client of one connection. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct ConnectionClient {
    wire: WireClient,
    idempotency_header: Option<HeaderName>,
    forbidden: Forbidden,
}

/// A success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The body, where it is JSON.
    pub body: Option<Value>,
}

impl ConnectionClient {
    /// A client for where this connection leads, which gives every call at most `timeout`.
    pub fn new(
        connection: &Connection,
        timeout: Duration,
        user_agent: &str,
    ) -> Result<Self, ClientError> {
        let headers = [(ACCEPT, JSON)].into_iter().collect();
        let wire = WireClient::new(&connection.base_url, timeout, user_agent, headers)?;
        Ok(Self {
            wire,
            idempotency_header: connection.idempotency_header.clone(),
            forbidden: connection.forbidden,
        })
    }

    /// The longest that one call may take.
    pub fn timeout(&self) -> Duration {
        self.wire.timeout()
    }

    /// Makes a call once, and waits for all of the answer. `key` is what a repeated one is known again by, where the other end does that.
    ///
    /// Dropping the future cuts the call: it may or may not have taken effect.
    pub async fn call(
        &self,
        _spent: Passage,
        auth: &Auth,
        call: &HttpCall,
        key: &str,
    ) -> Reply<Answered> {
        let query: Vec<_> = call
            .query
            .iter()
            .flat_map(Entries::iter)
            .map(|(name, value)| (name, value.as_str()))
            .collect();
        let path = encoded(&call.path);
        let mut request = self.wire.request(call.method.into(), &path, &query);
        for (name, value) in call.headers.iter().flat_map(Entries::iter) {
            request = request.header(name, value.as_str());
        }
        if let Some(name) = &self.idempotency_header {
            let key = utf8_percent_encode(key, KEY).to_string();
            request = request.header(name, key);
        }
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, JSON)
                .body(body.value().to_string());
        }
        let answer = match self.wire.exchange(auth.prove(request)).await {
            Ok(arrived) => judge(&arrived.response(), |status| call.accepts(status)),
            Err(error) => Err(error),
        };
        let mut texts = texts(call);
        texts.extend(auth.secret().map(ExposeSecret::expose_secret));
        let answer = answer.map_err(|error| self.forbidden.meaning(error));
        answer.map_err(|error| error.without(&texts)).into()
    }

    /// Reads what can be read without harm.
    pub async fn read(&self, _spent: Passage, auth: &Auth, path: &CallPath) -> Reply<Answered> {
        let query: &[(&str, &str)] = &[];
        let request = self.wire.request(Method::GET, &encoded(path), query);
        let answer = match self.wire.exchange(auth.prove(request)).await {
            Ok(arrived) => judge(&arrived.response(), |_| false),
            Err(error) => Err(error),
        };
        let secret = auth.secret().map(ExposeSecret::expose_secret);
        let texts: Vec<_> = secret.into_iter().collect();
        let answer = answer.map_err(|error| self.forbidden.meaning(error));
        answer.map_err(|error| error.without(&texts)).into()
    }
}

fn encoded(path: &CallPath) -> String {
    utf8_percent_encode(path.as_str(), PATH).to_string()
}

/// What the call says of a person.
fn texts(call: &HttpCall) -> Vec<&str> {
    let mut texts: Vec<_> = call.path.as_str().split('/').collect();
    let entries = call.query.iter().flat_map(Entries::iter);
    texts.extend(entries.map(|(_, text)| text.as_str()));
    let entries = call.headers.iter().flat_map(Entries::iter);
    texts.extend(entries.map(|(_, text)| text.as_str()));
    if let Some(body) = call.body.as_ref().map(Body::value) {
        collect(body, &mut texts);
    }
    texts
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

/// What an answer means, of which nothing is known but HTTP, and what else counts as a success.
pub(super) fn judge(
    response: &Response<'_>,
    is_accepted: impl FnOnce(u16) -> bool,
) -> Result<Answered, CallError> {
    let status = response.status;
    let json = response.json();
    let message = || said(status, json.as_ref());
    let retry_after = || rate::retry_after(response.headers, response.now);
    let server_error = || CallError::ServerError {
        status,
        message: message(),
        retry_after: retry_after(),
    };
    if (200..300).contains(&status) || is_accepted(status) {
        return success(response, json);
    }
    Err(match status {
        // It has done what it was asked, and says where to look: nobody follows.
        303 => CallError::Unreadable {
            status,
            message: "it leads elsewhere".to_owned(),
        },
        300..=399 => CallError::Rejected {
            status,
            message: "it leads elsewhere, and redirects are not followed: correct the path, or the connection's base_url".to_owned(),
        },
        429 => CallError::Throttled {
            retry_after: retry_after(),
        },
        401 => CallError::Unauthorized {
            status,
            message: message(),
            permanent: true,
        },
        // A firewall's page: not the judgement of whoever was called, who says why or says nothing.
        403 if json.is_none() => server_error(),
        404 | 410 => CallError::PartNotFound {
            what: "what the path names",
            status,
            message: message(),
        },
        408 | 425 => server_error(),
        400..=499 => CallError::Rejected {
            status,
            message: message(),
        },
        _ => server_error(),
    })
}

fn success(response: &Response<'_>, json: Option<Value>) -> Result<Answered, CallError> {
    let status = response.status;
    match &response.end {
        End::Whole => Ok(Answered { status, body: json }),
        End::TooLong => Err(CallError::TooLong { status }),
        End::Cut(reason) => Err(CallError::Unanswered {
            message: format!("the body of a {status} was cut: {reason}"),
        }),
    }
}

fn said(status: u16, json: Option<&Value>) -> String {
    json.and_then(message::of).unwrap_or_else(|| {
        let code = http::StatusCode::from_u16(status).ok();
        let reason = code.and_then(|code| code.canonical_reason());
        reason.unwrap_or("no message").to_owned()
    })
}
