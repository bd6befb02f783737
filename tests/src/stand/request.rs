//! A call as it came in, read whole.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use hyper::body::Incoming;
use serde_json::{Map, Value};

use crate::sandbox::request::{Cut, pairs, whole};

/// A request. It shows no more of itself than its method and path: the rest may be secret or personal.
pub struct Request {
    method: Method,
    path: Box<str>,
    query: Map<String, Value>,
    headers: HeaderMap,
    /// None if it was too large.
    body: Option<Bytes>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({} {})", self.method, self.path)
    }
}

impl Request {
    pub(super) async fn read(request: http::Request<Incoming>) -> Result<Self, Cut> {
        let (parts, body) = request.into_parts();
        Ok(Self {
            path: parts.uri.path().into(),
            query: parts.uri.query().map(pairs).unwrap_or_default(),
            headers: parts.headers,
            body: whole(body).await?,
            method: parts.method,
        })
    }

    /// The method.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    /// The names of the query's parameters.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.keys().map(String::as_str)
    }

    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The bearer token.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        value
            .strip_prefix("Bearer ")
            .filter(|token| !token.trim().is_empty())
    }

    /// The body; none if it was too large to be read.
    pub const fn body(&self) -> Option<&Bytes> {
        self.body.as_ref()
    }

    /// The body, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.body.as_ref()?).ok()
    }

    /// Whether the content type is this one, parameters aside.
    pub fn is_typed(&self, wanted: &str) -> bool {
        let found = self.header("content-type").unwrap_or_default();
        let found = found.split(';').next().unwrap_or_default();
        found.trim().eq_ignore_ascii_case(wanted)
    }
}
