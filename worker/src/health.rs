//! `/metrics`, `/livez` and `/readyz` of a worker.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use penstock_shared::{
    program::Failure,
    queue::{Queue, demand::Demand},
};
use tokio::{net::TcpListener, sync::Mutex, time::timeout};

use crate::{assignment::Roster, duties::refresh::RENEWALS, storm::STORMS, sync::CONFLICTS};

const BACKLOG: &str = "penstock_backlog_jobs";
const ELIGIBLE: &str = "penstock_eligible_jobs";
const DEAD: &str = "penstock_dead_letters";

/// How long it is told again what there is to do, before Redis is asked again, and how long that may take.
const ASKED: Duration = Duration::from_secs(1);

/// What is asked for the worker's health.
#[derive(Clone)]
pub struct Health {
    queue: Queue,
    roster: Roster,
    concurrency: usize,
    metrics: PrometheusHandle,
    demand: Arc<Mutex<Asked>>,
}

/// What there is to do, and when Redis was asked for that; `None` if it did not answer.
type Asked = Option<(Instant, Option<Demand>)>;

impl Health {
    /// Starts recording metrics: once per process.
    pub fn new(queue: Queue, roster: Roster, concurrency: usize) -> Result<Self, Failure> {
        let metrics = PrometheusBuilder::new()
            .install_recorder()
            .context("metrics cannot be recorded")?;
        describe();
        Ok(Self {
            queue,
            roster,
            concurrency,
            metrics,
            demand: Arc::default(),
        })
    }

    /// What there is to do, no older than a second.
    async fn demand(&self) -> Option<Demand> {
        let mut asked = self.demand.lock().await;
        if let Some((_, demand)) = asked.filter(|(at, _)| at.elapsed() < ASKED) {
            return demand;
        }
        let answer = timeout(ASKED, self.queue.demand()).await;
        let demand = answer.ok().and_then(Result::ok);
        *asked = Some((Instant::now(), demand));
        demand
    }
}

/// What each number is.
fn describe() {
    for (gauge, is) in [
        (BACKLOG, "Unfinished jobs of all tenants."),
        (
            ELIGIBLE,
            "Jobs that could run now if there were more workers: due, and their tenants have calls free.",
        ),
        (DEAD, "Dead letters of all tenants: they wait for a person."),
        ("penstock_slots", "Jobs that this worker can have in hand."),
        ("penstock_slots_taken", "Jobs that this worker has in hand."),
    ] {
        describe_gauge!(gauge, is);
    }
    for (counter, is) in [
        (
            "penstock_deliveries_total",
            "Deliveries by this worker, by destination, how they ended and type of job.",
        ),
        (
            "penstock_calls_saved_total",
            "Jobs that were done in another job's call.",
        ),
        (
            "penstock_ambiguous_total",
            "Calls of which nobody can tell whether they took effect, by the policy that decided.",
        ),
        (
            "penstock_twins_total",
            "Effects that were found to be there twice, or of dead letters.",
        ),
        (
            RENEWALS,
            "OAuth tokens that this worker was to renew, by what became of that: renewed, postponed or needs-authorisation.",
        ),
        (
            STORMS,
            "Storms of events that this worker was the first to see: what flows follow has stopped for their records.",
        ),
        (
            CONFLICTS,
            "Fields that two systems had set, where the older value was dropped: `penstock-admin link show` lists a record's.",
        ),
        (
            "penstock_lapses_total",
            "How often Redis was found to have forgotten what it had acknowledged.",
        ),
    ] {
        describe_counter!(counter, is);
    }
    // From the start, so that the first time is a rise.
    counter!("penstock_twins_total").absolute(0);
    counter!("penstock_lapses_total").absolute(0);
    counter!(STORMS).absolute(0);
    counter!(CONFLICTS).absolute(0);
    counter!(RENEWALS, "end" => "needs-authorisation").absolute(0);
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
    let count = |size: u64| u32::try_from(size).map_or(f64::INFINITY, f64::from);
    gauge!("penstock_slots").set(count(health.concurrency as u64));
    gauge!("penstock_slots_taken").set(count(health.roster.size() as u64));
    let demand = health.demand().await;
    // Of a Redis that is away nothing is known: neither nothing, nor what was before.
    gauge!(BACKLOG).set(demand.map_or(f64::NAN, |demand| count(demand.backlog)));
    gauge!(ELIGIBLE).set(demand.map_or(f64::NAN, |demand| count(demand.eligible)));
    gauge!(DEAD).set(demand.map_or(f64::NAN, |demand| count(demand.dead)));
    health.metrics.render()
}
