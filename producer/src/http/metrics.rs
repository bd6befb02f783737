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
const HOOKS_RECEIVED: &str = "penstock_hooks_received_total";
const HOOKS_VERIFIED: &str = "penstock_hooks_verified_total";
const HOOKS_REFUSED: &str = "penstock_hooks_refused_total";
const HOOK_EVENTS: &str = "penstock_hook_events_total";
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
        describe_counter!(HOOKS_RECEIVED, "Webhooks received, by source.");
        describe_counter!(
            HOOKS_VERIFIED,
            "Webhooks whose senders have proved themselves, by source."
        );
        describe_counter!(HOOKS_REFUSED, "Webhooks refused, by source and reason.");
        describe_counter!(
            HOOK_EVENTS,
            "Events that webhooks told of, by source and status: accepted, duplicate or late."
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

/// Counts a webhook that has come.
pub(super) fn hook_received(source: &str) {
    counter!(HOOKS_RECEIVED, "source" => source.to_owned()).increment(1);
}

/// Counts a webhook whose sender has proved itself.
pub(super) fn hook_verified(source: &str) {
    counter!(HOOKS_VERIFIED, "source" => source.to_owned()).increment(1);
}

/// Counts a webhook that was refused.
pub(super) fn hook_refused(source: &str, reason: &'static str) {
    counter!(HOOKS_REFUSED, "source" => source.to_owned(), "reason" => reason).increment(1);
}

/// Counts events that a webhook told of.
pub(super) fn hook_events(source: &str, status: &'static str, count: usize) {
    let counter = counter!(HOOK_EVENTS, "source" => source.to_owned(), "status" => status);
    counter.increment(count as u64);
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
