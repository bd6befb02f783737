//! What goes back over the connection: an answer, a spoilt one, or nothing.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::api::{Answer, Api, Content, Trouble};
use crate::sandbox::fault::FaultKind;
use crate::sandbox::reply::{Body, HTML, Reply, full, spoilt};

const JSON_TYPE: &str = "application/json; charset=utf-8";

/// How a call ends, before it is written out.
#[derive(Debug)]
pub(super) enum Ending {
    /// An answer, and when to return.
    Answer(Box<Answer>, Option<String>),
    /// A page that the API did not write.
    Page(Box<Answer>),
    Cut,
    Hang,
}

/// An answer that no fault spoils.
pub(super) fn plain(answer: impl Into<Answer>) -> Ending {
    Ending::Answer(Box::new(answer.into()), None)
}

/// How a call ends that meets this fault, or none. The answer is missing where the call took no effect.
pub(super) fn to<A: Api>(strike: Option<&FaultKind>, answer: Option<Answer>) -> Ending {
    match (strike, answer) {
        (
            Some(FaultKind::Status {
                status,
                message,
                retry_after,
                ..
            }),
            _,
        ) => {
            let trouble = Trouble::Status(*status, message.clone());
            Ending::Answer(Box::new(A::trouble(&trouble).into()), retry_after.clone())
        }
        (Some(FaultKind::Code { code, .. }), _) => plain(A::trouble(&Trouble::Code(*code))),
        (Some(FaultKind::Html { status, .. }), _) => {
            let page = Content::Text("text/html; charset=utf-8", HTML.to_owned());
            Ending::Page(Box::new(Answer::new(*status, page)))
        }
        (Some(FaultKind::Hang | FaultKind::HangAfter), _) => Ending::Hang,
        (Some(FaultKind::CutBefore | FaultKind::CutAfter | FaultKind::Late(_)), _) | (_, None) => {
            Ending::Cut
        }
        (_, Some(answer)) => plain(answer),
    }
}

impl Ending {
    /// The reply, and the status that its body tells.
    pub(super) fn reply(
        self,
        strike: Option<&FaultKind>,
        written: impl FnOnce(Answer) -> Answer,
    ) -> (Reply, Option<i64>) {
        let (answer, retry_after) = match self {
            Self::Answer(answer, retry_after) => (written(*answer), retry_after),
            Self::Page(answer) => (*answer, None),
            Self::Cut => return (Reply::Cut, None),
            Self::Hang => return (Reply::Hang, None),
        };
        let code = answer.code;
        let response = response(answer, strike, retry_after.as_deref());
        (Reply::Send(Box::new(response)), code)
    }
}

fn response(
    answer: Answer,
    strike: Option<&FaultKind>,
    retry_after: Option<&str>,
) -> Response<Body> {
    let (kind, bytes) = match answer.body {
        Content::Json(body) => (Some(JSON_TYPE), Bytes::from(body.to_string())),
        Content::Text(kind, text) => (Some(kind), text.into()),
        Content::Empty => (None, Bytes::new()),
    };
    let (body, length) = match kind {
        Some(_) => spoilt(strike, bytes),
        None => full(bytes),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let kind = kind.map(HeaderValue::from_static);
    headers.extend(kind.map(|kind| (header::CONTENT_TYPE, kind)));
    headers.extend(length.map(|length| (header::CONTENT_LENGTH, HeaderValue::from(length))));
    for (name, text) in [
        (header::RETRY_AFTER, retry_after),
        (header::LOCATION, answer.location.as_deref()),
    ] {
        let value = text.and_then(|text| HeaderValue::from_str(text).ok());
        headers.extend(value.map(|value| (name, value)));
    }
    response
}
