//! `penstock-producer serve`: jobs over HTTP.

mod access;
mod body;
mod connect;
mod health;
mod hooks;
mod jobs;
mod metrics;
mod openapi;
mod problem;
mod server;

use std::{
    io::{self, Write as _},
    net::{SocketAddr, ToSocketAddrs as _},
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::Uri,
    middleware,
    routing::{get, post},
};
use clap::Args;
use penstock_shared::{
    program::{Exit, Failure, Shutdown},
    queue::error::QueueError,
    settings::Settings,
};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

use self::{
    access::{Keys, SHORT},
    body::Budget,
    connect::Connect,
    hooks::Refusals,
    metrics::Metrics,
    problem::Problem,
};
use crate::{
    Client,
    hooks::{Hooks, Window},
};

/// Between two tries to connect at the start, and between two looks afterwards.
const RECONNECT: Duration = Duration::from_secs(1);

/// Where to take jobs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The address and port to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let remedy = "write an address and a port, such as 127.0.0.1:8080";
    let mut found = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}: {remedy}"))?;
    found.next().ok_or_else(|| remedy.to_owned())
}

/// What all requests share.
struct Intake {
    /// Empty until the queue was reached for the first time.
    client: OnceLock<Client>,
    keys: Keys,
    budget: Budget,
    hooks: Hooks,
    window: Window,
    hook_budget: Budget,
    refusals: Refusals,
    metrics: Metrics,
    /// What accounts are connected with, if an app is configured.
    connect: Option<Connect>,
}

impl Intake {
    fn client(&self) -> Result<&Client, Problem> {
        let away = || QueueError::Unreachable("not connected yet".to_owned());
        self.client.get().ok_or_else(|| Problem::away(&away()))
    }
}

/// Takes jobs until it is told to stop.
pub async fn run(arguments: Arguments, settings: Settings) -> Result<Exit, Failure> {
    let keys = Keys::new(&settings.intake.api_keys);
    if keys.is_empty() && !arguments.listen.ip().is_loopback() {
        let remedy = "set PENSTOCK_API_KEYS: without keys the intake listens on loopback only";
        return Err(Failure::bad_input(anyhow!(
            "--listen {}: {remedy}",
            arguments.listen
        )));
    }
    let hooks = load_hooks(&settings, &arguments)?;
    if keys.any_short() {
        tracing::warn!(
            "a key of PENSTOCK_API_KEYS has fewer than {SHORT} characters, and can be guessed: `openssl rand -hex 24` makes a better one"
        );
    }
    let mut shutdown = Shutdown::listen()?;
    let intake = Arc::new(Intake {
        client: OnceLock::new(),
        keys,
        budget: Budget::of_jobs(),
        hooks,
        window: Window::new(settings.intake.hook_window),
        hook_budget: Budget::of_webhooks(),
        refusals: Refusals::default(),
        metrics: Metrics::install()?,
        connect: Connect::new(&settings)?,
    });
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    // For people and for whoever waits until it can be called; the log may be filtered.
    let _ = writeln!(
        io::stderr(),
        "listening on http://{}",
        listener.local_addr()?
    );
    let serving = server::serve(
        listener,
        router(Arc::clone(&intake)),
        &mut shutdown,
        settings.delivery.grace,
    );
    tokio::select! {
        exit = serving => Ok(exit),
        error = connect(&intake, &settings) => Err(error.into()),
    }
}

/// The webhooks that are taken in, if what the settings say of them stands.
fn load_hooks(settings: &Settings, arguments: &Arguments) -> Result<Hooks, Failure> {
    let Some(path) = &settings.intake.hooks else {
        return Ok(Hooks::default());
    };
    let hooks = Hooks::load(path).map_err(Failure::bad_input)?;
    let unproved = hooks.unproved();
    if !unproved.is_empty() && !arguments.listen.ip().is_loopback() {
        return Err(Failure::bad_input(anyhow!(
            "--listen {}: webhooks whose senders prove nothing (scheme = \"none\") are taken in on loopback only: {}",
            arguments.listen,
            unproved.join(", ")
        )));
    }
    for warning in hooks.warnings() {
        tracing::warn!("{warning}");
    }
    tracing::info!(hooks = hooks.names().join(", "), "webhooks are taken in");
    Ok(hooks)
}

/// Tries until the queue is reached, while requests are told to come back; ends only where trying is hopeless.
async fn connect(intake: &Intake, settings: &Settings) -> QueueError {
    let mut told: Option<QueueError> = None;
    loop {
        match Client::connect(settings).await {
            Ok(client) => {
                let client = intake.client.get_or_init(|| client);
                tracing::info!("connected to Redis");
                return attend(client).await;
            }
            Err(error) if !error.is_transient() => return error,
            Err(error) => {
                if told.as_ref().is_none_or(|told| !told.is_like(&error)) {
                    tracing::warn!(%error, "jobs are refused until Redis is there");
                    told = Some(error);
                }
                tokio::time::sleep(RECONNECT).await;
            }
        }
    }
}

/// Asks now and then, so that a connection that broke while nobody came is made anew before somebody does.
async fn attend(client: &Client) -> QueueError {
    loop {
        tokio::time::sleep(RECONNECT).await;
        // What is the matter is told to those who want something.
        let _ = client.queue().ping().await;
    }
}

fn router(intake: Arc<Intake>) -> Router {
    let guarded = Router::new()
        .route("/v1/jobs", post(jobs::accept))
        .route("/v1/jobs/{id}", get(jobs::show))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&intake),
            access::check,
        ));
    // Senders of webhooks have no keys: they prove themselves.
    let hooks = Router::new()
        .route("/hooks/ghl", post(hooks::ghl))
        .route("/hooks/smsfactor", post(hooks::smsfactor))
        .route("/hooks/smsfactor/{name}", post(hooks::smsfactor_named))
        .route("/hooks/smore", post(hooks::smore))
        .route("/hooks/smore/{*name}", post(hooks::smore_named))
        .route("/hooks/smore/", post(hooks::smore))
        .route("/hooks/{name}", post(hooks::generic));
    Router::new()
        .merge(guarded)
        .merge(hooks)
        .route("/oauth/install", get(connect::install))
        .route("/oauth/callback", get(connect::callback))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .route("/openapi.json", get(openapi::show))
        .fallback(async |uri: Uri| hooks::nothing_at(uri.path()))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn(metrics::observe))
        .layer(CatchPanicLayer::custom(problem::panicked))
        // `body` has bounds of its own.
        .layer(DefaultBodyLimit::disable())
        .with_state(intake)
}
