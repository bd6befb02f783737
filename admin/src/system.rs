//! The whole system in numbers: `stats` and `tenants`.

use std::{collections::BTreeMap, io::IsTerminal, time::Duration};

use anyhow::anyhow;
use penstock_shared::{
    program::{self, Exit, Failure, Shutdown},
    queue::{
        Queue,
        stats::{Stats, TenantStats},
    },
    span,
};
use serde::Serialize;

use crate::{
    arguments::Watch,
    moment::moment,
    render::{Format, Row},
};

/// Clears a terminal's screen, and starts at its top.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// `stats`.
pub(crate) async fn stats(queue: &Queue, format: Format, watch: Watch) -> Result<Exit, Failure> {
    repeat(format, watch.watch, async || {
        let mut counts = Counts::from(queue.stats().await?);
        let raised = queue.raised_quarantines().await?.into_iter();
        counts.quarantine_raised = raised
            .map(|(job_type, to)| (job_type.as_str(), span::render(to)))
            .collect();
        counts.keys_lacking = queue.keys_lacking().await?.into_iter().collect();
        format.row(&counts)
    })
    .await
}

/// `tenants`.
pub(crate) async fn tenants(queue: &Queue, format: Format, watch: Watch) -> Result<Exit, Failure> {
    repeat(format, watch.watch, async || {
        let tenants = queue.tenant_stats().await?;
        let rows: Vec<_> = tenants.into_iter().map(TenantRow::from).collect();
        format.rows(&rows)
    })
    .await
}

/// Shows something once, or until somebody interrupts it.
async fn repeat(
    format: Format,
    every: Option<Duration>,
    show: impl AsyncFn() -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let Some(every) = every else {
        return show().await.map(|()| Exit::Done);
    };
    if format == Format::Json {
        return Err(Failure::bad_input(anyhow!(
            "--watch prints again and again, and -o json one document: use -o ndjson"
        )));
    }
    let mut shutdown = Shutdown::listen()?;
    let on_screen = format == Format::Table && std::io::stdout().is_terminal();
    loop {
        if on_screen {
            program::print(CLEAR)?;
        }
        show().await?;
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = shutdown.signalled() => return Ok(Exit::Done),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    scheduled: u64,
    ready: u64,
    blocked: u64,
    running: u64,
    dead: u64,
    done_total: u64,
    workers: u64,
    /// Ready jobs that could run now if there were more workers.
    eligible: u64,
    /// By job type, what its quarantine was raised to, since the API was late.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    quarantine_raised: BTreeMap<&'static str, String>,
    /// The keys of waiting jobs that some worker does not have among its `PENSTOCK_ENCRYPTION_KEYS`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys_lacking: Vec<String>,
}

impl Row for Counts {
    const COLUMNS: &'static [&'static str] = &[
        "scheduled",
        "ready",
        "blocked",
        "running",
        "dead",
        "doneTotal",
        "workers",
        "eligible",
        "quarantineRaised",
        "keysLacking",
    ];
}

impl From<Stats> for Counts {
    fn from(stats: Stats) -> Self {
        Self {
            scheduled: stats.scheduled,
            ready: stats.ready,
            blocked: stats.blocked,
            running: stats.running,
            dead: stats.dead,
            done_total: stats.done_total,
            workers: stats.workers,
            eligible: stats.eligible,
            quarantine_raised: BTreeMap::new(),
            keys_lacking: Vec::new(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TenantRow {
    tenant: String,
    ready: u64,
    scheduled: u64,
    blocked: u64,
    running: u64,
    dead: u64,
    burst_left: u64,
    daily_left: u64,
    held_until: Option<String>,
    why: Option<String>,
    paused: bool,
    eta: Option<String>,
}

impl Row for TenantRow {
    const COLUMNS: &'static [&'static str] = &[
        "tenant",
        "ready",
        "scheduled",
        "blocked",
        "running",
        "dead",
        "burstLeft",
        "dailyLeft",
        "heldUntil",
        "why",
        "paused",
        "eta",
    ];
}

impl From<TenantStats> for TenantRow {
    fn from(stats: TenantStats) -> Self {
        let others = stats.ready + stats.scheduled + stats.running;
        Self {
            tenant: stats.tenant,
            ready: stats.ready,
            scheduled: stats.scheduled,
            blocked: stats.open.saturating_sub(others),
            running: stats.running,
            dead: stats.dead,
            burst_left: stats.burst_left,
            daily_left: stats.daily_left,
            held_until: stats.held_until_ms.map(moment),
            why: stats.why,
            paused: stats.paused,
            eta: stats.eta_ms.map(moment),
        }
    }
}
