//! A call as it came in, read whole.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::api::answer::Answer;
use super::api::oauth::gate::Visit;
use super::api::operation::{self, Operation, Params};
use super::api::{World, shape_faults};
use super::clock::Moment;

/// The largest body that is read, in bytes.
pub(crate) const BODY_CAP: usize = 1 << 20;
/// A body that takes longer than this ends its connection.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How forms call themselves.
const FORM: &str = "application/x-www-form-urlencoded";

/// The one version of the API that is spoken.
const VERSION: &str = "2021-07-28";

#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: Box<str>,
    route: Option<(&'static Operation, Params)>,
    pub(super) query: Map<String, Value>,
    body: Body,
    bearer: Option<SecretString>,
    versioned: bool,
}

/// How a body is read. Only where a form is wanted does what it says of itself count: `curl -d` calls JSON a form too.
#[derive(Clone, Copy)]
enum Encoding {
    Json,
    Form { announced: bool },
}

/// A body, as far as it is JSON; a form is an object of texts.
enum Body {
    None,
    Json(Value),
    Malformed,
    TooLarge,
}

impl fmt::Debug for Body {
    /// Without what it carries: that may be personal, or a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Json(_) => "Json",
            Self::Malformed => "Malformed",
            Self::TooLarge => "TooLarge",
        })
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("cut on purpose, or since the request never came to its end")]
pub(crate) struct Cut;

impl Request {
    pub(super) async fn read(request: http::Request<Incoming>) -> Result<Self, Cut> {
        let (parts, body) = request.into_parts();
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value: &http::HeaderValue| value.to_str().ok())
        };
        let bearer = text(header::AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Bearer "))
            .filter(|token| !token.trim().is_empty());
        let versioned = text(header::HeaderName::from_static("version")) == Some(VERSION);
        let route = operation::route(&parts.method, parts.uri.path());
        let encoding = if route.as_ref().is_some_and(|(operation, _)| operation.form) {
            let form = text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with(FORM));
            Encoding::Form { announced: form }
        } else {
            Encoding::Json
        };
        Ok(Self {
            route,
            path: parts.uri.path().into(),
            query: parts.uri.query().map(pairs).unwrap_or_default(),
            bearer: bearer.map(SecretString::from),
            versioned,
            body: Body::read(body, encoding).await?,
            method: parts.method,
        })
    }

    /// The operationId, or `unknown`.
    pub(super) fn operation_id(&self) -> &'static str {
        self.route
            .as_ref()
            .map_or("unknown", |(operation, _)| operation.id)
    }

    /// The location that the request names.
    pub(super) fn location(&self) -> Option<&str> {
        self.field("locationId")
            .or_else(|| self.query.get("locationId").and_then(Value::as_str))
    }

    /// The contact that the path names.
    pub(super) fn contact_id(&self) -> Option<&str> {
        self.route
            .as_ref()
            .and_then(|(_, params)| params.get("contactId"))
    }

    /// A text field of the body.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        match &self.body {
            Body::Json(body) => body.get(name).and_then(Value::as_str),
            _ => None,
        }
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.bearer.as_ref().map(ExposeSecret::expose_secret)
    }

    /// The operation, if there is one.
    pub(super) fn operation(&self) -> Result<(&'static Operation, &Params), Answer> {
        let route = self.route.as_ref();
        route
            .map(|(operation, params)| (*operation, params))
            .ok_or_else(|| Answer::no_route(&self.method, &self.path))
    }

    /// Whether it is about access rather than contacts.
    pub(super) fn is_access(&self) -> bool {
        self.operation()
            .is_ok_and(|(operation, _)| operation.is_access())
    }

    /// What it brings to be let in.
    pub(super) fn visit<'a>(&'a self, world: &'a World, now: Moment) -> Visit<'a> {
        Visit {
            bearer: self.bearer(),
            versioned: self.versioned,
            location: self.location_in(world),
            now,
        }
    }

    /// The body's fields, if the operation takes them and the query as they are.
    pub(super) fn valid_body(&self, operation: &Operation) -> Result<Map<String, Value>, Answer> {
        let body = self.body.object(operation.body.is_some())?;
        let mut faults = shape_faults(operation.query, &self.query);
        faults.extend(
            operation
                .body
                .into_iter()
                .flat_map(|shape| shape_faults(shape, &body)),
        );
        if faults.is_empty() {
            Ok(body)
        } else {
            Err(Answer::unprocessable(&faults))
        }
    }

    /// The location that the request names, or that its contact is in.
    pub(super) fn location_in<'a>(&'a self, world: &'a World) -> Option<&'a str> {
        self.location()
            .or_else(|| self.contact_id().and_then(|id| world.location_of(id)))
    }
}

impl Body {
    async fn read(body: Incoming, encoding: Encoding) -> Result<Self, Cut> {
        let Some(bytes) = whole(body).await? else {
            return Ok(Self::TooLarge);
        };
        Ok(match encoding {
            _ if bytes.is_empty() => Self::None,
            Encoding::Json => serde_json::from_slice(&bytes).map_or(Self::Malformed, Self::Json),
            Encoding::Form { announced: true } => {
                let text = String::from_utf8_lossy(&bytes);
                Self::Json(Value::Object(pairs(&text)))
            }
            // A body that does not say that it is a form's is not read as one.
            Encoding::Form { announced: false } => Self::None,
        })
    }

    /// The fields, where a body is taken at all; a missing body is one without fields.
    fn object(&self, taken: bool) -> Result<Map<String, Value>, Answer> {
        match self {
            Self::TooLarge => Err(Answer::error(413, Some("request entity too large"))),
            Self::None => Ok(Map::new()),
            _ if !taken => Ok(Map::new()),
            Self::Json(Value::Object(fields)) => Ok(fields.clone()),
            Self::Json(_) => Err(Answer::unprocessable(
                &["body must be an object".to_owned()],
            )),
            Self::Malformed => Err(Answer::bad_request("Unexpected token in JSON")),
        }
    }
}

/// The whole body; none if it is larger than `BODY_CAP`.
pub(crate) async fn whole(body: Incoming) -> Result<Option<Bytes>, Cut> {
    let read = tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_CAP).collect()).await;
    match read.map_err(|_| Cut)? {
        Ok(body) => Ok(Some(body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(_) => Err(Cut),
    }
}

/// A query's pairs, decoded as forms are (`+` is a space); of a repeated key the last counts.
pub(crate) fn pairs(query: &str) -> Map<String, Value> {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pair = |pair: &str| {
        pair.split_once('=').map_or_else(
            || (decode(pair), String::new()),
            |(key, value)| (decode(key), decode(value)),
        )
    };
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(pair)
        .map(|(key, value)| (key, Value::String(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn queries_are_decoded_as_forms() {
        let read = pairs("email=a%2Bb%40c.d&number=+1&x&y=1=2&&email2=%ff");
        assert_eq!(
            Value::Object(read),
            json!({"email": "a+b@c.d", "number": " 1", "x": "", "y": "1=2", "email2": "\u{fffd}"})
        );
    }
}
