//! What a test steers and asks, under `/_sandbox`. None of it counts as a call.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::api::{Api, Order, Steered};
use super::call::House;
use super::courier;
use super::options::terms;
use crate::sandbox::fault::Faults;
use crate::sandbox::reply::{Body, full};
use crate::sandbox::request::{BODY_CAP, Cut, pairs, whole};
use crate::sandbox::{Quota, Window};

const ROOT: &str = "/_sandbox";

pub(super) fn is_for(path: &str) -> bool {
    path.strip_prefix(ROOT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) async fn answer<A: Api>(
    house: &House<A>,
    request: HttpRequest<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let what = parts.uri.path().trim_start_matches(ROOT).trim_matches('/');
    let query = pairs(parts.uri.query().unwrap_or_default());
    let done = read(body.as_ref()).and_then(|body| {
        let common = common(house, &parts.method, what, &query, &body);
        common.unwrap_or_else(|| order(house, &parts.method, what, &body))
    });
    Ok(match done {
        Ok(value) => shown(StatusCode::OK, &value),
        Err(Refusal(status, error)) => shown(status, &json!({"error": error})),
    })
}

/// Why something was not done.
#[derive(Debug)]
pub(super) struct Refusal(StatusCode, pub(super) String);

fn refused(error: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error.into())
}

fn read(body: Option<&Bytes>) -> Result<Value, Refusal> {
    let Some(body) = body else {
        let error = format!("the body has more than {BODY_CAP} bytes");
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, error));
    };
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body)
        .map_err(|error| refused(format!("the body cannot be read: {error}")))
}

/// What every stand-in offers; none if it is something else.
fn common<A: Api>(
    house: &House<A>,
    method: &Method,
    what: &str,
    query: &Map<String, Value>,
    body: &Value,
) -> Option<Result<Value, Refusal>> {
    let desk = &house.desk;
    let done = match (method, what) {
        (&Method::GET, "health") => Ok(json!({"status": "ok"})),
        (&Method::GET, "ledger") => number(query, "after").map(|after| {
            let tenant = query.get("tenant").and_then(Value::as_str);
            json!({"calls": desk.state().ledger.after(after, tenant)})
        }),
        (&Method::GET, "summary") => Ok(json!(desk.state().ledger.summary())),
        (&Method::GET, "faults") => Ok(faults(house)),
        (&Method::POST, "faults") => set_faults(house, body).map(|()| faults(house)),
        (&Method::DELETE, "faults") => {
            desk.state().faults = Faults::default();
            Ok(faults(house))
        }
        (&Method::GET, "quota") => Ok(quotas(house)),
        (&Method::POST, "quota") => set_quotas(house, body).map(|()| quotas(house)),
        (&Method::GET, "deliveries") => number(query, "after")
            .map(|after| json!({"deliveries": desk.state().deliveries.after(after)})),
        (&Method::POST, "deliveries") => again(house, body),
        _ => return None,
    };
    Some(done)
}

fn number(query: &Map<String, Value>, key: &str) -> Result<u64, Refusal> {
    let text = query.get(key).and_then(Value::as_str).unwrap_or("0");
    text.parse()
        .map_err(|_| refused(format!("{key}: must be a number that was given before")))
}

fn faults<A: Api>(house: &House<A>) -> Value {
    json!({"faults": house.desk.state().faults.in_force()})
}

fn set_faults<A: Api>(house: &House<A>, body: &Value) -> Result<(), Refusal> {
    let specs = body.as_array().and_then(|specs| {
        let texts = specs.iter().map(Value::as_str);
        texts.collect::<Option<Vec<_>>>()
    });
    let specs = specs.ok_or_else(|| refused("faults are an array of texts"))?;
    let read = specs.into_iter().map(super::program::fault::<A>);
    let faults = read.collect::<Result<Vec<_>, _>>().map_err(refused)?;
    house.desk.state().faults = Faults::new(faults);
    Ok(())
}

/// Every quota by its name, and how their windows lie.
fn quotas<A: Api>(house: &House<A>) -> Value {
    let state = house.desk.state();
    let shown = state
        .quotas
        .iter()
        .map(|(name, quotas)| (*name, json!(quotas.terms().burst)));
    let mut shown: BTreeMap<_, _> = shown.collect();
    if let Some(quotas) = state.quotas.values().next() {
        shown.insert("window", json!(quotas.terms().window));
    }
    json!(shown)
}

fn set_quotas<A: Api>(house: &House<A>, body: &Value) -> Result<(), Refusal> {
    let wanted = body.as_object().ok_or_else(|| refused("quotas by name"))?;
    let mut state = house.desk.state();
    let mut next: Vec<(&'static str, _)> = Vec::new();
    for (name, value) in wanted.iter().filter(|(name, _)| *name != "window") {
        let known = state.quotas.get_key_value(name.as_str());
        let (name, old) = known.ok_or_else(|| refused(format!("there is no quota `{name}`")))?;
        let quota: Quota = serde_json::from_value(value.clone())
            .map_err(|error| refused(format!("{name}: {error}")))?;
        next.push((*name, terms(quota, old.terms().window)));
    }
    let window = wanted
        .get("window")
        .map(|window| serde_json::from_value::<Window>(window.clone()));
    let window = window
        .transpose()
        .map_err(|error| refused(format!("window: {error}")))?;
    for (name, terms) in next {
        if let Some(quotas) = state.quotas.get_mut(name) {
            quotas.set_terms(terms);
        }
    }
    for quotas in state.quotas.values_mut() {
        let old = quotas.terms();
        let window = window.unwrap_or(old.window);
        quotas.set_terms(terms(old.burst, window));
    }
    Ok(())
}

/// Sends a message once more, byte by byte as it was: `{"again": ID}`.
fn again<A: Api>(house: &House<A>, body: &Value) -> Result<Value, Refusal> {
    let id = body["again"].as_u64();
    let id = id.ok_or_else(|| refused("again: the id of a delivery"))?;
    if house.desk.state().deliveries.get_mut(id).is_none() {
        return Err(refused(format!("again: there is no delivery {id}")));
    }
    courier::send(house, vec![id]);
    Ok(json!({"again": id}))
}

/// What this stand-in alone offers.
pub(super) fn order<A: Api>(
    house: &House<A>,
    method: &Method,
    what: &str,
    body: &Value,
) -> Result<Value, Refusal> {
    let mut state = house.desk.state();
    let now = house.desk.now();
    let done = state.api.steer(&Order {
        method,
        what,
        body,
        now,
    });
    let Some(done) = done else {
        return Err(Refusal(
            StatusCode::NOT_FOUND,
            format!(
                "there is no {method} {ROOT}/{what}; there are GET health, ledger, summary, faults, quota, deliveries; POST faults, quota, deliveries; DELETE faults; {}",
                A::STEERING
            ),
        ));
    };
    let Steered {
        shown: value,
        letters,
    } = done.map_err(refused)?;
    let posts = state.enter(&letters);
    drop(state);
    house.desk.announce();
    courier::send(house, posts);
    Ok(value)
}

fn shown(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let (body, _) = full(serde_json::to_vec(value).unwrap_or_default().into());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
