//! `/metrics`, `/livez` and `/readyz` of a worker.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use penstock_shared::{program::Failure, queue::Queue};
use tokio::net::TcpListener;

use crate::assignment::Roster;

/// What is asked for the worker's health.
#[derive(Clone)]
pub struct Health {
    queue: Queue,
    roster: Roster,
    concurrency: usize,
    metrics: PrometheusHandle,
}

impl Health {
    /// Starts recording metrics: once per process.
    pub fn new(queue: Queue, roster: Roster, concurrency: usize) -> Result<Self, Failure> {
        let metrics = PrometheusBuilder::new()
            .install_recorder()
            .context("metrics cannot be recorded")?;
        Ok(Self {
            queue,
            roster,
            concurrency,
            metrics,
        })
    }
}

/// Binds the address, or says which setting is wrong.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    Ok(listener
        .with_context(|| format!("PENSTOCK_METRICS_LISTEN: {address} cannot be listened on"))?)
}

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, health: Health) {
    let app = Router::new()
        .route("/livez", get(|| async { "alive" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state(health);
    if let Err(error) = axum::serve(listener, app).await {
        tracing::error!(%error, "health is no longer served");
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    match health.queue.ping().await {
        Ok(()) => (StatusCode::OK, "ready".into()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

async fn render(State(health): State<Health>) -> String {
    let count = |size: usize| u32::try_from(size).map_or(f64::INFINITY, f64::from);
    metrics::gauge!("penstock_slots").set(count(health.concurrency));
    metrics::gauge!("penstock_slots_taken").set(count(health.roster.size()));
    health.metrics.render()
}
