//! What came over the wire, as far as it came.

use std::error::Error as _;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::{CallError, message};

/// A response as far as it arrived.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// How the body ended.
    pub(crate) end: End,
    /// The moment of arrival.
    pub(crate) now: Timestamp,
}

/// How a response's body ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It is all there.
    Whole,
    /// It is longer than anything that an API would say; the rest was not read.
    TooLong,
    /// The connection or the time was cut, for this reason.
    Cut(String),
}

impl Response<'_> {
    /// The body as JSON; an empty one is `null`, and `None` what is none.
    pub(crate) fn json(&self) -> Option<Value> {
        match self.body.trim_ascii() {
            [] => Some(Value::Null),
            body => parse(body),
        }
    }
}

/// A list is not to be lost over one half of a letter in somebody's note: that is read as the sign for what is no letter, as broken UTF-8 is.
fn parse(body: &[u8]) -> Option<Value> {
    if let Ok(json) = serde_json::from_slice(body) {
        return Some(json);
    }
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(&without_halves(&text)).ok()
}

/// JSON's `\uD800` to `\uDFFF` are halves of letters: those without their other half are replaced.
fn without_halves(json: &str) -> String {
    let mut whole = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let unit = |at: usize| {
            let digits = escape.get(at..)?.strip_prefix("\\u")?.get(..4)?;
            u16::from_str_radix(digits, 16).ok()
        };
        let (written, length) = match (unit(0), unit(6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (&escape[..12], 12),
            (Some(0xD800..=0xDFFF), _) => (r"\uFFFD", 6),
            // An escaped backslash escapes nothing.
            _ => {
                let next = escape.chars().nth(1).map_or(0, char::len_utf8);
                (&escape[..=next], 1 + next)
            }
        };
        whole.push_str(written);
        rest = &escape[length..];
    }
    whole + rest
}

/// What it means that there is no response.
pub(super) fn no_response(error: reqwest::Error) -> CallError {
    // Its own text has the address, and so the email that was searched for.
    let error = error.without_url();
    let message = message::clean(&root_cause(&error));
    // Both come before the first byte of the request: no connection was made, or no request.
    if error.is_connect() || error.is_builder() {
        return CallError::NotSent { message };
    }
    CallError::Unanswered { message }
}

/// How the reading of a body failed.
pub(super) fn cut(error: reqwest::Error) -> End {
    End::Cut(message::clean(&root_cause(&error.without_url())))
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Anybody's note may hold one: the rest of the list is to be read all the same.
    #[test]
    fn half_a_letter_is_no_letter() {
        for (body, text) in [
            (r#"["a\ud800"]"#.as_bytes(), "a\u{fffd}"),
            (br#"["\uDC00\uD83D\uDE00\n"]"#, "\u{fffd}\u{1f600}\n"),
            (br#"["\ud83d\ud83d\ude00"]"#, "\u{fffd}\u{1f600}"),
            (br#"["\ud800 \\ud800"]"#, "\u{fffd} \\ud800"),
            (b"[\"\xff\\ud8000\"]", "\u{fffd}\u{fffd}0"),
        ] {
            assert_eq!(parse(body), Some(json!([text])), "{text}");
        }
        for body in ["\\", "\"\\", "\"\\ud8", "\"\\ud800", "\"\\é", "\"\\ud80é\""] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
    }
}
