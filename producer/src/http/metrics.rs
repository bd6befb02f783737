//! What is counted and timed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::Intake;
use crate::client::{Receipt, Status};

const JOBS: &str = "penstock_intake_jobs_total";
const REFUSED: &str = "penstock_intake_refused_requests_total";
const REQUESTS: &str = "penstock_http_request_seconds";

/// Upper bounds of the classes of response times, in seconds.
const CLASSES: [f64; 9] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];
/// Between two rounds of tidying, without which unread timings would pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// The program's figures.
pub(super) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts counting for the whole process.
    pub(super) fn install() -> anyhow::Result<Self> {
        let handle = PrometheusBuilder::new()
            .set_buckets(&CLASSES)
            .and_then(PrometheusBuilder::install_recorder)
            .context("metrics cannot be set up")?;
        describe_counter!(
            JOBS,
            "Jobs stored over HTTP, by status: accepted or duplicate."
        );
        describe_counter!(
            REFUSED,
            "Requests refused because their jobs were not valid."
        );
        describe_histogram!(
            REQUESTS,
            "Seconds until a response, by route, method and status code."
        );
        let upkeep = handle.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                upkeep.run_upkeep();
            }
        });
        Ok(Self(handle))
    }
}

/// Figures for Prometheus
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", responses((status = 200, description = "Prometheus' text format")))]
pub(super) async fn show(State(intake): State<Arc<Intake>>) -> String {
    intake.metrics.0.render()
}

/// Times a request.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    // The route, not the path: paths hold ids, and there is no end of them.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str)
        .to_owned();
    let method = match request.method().as_str() {
        method @ ("GET" | "POST") => method.to_owned(),
        _ => "other".to_owned(),
    };
    let started = Instant::now();
    let response = next.run(request).await;
    let labels = [
        ("route", route),
        ("method", method),
        ("status", response.status().as_str().to_owned()),
    ];
    histogram!(REQUESTS, &labels).record(started.elapsed().as_secs_f64());
    response
}

/// Counts a request whose jobs were not valid.
pub(super) fn refused() {
    counter!(REFUSED).increment(1);
}

/// Counts jobs that are in the queue.
pub(super) fn stored(receipts: &[Receipt]) {
    for status in [Status::Accepted, Status::Duplicate] {
        let count = receipts
            .iter()
            .filter(|receipt| receipt.status == status)
            .count();
        counter!(JOBS, "status" => status.to_string()).increment(count as u64);
    }
}
