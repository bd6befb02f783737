//! Sending one request, once.

use std::{pin::pin, time::Duration};

use bytes::BytesMut;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use jiff::Timestamp;
use reqwest::{RequestBuilder, Url, redirect, retry};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};

use super::{
    Answer, CallError, Operation, Passage, Request, classify,
    classify::{End, Response},
    rate,
};
use crate::{quota::RateReport, span};

/// The version of the API that the official document describes; every operation demands it.
const VERSION: HeaderValue = HeaderValue::from_static("2021-07-28");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// No answer of the API comes near this.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Less than any keep-alive of the API's front: a connection that the server closes just as it is
/// used again leaves the call without an answer.
const IDLE_CONNECTION: Duration = Duration::from_secs(15);
/// The end of a call's time, a tenth of it at the most, in which what has arrived already is looked at.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// A client of the API. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct GhlClient {
    http: reqwest::Client,
    base_url: Url,
    timeout: Duration,
}

/// What a call came to, and what was said of the quota beside it.
#[derive(Debug)]
pub struct Reply {
    /// The answer, or why there is none.
    pub answer: Result<Answer, CallError>,
    /// What the headers of the response say about the quota, whatever else it says.
    pub rate: RateReport,
    /// What time it was by the API's clock as it answered, to the second; a cache does not tell.
    pub date: Option<Timestamp>,
}

impl From<CallError> for Reply {
    fn from(error: CallError) -> Self {
        Self {
            answer: Err(error),
            rate: RateReport::default(),
            date: None,
        }
    }
}

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

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("the API's address is not an http or https address: check PENSTOCK_GHL_BASE_URL")]
    BaseUrl,
    /// TLS or the user agent could not be set up.
    #[error(
        "the HTTP client could not be made; where no CA certificates are found, install the \
         package ca-certificates or name a bundle in SSL_CERT_FILE"
    )]
    Http(#[source] reqwest::Error),
}

impl GhlClient {
    /// A client for the API at this address (http or https, without query), which gives every call
    /// at most `timeout` from connecting to the last byte of the body.
    pub fn new(base_url: &str, timeout: Duration, user_agent: &str) -> Result<Self, ClientError> {
        let base_url: Url = base_url.parse().map_err(|_| ClientError::BaseUrl)?;
        let mut builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .default_headers(headers())
            // A redirected call would carry the token elsewhere, or count twice.
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            // Nothing is ever sent twice. What remains is hyper-util's repetition of a request
            // whose idle connection was found closed: only one of which not a byte was written is
            // handed back to be repeated.
            .retry(retry::never())
            // Shorter than the whole, so that a failure to connect is told from a lost answer.
            .connect_timeout(timeout / 2)
            .pool_idle_timeout(IDLE_CONNECTION);
        // What the other end has not acknowledged for so long the kernel throws away: else it delivers a call after a cut of the network, when
        // nobody waits for it any longer. A connection has taken the other half at the most.
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(timeout / 2);
        }
        match base_url.scheme() {
            "https" => {}
            // Without TLS no certificates are needed, and a machine may have none.
            "http" => builder = builder.tls_certs_only([]),
            _ => return Err(ClientError::BaseUrl),
        }
        Ok(Self {
            http: builder.build().map_err(ClientError::Http)?,
            base_url,
            timeout,
        })
    }

    /// The longest that one call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
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
        let answer = reply.answer.map_err(|error| error.without(request));
        Reply { answer, ..reply }
    }

    /// Sends a call once, and reads all of its answer.
    pub(super) async fn exchange(&self, call: RequestBuilder) -> Result<Arrived, CallError> {
        let mut term = Term::new(self.timeout);
        let mut response = match term.wait(call.send()).await {
            Some(Ok(response)) => response,
            Some(Err(error)) => return Err(classify::no_response(error)),
            None => return Err(self.unanswered()),
        };
        let (body, end) = read(&mut response, term).await;
        Ok(Arrived {
            status: response.status().as_u16(),
            headers: std::mem::take(response.headers_mut()),
            body,
            end,
            now: Timestamp::now(),
        })
    }

    /// A call of the API that is none of an account's operations.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(self.url_of(path))
    }

    fn call(&self, token: &SecretString, request: &Request) -> RequestBuilder {
        let call = self
            .http
            .request(request.method.clone(), self.url(request))
            .bearer_auth(token.expose_secret());
        match &request.body {
            Some(body) => call.header(CONTENT_TYPE, JSON).body(body.to_string()),
            None => call,
        }
    }

    fn unanswered(&self) -> CallError {
        let within = span::render(self.timeout);
        let message = format!("nothing came within {within}");
        CallError::Unanswered { message }
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.url_of(&request.path);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    fn url_of(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }
}

/// An answer, as far as it came.
pub(super) struct Arrived {
    status: u16,
    headers: HeaderMap,
    body: BytesMut,
    end: End,
    now: Timestamp,
}

impl Arrived {
    pub(super) fn response(&self) -> Response<'_> {
        Response {
            status: self.status,
            headers: &self.headers,
            body: &self.body,
            end: self.end.clone(),
            now: self.now,
        }
    }
}

/// The time that a call may take.
#[derive(Debug)]
struct Term {
    timeout: Duration,
    deadline: Instant,
    /// When the last look ends, once it has begun.
    ends: Option<Instant>,
}

impl Term {
    fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            deadline: Instant::now() + timeout - last_look(timeout),
            ends: None,
        }
    }

    /// Waits as long as there is time. `None` if nothing came.
    async fn wait<F: Future>(&mut self, arrives: F) -> Option<F::Output> {
        let mut arrives = pin!(arrives);
        if let Ok(arrived) = timeout_at(self.deadline, &mut arrives).await {
            return Some(arrived);
        }
        let ends = self.ends.unwrap_or_else(|| self.deadline + self.last());
        self.ends = Some(ends);
        timeout_at(ends, arrives).await.ok()
    }

    /// How long is waited on. A process that was stopped finds the time over before it has read what has arrived meanwhile, and what it has not
    /// sent by then it sends now: it waits as if it had just begun, lest something be made of which nobody knows.
    fn last(&self) -> Duration {
        let last_look = last_look(self.timeout);
        let overslept = self.deadline.elapsed();
        if overslept < last_look {
            return last_look;
        }
        overslept + self.timeout
    }
}

fn last_look(timeout: Duration) -> Duration {
    LAST_LOOK.min(timeout / 10)
}

fn headers() -> HeaderMap {
    let version = HeaderName::from_static("version");
    [(version, VERSION), (ACCEPT, JSON)].into_iter().collect()
}

/// Reads a body as far as it is of use. What a refusal's body says is optional, so the status is not
/// lost over a body that never ends.
async fn read(response: &mut reqwest::Response, mut term: Term) -> (BytesMut, End) {
    let mut body = BytesMut::new();
    loop {
        match term.wait(response.chunk()).await {
            Some(Ok(Some(chunk))) if body.len() + chunk.len() > MAX_BODY_BYTES => {
                return (body, End::TooLong);
            }
            Some(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Some(Ok(None)) => return (body, End::Whole),
            Some(Err(error)) => return (body, classify::cut(error)),
            None => return (body, End::Cut("it took too long".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
