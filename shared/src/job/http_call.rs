//! `HttpCall`: one call to whatever a connection leads to.

mod accepted;
mod body;
mod connection;
mod entries;
mod method;
mod path;

use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use self::path::is_segment;
pub use self::{
    accepted::AcceptedStatus, body::Body, connection::ConnectionName, entries::Entries,
    method::CallMethod, path::CallPath,
};
use super::{
    contact::ContactRef,
    destination::Destination,
    fault::Noted,
    list::List,
    payload::Work,
    read::{Fields, Place, Read},
    text::Text,
};

/// Headers that are the connection's, or the transport's, or that make of a call another than it says: another method, another path, from somebody
/// else.
const RESERVED: [&str; 21] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];
/// What the names of more such headers begin with.
const FORWARDED: &str = "x-forwarded-";

/// Calls a system that a connection leads to. What that makes of a repeated call only who writes the job can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpCall {
    /// The name of the connection: where it leads, and what proves who calls, is in the worker's file of connections.
    pub connection: ConnectionName,
    /// The method.
    pub method: CallMethod,
    /// The path under the connection's address, beginning with a slash, written plainly: it is percent-encoded as it is sent.
    pub path: CallPath,
    /// What follows the path after a question mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Entries<Text<0, 2048>, 64>>,
    /// Headers beside those of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Entries<Text<0, 2048>, 32>>,
    /// The body, sent as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The contact in whose order it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactRef>,
    /// Whether calling it twice is the same as once; unless said, as HTTP has it: of GET, PUT and DELETE it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// What of the answer becomes the job's result: names, and where in the answer each is, as JSON pointers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Entries<Pointer, 32>>,
    /// Statuses beside 200 to 299 by which it is done, such as 409 of an API that says so of what is there already. Their answers are read as those
    /// of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<List<AcceptedStatus, 1, 16>>,
}

impl HttpCall {
    /// Whether it is done by an answer of this status, though HTTP does not call that a success.
    pub fn accepts(&self, status: u16) -> bool {
        let mut accepted = self.accept.iter().flat_map(|accepted| accepted.iter());
        accepted.any(|accepted| accepted.get() == status)
    }
}

/// A JSON pointer: empty, or beginning with a slash.
type Pointer = Text<0, 256>;

impl Read for HttpCall {
    fn read(place: Place<'_>) -> Result<Self, Noted> {
        let mut fields = place.fields()?;
        let connection = fields.required("connection");
        let method = fields.required("method");
        let path = fields.required("path");
        let query = fields.optional("query");
        let headers = fields.optional("headers");
        let body = fields.optional("body");
        let contact = fields.optional("contact");
        let idempotent = fields.optional("idempotent");
        let result = fields.optional("result");
        let accept = fields.optional("accept");
        check_headers(headers.as_ref(), &fields);
        check_pointers(result.as_ref(), &fields);
        fields.finish();
        Ok(Self {
            connection: connection?,
            method: method?,
            path: path?,
            query,
            headers,
            body,
            contact,
            idempotent,
            result,
            accept,
        })
    }
}

impl HttpCall {
    /// The first of its headers that has one of these names, in the eyes of whoever reads it: it would stand beside the other one, or in its place.
    pub fn header_of(&self, names: &[&str]) -> Option<&str> {
        let names: Vec<_> = names.iter().map(|name| plain(name)).collect();
        let headers = self.headers.iter().flat_map(Entries::iter);
        let mut headers = headers.map(|(header, _)| header);
        headers.find(|header| names.contains(&plain(header)))
    }
}

/// A header's name as servers compare it. Many of them take an underscore for a hyphen, too.
fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn check_headers(headers: Option<&Entries<Text<0, 2048>, 32>>, fields: &Fields<'_>) {
    for (name, value) in headers.into_iter().flat_map(Entries::iter) {
        let plain = plain(name);
        if RESERVED.contains(&plain.as_str()) || plain.starts_with(FORWARDED) {
            fields.missing("headers", &format!("{plain} is not the job's to set"));
        } else if http::HeaderName::from_bytes(name.as_bytes()).is_err()
            || http::HeaderValue::from_str(value.as_str()).is_err()
        {
            fields.missing(
                "headers",
                "must be names and values that HTTP can carry: no line breaks, no spaces in names",
            );
        }
    }
}

fn check_pointers(result: Option<&Entries<Pointer, 32>>, fields: &Fields<'_>) {
    for (_, pointer) in result.into_iter().flat_map(Entries::iter) {
        if !(pointer.as_str().is_empty() || pointer.as_str().starts_with('/')) {
            fields.missing(
                "result",
                "must be JSON pointers, which begin with a slash, such as /data/id",
            );
        }
    }
}

impl Work for HttpCall {
    fn contact_refs(&self) -> Vec<ContactRef> {
        self.contact.clone().into_iter().collect()
    }

    fn destination(&self) -> Destination {
        self.connection.destination().clone()
    }

    fn is_idempotent(&self) -> bool {
        self.idempotent
            .unwrap_or_else(|| self.method.is_idempotent())
    }
}
