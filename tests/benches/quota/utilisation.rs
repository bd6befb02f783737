//! How much of its quota a tenant with a backlog uses.

use penstock_tests::sandbox::{Call, Window};

use penstock_tests::fixture::Scenarios;

use crate::{
    sheet::{Sheet, per_cent, percentile},
    stage::{Api, Stage, upsert},
};

const BURST: &str = "100/2s";
const CALLS: usize = 100;
const WINDOW_MS: f64 = 2_000.0;

pub(crate) async fn run(scenarios: &Scenarios, sheet: &mut Sheet) {
    for window in [Window::Sliding, Window::Fixed] {
        for workers in [1, 4, 16] {
            one(scenarios, sheet, window, workers).await;
        }
    }
}

async fn one(scenarios: &Scenarios, sheet: &mut Sheet, window: Window, workers: usize) {
    let api = Api {
        burst: BURST,
        window,
        latency: "100ms",
    };
    let mut stage = Stage::start(&api, &[]).await;
    let rounds: u16 = if scenarios.quick { 3 } else { 10 };
    let jobs: Vec<_> = (0..(u32::from(rounds) + 2) * 100)
        .map(|number| upsert("acme", number))
        .collect();
    stage.enqueue(&jobs).await;
    stage.workers(workers).await;
    let wanted = (usize::from(rounds) + 1) * CALLS + 1;
    stage.calls(wanted as u64).await;
    let calls = stage.calls_of("acme");
    // After the first window, from a call to the one that so many whole quotas follow it.
    let (from, to) = (&calls[CALLS], &calls[wanted - 1]);
    let took = to.at.since(from.at).as_secs_f64() * 1_000.0;
    let used = f64::from(rounds) * WINDOW_MS / took;
    let most = WINDOW_MS / (WINDOW_MS + latency_ms(&calls));
    let name = format!("utilisation, {workers} workers, {window:?}");
    let target = format!("≥ {} (97 % of W/(W+latency))", per_cent(0.97 * most));
    sheet.line(&name, per_cent(used), &target);
    sheet.line(&format!("{name}: 429s"), stage.refused(), "0");
}

fn latency_ms(calls: &[Call]) -> f64 {
    let took = calls
        .iter()
        .filter_map(|call| Some(call.done_at?.since(call.at)));
    let mut took: Vec<_> = took.map(|took| took.as_secs_f64() * 1_000.0).collect();
    took.sort_by(f64::total_cmp);
    // The median: a few slow answers are not the rule.
    percentile(&took, 50)
}
