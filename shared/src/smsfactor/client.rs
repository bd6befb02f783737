//! Sending one request, once.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Answer, Request, classify};
use crate::wire::{ClientError, JSON, Passage, Reply, WireClient};

/// A client of the API. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct SmsFactorClient {
    wire: WireClient,
}

impl SmsFactorClient {
    /// A client for the API at this address, which gives every call at most `timeout`.
    pub fn new(base_url: &str, timeout: Duration, user_agent: &str) -> Result<Self, ClientError> {
        // It speaks XML unless told otherwise.
        let headers = [(ACCEPT, JSON)].into_iter().collect();
        let wire = WireClient::new(base_url, timeout, user_agent, headers)?;
        Ok(Self { wire })
    }

    /// The longest that one call may take.
    pub fn timeout(&self) -> Duration {
        self.wire.timeout()
    }

    /// Sends a request once, and waits for all of the answer.
    ///
    /// Dropping the future cuts the call: it may or may not have taken effect.
    pub async fn send(
        &self,
        _spent: Passage,
        token: &SecretString,
        request: &Request,
    ) -> Reply<Answer> {
        let call = self
            .wire
            .request(request.method.clone(), &request.path, &request.query)
            .bearer_auth(token.expose_secret());
        let call = match &request.body {
            Some(body) => call.header(CONTENT_TYPE, JSON).body(body.to_string()),
            None => call,
        };
        let answer = match self.wire.exchange(call).await {
            Ok(arrived) => classify::response(request, &arrived.response())
                .map_err(|error| error.without(&request.texts())),
            Err(error) => Err(error),
        };
        answer.into()
    }
}
