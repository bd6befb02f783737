//! Connecting an account by OAuth: to the page where somebody chooses it, and back with a code.
//!
//! No key is asked for, since a browser has none. What a stranger could do is to connect an account of his own, which changes nobody else's, and
//! only reads until somebody allows more. One thing it touches: a location that nobody has told of is taken for one of the only company that there
//! is; where there are several, of the only one that somebody lets write.

mod page;
mod ticket;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use penstock_shared::{
    ghl::{App, GhlClient, Issued, OAuthClient, TokenError},
    program::{Failure, VERSION},
    queue::{Queue, grants::GrantName},
    settings::Settings,
};
use secrecy::SecretString;
use serde::Deserialize;

use self::{
    page::Page,
    ticket::{LIFE, Stamper, Ticket},
};
use super::{Intake, problem::Problem};

/// No code comes near this.
const LONGEST_CODE: usize = 4 * 1024;
/// So many browsers may come back in a minute, all together: with each goes a call to the token endpoint, and anybody may begin.
const EXCHANGES: Quota = Quota::per_minute(NonZeroU32::MIN.saturating_add(29));
const COOKIE: &str = "penstock_install";

/// What connecting needs.
pub(super) struct Connect {
    oauth: OAuthClient,
    stamper: Stamper,
    ahead: Duration,
    /// What anybody can make this program ask the token endpoint, and remember.
    exchanges: DefaultDirectRateLimiter,
}

impl Connect {
    /// `None` where no app is configured.
    pub(super) fn new(settings: &Settings) -> Result<Option<Self>, Failure> {
        let Some(app) = settings.ghl.app.clone() else {
            return Ok(None);
        };
        let agent = format!("penstock/{VERSION}");
        let (base, timeout) = (&settings.ghl.base_url, settings.ghl.http_timeout);
        let client = GhlClient::new(base, timeout, &agent).context("PENSTOCK_GHL_BASE_URL")?;
        Ok(Some(Self {
            stamper: Stamper::new(&app.client_secret),
            oauth: OAuthClient::new(client, app),
            ahead: settings.ghl.refresh_ahead,
            exchanges: RateLimiter::direct(EXCHANGES),
        }))
    }

    fn app(&self) -> &App {
        self.oauth.app()
    }
}

fn configured(intake: &Intake) -> Result<&Connect, Problem> {
    intake.connect.as_ref().ok_or_else(|| {
        Problem::not_found(
            "accounts cannot be connected here: set PENSTOCK_GHL_CLIENT_ID, PENSTOCK_GHL_CLIENT_SECRET and PENSTOCK_GHL_REDIRECT_URI",
        )
    })
}

/// To the page where an account is chosen
#[utoipa::path(get, path = "/oauth/install", operation_id = "install", responses(
    (status = 302, description = "To the API's page; what comes back is taken from the same browser alone, once, for ten minutes"),
    (status = 404, description = "No app is configured", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn install(State(intake): State<Arc<Intake>>) -> Result<Response, Problem> {
    let connect = configured(&intake)?;
    let ticket = connect.stamper.issue(rand::random(), Timestamp::now());
    let url = connect.app().install_url(&ticket).ok_or_else(|| {
        Problem::not_found("set PENSTOCK_GHL_REDIRECT_URI to where browsers reach /oauth/callback")
    })?;
    let redirect_uri = connect.app().redirect_uri.as_deref();
    let is_secure = redirect_uri.is_some_and(|uri| uri.starts_with("https:"));
    let cookie = cookie(&ticket, LIFE, is_secure);
    let headers = [
        (header::LOCATION, url),
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::FOUND, headers).into_response())
}

