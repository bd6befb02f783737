//! How a test steers who has access, under `/_sandbox/oauth`.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, nothing_there, read, refused, shown};
use crate::sandbox::desk::Desk;
use crate::sandbox::marketplace::Marketplace;
use crate::sandbox::options::Pick;
use crate::sandbox::reply::Body;

/// The first part of what is asked for here.
pub(super) const ROOM: &str = "oauth";
/// The longest life that a token may be told to have, in seconds: a year.
const LONGEST: u64 = 31_536_000;

/// What is to change; the rest stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Change {
    expires_in: Option<u64>,
    pick: Option<Pick>,
    /// A location that the company has too.
    location: Option<String>,
}

/// Without a location it is for the company.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Install {
    location_id: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Location {
    location_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

pub(super) fn steer(
    desk: &Desk,
    method: &Method,
    what: &str,
    body: &Bytes,
) -> Result<Response<Body>, Refusal> {
    let marketplace = Marketplace::of(desk).ok_or_else(|| {
        refused(
            StatusCode::NOT_FOUND,
            "OAuth is off: --client-id and --client-secret switch it on",
        )
    })?;
    match (method, what) {
        (&Method::GET, "oauth") => {}
        (&Method::POST, "oauth") => change(marketplace, read(body)?)?,
        (&Method::POST, "oauth/install") => return Ok(install(marketplace, &read(body)?)),
        (&Method::POST, "oauth/uninstall") => {
            marketplace.uninstall(&read::<Location>(body)?.location_id);
        }
        (&Method::POST, "oauth/expire") => {
            marketplace.expire(&read::<Location>(body)?.location_id);
        }
        (&Method::POST, "oauth/revoke") => revoke(marketplace, &read(body)?)?,
        _ => return Err(nothing_there(method, what)),
    }
    Ok(shown(StatusCode::OK, &state(marketplace)))
}

fn change(marketplace: Marketplace<'_>, change: Change) -> Result<(), Refusal> {
    if let Some(seconds) = change.expires_in {
        if !(1..=LONGEST).contains(&seconds) {
            let fault = format!("expiresIn: must be seconds, from 1 to {LONGEST}");
            return Err(refused(StatusCode::BAD_REQUEST, &fault));
        }
        marketplace.set_token_life(Duration::from_secs(seconds));
    }
    if let Some(pick) = change.pick {
        marketplace.set_pick(Some(pick));
    }
    if let Some(location) = &change.location {
        marketplace.add_location(location);
    }
    Ok(())
}

fn install(marketplace: Marketplace<'_>, wanted: &Install) -> Response<Body> {
    let scope = wanted.scope.as_deref();
    let code = match &wanted.location_id {
        Some(location) => marketplace.install(location, scope),
        None => marketplace.install_for_company(scope),
    };
    shown(StatusCode::CREATED, &json!({"code": code}))
}

fn revoke(marketplace: Marketplace<'_>, wanted: &Token) -> Result<(), Refusal> {
    let known = marketplace.revoke(&wanted.token);
    let unknown = || refused(StatusCode::NOT_FOUND, "no such token was given out");
    known.then_some(()).ok_or_else(unknown)
}

/// All but the tokens.
fn state(marketplace: Marketplace<'_>) -> Value {
    let oauth = marketplace.oauth();
    let locations = oauth.locations().iter();
    let locations: Vec<Value> = locations
        .map(|(id, at)| json!({"id": id, "installedAt": at}))
        .collect();
    json!({
        "companyId": oauth.company(), "expiresIn": oauth.token_life.as_secs(), "pick": oauth.pick,
        "locations": locations, "grants": oauth.grants()
    })
}
