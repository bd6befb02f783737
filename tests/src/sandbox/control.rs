//! What a test steers and asks, under `/_sandbox`. None of it counts as a call.

mod access;

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::api::seed::Seed;
use super::desk::Desk;
use super::fault::{Fault, Faults};
use super::options::{Quota, Terms, Window};
use super::reply::Body;
use super::request::{BODY_CAP, Cut, pairs, whole};

const ROOT: &str = "/_sandbox";
/// How many calls are copied while the lock is held.
const PAGE: usize = 2_000;

pub(super) fn is_for(path: &str) -> bool {
    path.strip_prefix(ROOT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) async fn answer(
    desk: &Arc<Desk>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let told = body.ok_or_else(|| {
        refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body has more than {BODY_CAP} bytes"),
        )
    });
    let what = parts.uri.path().trim_start_matches(ROOT).trim_matches('/');
    Ok(told
        .and_then(|body| {
            steer(
                desk,
                &parts.method,
                what,
                parts.uri.query().unwrap_or_default(),
                &body,
            )
        })
        .unwrap_or_else(Refusal::shown))
}

fn steer(
    desk: &Arc<Desk>,
    method: &Method,
    what: &str,
    query: &str,
    body: &Bytes,
) -> Result<Response<Body>, Refusal> {
    match (method, what) {
        (&Method::GET, "health") => Ok(shown(StatusCode::OK, &json!({"status": "ok"}))),
        (&Method::GET, "ledger") => ledger(desk, query),
        (&Method::GET, "summary") => Ok(shown(StatusCode::OK, desk.state().ledger.summary())),
        (&Method::GET, "faults") => Ok(faults(desk)),
        (&Method::POST, "faults") => {
            let wanted = read::<Vec<Fault>>(body)?;
            desk.state().faults = Faults::new(wanted);
            Ok(faults(desk))
        }
        (&Method::DELETE, "faults") => {
            desk.state().faults = Faults::default();
            Ok(faults(desk))
        }
        (&Method::GET, "quota") => Ok(shown(StatusCode::OK, &desk.state().quotas.terms())),
        (&Method::POST, "quota") => quota(desk, &read(body)?),
        (_, what) if what.split('/').next() == Some(access::ROOM) => {
            access::steer(desk, method, what, body)
        }
        _ => match Seed::at(what).filter(|_| method == Method::POST) {
            Some(seed) => planted(desk, seed, &read(body)?),
            None => Err(nothing_there(method, what)),
        },
    }
}

fn nothing_there(method: &Method, what: &str) -> Refusal {
    refused(
        StatusCode::NOT_FOUND,
        &format!(
            "there is no {method} {ROOT}/{what}; there are GET health, ledger, summary, faults, quota, oauth; \
             POST faults, quota, contacts, appointments, businesses, campaigns, workflows, oauth, oauth/install, \
             oauth/uninstall, oauth/expire, oauth/revoke; DELETE faults"
        ),
    )
}

fn faults(desk: &Desk) -> Response<Body> {
    shown(
        StatusCode::OK,
        &json!({"faults": desk.state().faults.in_force()}),
    )
}

/// What of the quota is to change; the rest stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    burst: Option<Quota>,
    daily: Option<Daily>,
    window: Option<Window>,
}

/// A number of calls a day, or a quota.
#[derive(Deserialize)]
#[serde(untagged)]
enum Daily {
    Calls(u32),
    Quota(String),
}

fn quota(desk: &Desk, change: &Change) -> Result<Response<Body>, Refusal> {
    let daily = change.daily.as_ref().map(|daily| match daily {
        Daily::Calls(calls) => Quota::daily(&calls.to_string()),
        Daily::Quota(text) => Quota::daily(text),
    });
    let daily = daily
        .transpose()
        .map_err(|error| refused(StatusCode::BAD_REQUEST, &format!("daily: {error}")))?;
    let mut state = desk.state();
    let old = state.quotas.terms();
    let terms = Terms {
        burst: change.burst.unwrap_or(old.burst),
        daily: daily.unwrap_or(old.daily),
        window: change.window.unwrap_or(old.window),
    };
    state.quotas.set_terms(terms);
    Ok(shown(StatusCode::OK, &terms))
}

fn planted(
    desk: &Desk,
    seed: Seed,
    fields: &Map<String, Value>,
) -> Result<Response<Body>, Refusal> {
    let planted = seed.plant(&mut desk.state().world, fields, desk.now());
    let planted = planted.map_err(|faults| refused(StatusCode::BAD_REQUEST, &faults.join(", ")))?;
    Ok(shown(StatusCode::CREATED, &json!({seed.name(): planted})))
}

/// `{"calls":[…]}`, written page by page so that neither the lock nor the memory is held for all of it.
fn ledger(desk: &Arc<Desk>, query: &str) -> Result<Response<Body>, Refusal> {
    let query = pairs(query);
    if let Some(key) = query
        .keys()
        .find(|key| !["after", "tenant"].contains(&key.as_str()))
    {
        return Err(refused(
            StatusCode::BAD_REQUEST,
            &format!("`{key}` means nothing here; there are after and tenant"),
        ));
    }
    let after = query.get("after").and_then(Value::as_str).unwrap_or("0");
    let after: u64 = after
        .parse()
        .map_err(|_| refused(StatusCode::BAD_REQUEST, "after: must be the seq of a call"))?;
    let tenant = query
        .get("tenant")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let desk = Arc::clone(desk);
    // What comes in while this is written is left for the next time, or it might never end.
    let last = desk.state().ledger.last();
    let pages = stream::unfold((after, true), move |(after, first)| {
        let page = (after < last).then(|| page(&desk, after, last, tenant.as_deref(), first));
        async move { page }
    });
    let ends = |text| stream::once(async move { Bytes::from_static(text) });
    let text = ends(b"{\"calls\":[").chain(pages).chain(ends(b"]}"));
    Ok(with_type(
        StatusCode::OK,
        StreamBody::new(text.map(|bytes| Ok(Frame::data(bytes)))).boxed_unsync(),
    ))
}

/// One page's calls, comma-separated, and where the next one starts.
fn page(
    desk: &Desk,
    after: u64,
    last: u64,
    tenant: Option<&str>,
    first: bool,
) -> (Bytes, (u64, bool)) {
    let (calls, end) = desk.state().ledger.after(after, tenant, PAGE);
    let calls = calls
        .iter()
        .filter(|call| call.seq <= last)
        .filter_map(|call| serde_json::to_string(call).ok());
    let text = calls.collect::<Vec<_>>().join(",");
    let still_first = first && text.is_empty();
    let text = if first || text.is_empty() {
        text
    } else {
        format!(",{text}")
    };
    (text.into(), (end, still_first))
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        refused(
            StatusCode::BAD_REQUEST,
            &format!("the body cannot be read: {error}"),
        )
    })
}

/// Why something was not done.
struct Refusal(StatusCode, String);

fn refused(status: StatusCode, error: &str) -> Refusal {
    Refusal(status, error.to_owned())
}

impl Refusal {
    fn shown(self) -> Response<Body> {
        shown(self.0, &json!({"error": self.1}))
    }
}

fn shown(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).unwrap_or_default();
    with_type(
        status,
        Full::new(text.into())
            .map_err(|never| match never {})
            .boxed_unsync(),
    )
}

fn with_type(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
