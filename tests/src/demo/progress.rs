//! The jobs of every tenant, as they go: a table that lives on a terminal, plain lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::admin;
use super::scene::Scene;
use super::workload::Workload;

const LOOK: Duration = Duration::from_millis(250);
const WIDTH: usize = 24;

/// Shows the progress until nothing is left to do.
pub(super) async fn until_done(scene: &Scene, workload: &Workload) -> anyhow::Result<()> {
    let mut screen = Screen::new();
    loop {
        let rows = rows(scene, workload).await?;
        let rest = rest(&admin::ask(scene, &["stats"]).await?);
        screen.draw(&rows, rest == 0);
        if rest == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits, without a show, until nothing is left to do.
pub(super) async fn wait_for_rest(scene: &Scene) -> anyhow::Result<()> {
    while rest(&admin::ask(scene, &["stats"]).await?) > 0 {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Jobs that are neither done nor dead.
fn rest(stats: &Value) -> u64 {
    ["scheduled", "ready", "blocked", "running"]
        .iter()
        .filter_map(|state| stats[state].as_u64())
        .sum()
}

struct Row {
    tenant: String,
    jobs: u64,
    effects: u64,
    dead: u64,
    running: u64,
    burst_left: u64,
    over_quota: u64,
}

async fn rows(scene: &Scene, workload: &Workload) -> anyhow::Result<Vec<Row>> {
    let tenants = admin::ask(scene, &["tenants"]).await?;
    let summary = scene.sandbox("summary").await?;
    let known = |name: &str| {
        tenants
            .as_array()?
            .iter()
            .find(|tenant| tenant["tenant"] == name)
    };
    let rows = workload.tenants.iter().map(|name| {
        let number = |field: &str| {
            known(name)
                .and_then(|tenant| tenant[field].as_u64())
                .unwrap_or(0)
        };
        let counted = &summary["byTenant"][name];
        Row {
            tenant: name.clone(),
            jobs: workload.accepted_of(name) as u64,
            effects: counted["effects"].as_u64().unwrap_or(0),
            dead: number("dead"),
            running: number("running"),
            burst_left: number("burstLeft"),
            over_quota: counted["overQuota"].as_u64().unwrap_or(0),
        }
    });
    Ok(rows.collect())
}

/// What was drawn last, to be drawn over.
struct Screen {
    began: Instant,
    live: bool,
    drawn: usize,
    said: Option<Instant>,
}

impl Screen {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            live: std::io::stdout().is_terminal(),
            drawn: 0,
            said: None,
        }
    }

    fn draw(&mut self, rows: &[Row], last: bool) {
        if self.live || last {
            if self.drawn > 0 {
                print!("\x1b[{}A\x1b[J", self.drawn);
            }
            print!("{}", table(rows));
            self.drawn = if self.live { rows.len() + 1 } else { 0 };
        } else if self
            .said
            .is_none_or(|said| said.elapsed() >= Duration::from_secs(1))
        {
            self.said = Some(Instant::now());
            println!(
                "  {:>4.1} s  {}",
                self.began.elapsed().as_secs_f64(),
                line(rows)
            );
        }
        // Where standard output is gone, so is whoever looked.
        let _ = std::io::stdout().flush();
    }
}

fn line(rows: &[Row]) -> String {
    let sum = |of: fn(&Row) -> u64| rows.iter().map(of).sum::<u64>();
    let jobs = sum(|row| row.jobs);
    format!(
        "{} of {jobs} delivered, {} dead, {} running",
        sum(|row| row.effects),
        sum(|row| row.dead),
        sum(|row| row.running)
    )
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "  {:<28} {:<WIDTH$} delivered  running  dead  calls left  over quota\n",
        "tenant", ""
    );
    for row in rows {
        let Row {
            tenant,
            jobs,
            effects,
            dead,
            running,
            burst_left,
            over_quota,
        } = row;
        let bar = bar(*effects + *dead, *jobs);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {tenant:<28} {bar} {effects:>4} of {jobs:<3} {running:>6} {dead:>5} {burst_left:>11} {over_quota:>11}"
        );
    }
    text
}

fn bar(ended: u64, jobs: u64) -> String {
    let width = WIDTH as u64;
    let full = (ended.min(jobs) * width / jobs.max(1)).min(width);
    (0..width)
        .map(|place| if place < full { '█' } else { '░' })
        .collect()
}
