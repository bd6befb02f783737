//! What goes back over the connection: an answer, a spoilt one, or nothing.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use super::api::answer::Answer;
use super::desk::Ticket;
use super::fault::FaultKind;
use super::quota::Meter;
use super::request::Cut;

pub(crate) const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body><h1>Something went wrong</h1></body></html>\n";
const JSON_TYPE: &str = "application/json; charset=utf-8";
const CHUNK: usize = 64 * 1024;

pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;

/// How a call ends.
#[derive(Debug)]
pub(crate) enum Reply {
    Send(Box<Response<Body>>),
    Cut,
    Hang,
}

impl Reply {
    /// The status that is sent, if any is.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Send(response) => Some(response.status().as_u16()),
            Self::Cut | Self::Hang => None,
        }
    }

    /// What a call gets that its fault spoils, or that has none. The answer is missing where the call took no effect.
    pub(super) fn to(ticket: &Ticket, answer: Option<Answer>) -> Self {
        match (&ticket.plan.strike, answer) {
            (
                Some(FaultKind::Status {
                    status,
                    message,
                    retry_after,
                    ..
                }),
                _,
            ) => {
                let answer = Answer::error(*status, message.as_deref());
                Self::with(
                    ticket,
                    answer.status,
                    JSON_TYPE,
                    full(json(ticket, answer)),
                    retry_after.as_deref(),
                )
            }
            (Some(FaultKind::Duplicate(id)), _) => {
                let answer = Answer::duplicate(id, "email");
                Self::with(ticket, 400, JSON_TYPE, full(json(ticket, answer)), None)
            }
            (Some(FaultKind::Html { status, .. }), _) => Self::with(
                ticket,
                *status,
                "text/html; charset=utf-8",
                full(HTML.into()),
                None,
            ),
            (Some(FaultKind::Hang | FaultKind::HangAfter), _) => Self::Hang,
            (Some(FaultKind::CutBefore | FaultKind::CutAfter | FaultKind::Late(_)), _)
            | (_, None) => Self::Cut,
            (strike, Some(mut answer)) => {
                let (status, redirect) = (answer.status, answer.redirect.take());
                let body = spoilt(strike.as_ref(), json(ticket, answer));
                Self::with(ticket, status, JSON_TYPE, body, None).sent_to(redirect.as_deref())
            }
        }
    }

    /// A browser that gets this goes there.
    fn sent_to(mut self, address: Option<&str>) -> Self {
        let address = address.and_then(|address| HeaderValue::from_str(address).ok());
        if let (Self::Send(response), Some(address)) = (&mut self, address) {
            response.headers_mut().insert(header::LOCATION, address);
        }
        self
    }

    /// The refusal of a call over the quota.
    pub(super) fn throttled(ticket: &Ticket, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let body = full(json(ticket, Answer::error(429, None)));
        Self::with(
            ticket,
            429,
            JSON_TYPE,
            body,
            Some(&seconds.max(1).to_string()),
        )
    }

    fn with(
        ticket: &Ticket,
        status: u16,
        content_type: &'static str,
        body: (Body, Option<usize>),
        retry_after: Option<&str>,
    ) -> Self {
        let (body, length) = body;
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.extend(length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
        headers.extend(
            retry_after
                .and_then(|text| HeaderValue::from_str(text).ok())
                .map(|value| (header::RETRY_AFTER, value)),
        );
        let date = ticket.at.http_date();
        let date = date.and_then(|date| HeaderValue::from_str(&date).ok());
        headers.extend(date.map(|date| (header::DATE, date)));
        headers.extend(ticket.meter.iter().flat_map(rate_headers));
        Self::Send(Box::new(response))
    }
}

fn rate_headers(meter: &Meter) -> [(header::HeaderName, HeaderValue); 5] {
    let milliseconds = u64::try_from(meter.terms.burst.window.as_millis()).unwrap_or(u64::MAX);
    [
        (
            header::HeaderName::from_static("x-ratelimit-limit-daily"),
            meter.terms.daily.calls.into(),
        ),
        (
            header::HeaderName::from_static("x-ratelimit-daily-remaining"),
            meter.daily_left.into(),
        ),
        (
            header::HeaderName::from_static("x-ratelimit-interval-milliseconds"),
            milliseconds.into(),
        ),
        (
            header::HeaderName::from_static("x-ratelimit-max"),
            meter.terms.burst.calls.into(),
        ),
        (
            header::HeaderName::from_static("x-ratelimit-remaining"),
            meter.burst_left.into(),
        ),
    ]
}

/// Any answer of the API may carry a trace id; here every one does.
fn json(ticket: &Ticket, mut answer: Answer) -> Bytes {
    if let Value::Object(body) = &mut answer.body {
        body.insert("traceId".to_owned(), ticket.trace_id.to_string().into());
    }
    answer.body.to_string().into()
}

/// A body, and the length that its head announces.
pub(crate) fn full(bytes: Bytes) -> (Body, Option<usize>) {
    let length = bytes.len();
    (
        Full::new(bytes)
            .map_err(|never| match never {})
            .boxed_unsync(),
        Some(length),
    )
}

/// The body as a fault spoils it.
pub(crate) fn spoilt(strike: Option<&FaultKind>, bytes: Bytes) -> (Body, Option<usize>) {
    let length = bytes.len();
    match strike {
        Some(FaultKind::Garbage) => full(bytes.slice(..length / 2)),
        Some(FaultKind::CutBody) => (
            streamed(broken_off(bytes.slice(..length / 2))),
            Some(length),
        ),
        Some(FaultKind::SlowBody) => (streamed(byte_by_byte(bytes)), Some(length)),
        Some(FaultKind::HugeBody(size)) => (streamed(huge(*size)), None),
        _ => full(bytes),
    }
}

fn streamed(bytes: BoxStream<'static, Result<Bytes, Cut>>) -> Body {
    StreamBody::new(bytes.map(|bytes| bytes.map(Frame::data))).boxed_unsync()
}

/// These bytes, and then the end of the connection.
fn broken_off(bytes: Bytes) -> BoxStream<'static, Result<Bytes, Cut>> {
    let cut = stream::once(async {
        // While the body waits, what was written of it is sent; else the cut would take it along.
        tokio::task::yield_now().await;
        Err(Cut)
    });
    stream::once(async { Ok(bytes) }).chain(cut).boxed()
}

/// One byte a second.
fn byte_by_byte(bytes: Bytes) -> BoxStream<'static, Result<Bytes, Cut>> {
    let next = |mut rest: Bytes| async move {
        if rest.is_empty() {
            return None;
        }
        let byte = rest.split_to(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok(byte), rest))
    };
    stream::unfold(bytes, next).boxed()
}

/// The start of a JSON string that goes on for so many bytes.
fn huge(size: u64) -> BoxStream<'static, Result<Bytes, Cut>> {
    let head = Bytes::from_static(b"{\"padding\":\"");
    let padding = Bytes::from(vec![b'a'; CHUNK]);
    let rest = stream::unfold(size, move |left| {
        let chunk = padding.slice(..usize::try_from(left).unwrap_or(CHUNK).min(CHUNK));
        async move { (left > 0).then(|| (Ok(chunk), left.saturating_sub(CHUNK as u64))) }
    });
    stream::once(async { Ok(head) }).chain(rest).boxed()
}