/// `Lax`: it comes along as the API's page leads back here, and nowhere else.
fn cookie(value: &str, life: Duration, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    let seconds = life.as_secs();
    format!("{COOKIE}={value}; Path=/oauth; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// What a browser comes back with.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
}

/// Back from the page where an account was chosen
#[utoipa::path(get, path = "/oauth/callback", operation_id = "connected",
    params(
        ("code" = Option<String>, Query, description = "What the tokens are asked for with"),
        ("state" = Option<String>, Query, description = "What this browser was sent away with"),
        ("error" = Option<String>, Query, description = "Why there is no code"),
    ),
    responses(
        (status = 200, description = "The account is connected: a page for people", content_type = "text/html"),
        (status = 400, description = "It is not: somebody refused, or this is not what the browser was sent away with", content_type = "text/html"),
        (status = 404, description = "No app is configured", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many come back at once: the same address is good again in a minute", content_type = "text/html"),
        (status = 502, description = "The API gives no tokens", content_type = "text/html"),
        (status = 503, description = "The queue is away, or cannot keep tokens", content_type = "text/html"),
))]
pub(super) async fn callback(
    State(intake): State<Arc<Intake>>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Problem> {
    let connect = configured(&intake)?;
    let queue = intake.client()?.queue();
    let page = match come_back(connect, queue, &headers, back).await {
        Ok(page) | Err(page) => page,
    };
    let is_crowded = page.is_crowded();
    let mut response = page.into_response();
    // It has done its work, or never will, unless the page is to be loaded again.
    if let Ok(gone) = HeaderValue::from_str(&cookie("", Duration::ZERO, false))
        && !is_crowded
    {
        response.headers_mut().insert(header::SET_COOKIE, gone);
    }
    Ok(response)
}

async fn come_back(
    connect: &Connect,
    queue: &Queue,
    headers: &HeaderMap,
    back: Back,
) -> Result<Page, Page> {
    let ticket = admit(connect, headers, &back.state)?;
    if connect.exchanges.check().is_err() {
        tracing::warn!("an account was not connected yet: too many come back at once");
        return Err(Page::crowded());
    }
    let first = queue.spend_install(&ticket.number, ticket.kept()).await;
    if !first.map_err(|error| Page::away(&error))? {
        return Err(Page::again("This page was opened before."));
    }
    if !back.error.is_empty() {
        // What it says is anybody's text.
        tracing::warn!("an account was not connected: the API's page said no");
        return Err(Page::again("The app was not allowed to reach the account."));
    }
    let fits = (1..=LONGEST_CODE).contains(&back.code.len());
    if !fits || !back.code.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Page::again("The API's page sent no code along."));
    }
    let issued = connect.oauth.exchange(&SecretString::from(back.code)).await;
    let issued = issued.map_err(|error| not_given(&error))?;
    let app = &connect.app().client_id;
    let kept = queue.connected(app, &issued, connect.ahead).await;
    match kept.map_err(|error| Page::away(&error))? {
        Some(name) => Ok(connected(connect, &name, &issued)),
        None => Err(Page::failed("The API did not say which account it is.")),
    }
}

/// What the browser was sent away with, if it is that.
fn admit(connect: &Connect, headers: &HeaderMap, state: &str) -> Result<Ticket, Page> {
    let ticket = connect.stamper.read(state, Timestamp::now());
    let ticket = ticket.map_err(Page::again)?;
    if !cookies(headers).any(|cookie| ticket::is_same(cookie, state)) {
        return Err(Page::again(
            "This is not the browser in which it was begun, or it takes no cookies.",
        ));
    }
    Ok(ticket)
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let all = headers.get_all(header::COOKIE).into_iter();
    let pairs = all
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'));
    pairs.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn not_given(error: &TokenError) -> Page {
    tracing::warn!(%error, "an account was not connected: the API gives no tokens");
    match error {
        TokenError::Refused { .. } => Page::again("The API does not take the code (any more)."),
        TokenError::AppRefused { .. } => Page::failed(
            "The API does not know the app by its id and secret. Whoever runs Penstock finds more in its log.",
        ),
        _ => Page::failed("The API did not answer as it should."),
    }
}

fn connected(connect: &Connect, name: &GrantName, issued: &Issued) -> Page {
    tracing::info!(grant = %name, "an account was connected");
    let asked = connect.app().scopes.split_whitespace();
    let lacks = |scope: &&str| !issued.scopes.iter().any(|given| given == scope);
    let missing: Vec<_> = match issued.scopes.as_slice() {
        [] => Vec::new(),
        _ => asked.filter(lacks).collect(),
    };
    if !missing.is_empty() {
        tracing::warn!(grant = %name, missing = missing.join(" "), "the account was connected without all scopes that were asked for");
    }
    Page::connected(name, &missing)
}
