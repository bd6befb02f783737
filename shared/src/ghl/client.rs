//! Sending one request, once.

use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE},
};
use jiff::Timestamp;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Answer, CallError, ClientError, Operation, Passage, Request, classify, rate};
use crate::wire::{self, Arrived, End, JSON, Response, WireClient};

/// The version of the API that the official document describes; every operation demands it.
const VERSION: HeaderValue = HeaderValue::from_static("2021-07-28");
const NO_QUERY: &[(&str, &str)] = &[];

/// A client of the API. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct GhlClient {
    wire: WireClient,
}

/// What a call came to.
pub type Reply = wire::Reply<Answer>;

impl Reply {
    /// What a whole response means that came now, for the operation that it answers.
    pub fn read(operation: Operation, status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let arrived = Response {
            status,
            headers,
            body,
            end: End::Whole,
            now: Timestamp::now(),
        };
        Self::judge(operation, &arrived)
    }

    fn judge(operation: Operation, response: &Response<'_>) -> Self {
        Self {
            answer: classify::response(operation, response),
            rate: rate::report(response.headers),
            date: rate::own_date(response.headers),
        }
    }
}

impl GhlClient {
    /// A client for the API at this address (http or https, without query), which gives every call
    /// at most `timeout` from connecting to the last byte of the body.
    pub fn new(base_url: &str, timeout: Duration, user_agent: &str) -> Result<Self, ClientError> {
        let wire = WireClient::new(base_url, timeout, user_agent, headers())?;
        Ok(Self { wire })
    }

    /// The longest that one call may take.
    pub fn timeout(&self) -> Duration {
        self.wire.timeout()
    }

    /// Sends a request once, and waits for all of the answer.
    ///
    /// Dropping the future cuts the call: it may or may not have taken effect.
    pub async fn send(&self, _spent: Passage, token: &SecretString, request: &Request) -> Reply {
        let arrived = match self.exchange(self.call(token, request)).await {
            Ok(arrived) => arrived,
            Err(error) => return error.into(),
        };
        let reply = Reply::judge(request.operation, &arrived.response());
        let answer = reply
            .answer
            .map_err(|error| error.without(&request.texts()));
        Reply { answer, ..reply }
    }

    /// Sends a call once, and reads all of its answer.
    pub(super) async fn exchange(&self, call: RequestBuilder) -> Result<Arrived, CallError> {
        self.wire.exchange(call).await
    }

    /// A call of the API that is none of an account's operations.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.wire.request(Method::POST, path, NO_QUERY)
    }

    fn call(&self, token: &SecretString, request: &Request) -> RequestBuilder {
        let call = self
            .wire
            .request(request.method.clone(), &request.path, &request.query)
            .bearer_auth(token.expose_secret());
        match &request.body {
            Some(body) => call.header(CONTENT_TYPE, JSON).body(body.to_string()),
            None => call,
        }
    }
}

/// What every call carries.
pub(super) fn headers() -> HeaderMap {
    let version = HeaderName::from_static("version");
    [(version, VERSION), (ACCEPT, JSON)].into_iter().collect()
}

#[cfg(test)]
mod tests;
