//! Five thousand tenants with due jobs at once.

use std::collections::BTreeMap;

use penstock_tests::sandbox::Window;

use penstock_tests::fixture::Scenarios;

use crate::{
    sheet::{Sheet, percentile},
    stage::{Api, Stage, upsert},
};

const EACH: u32 = 4;

pub(crate) async fn run(scenarios: &Scenarios, sheet: &mut Sheet) {
    let tenants = scenarios.scaled(5_000);
    let api = Api {
        burst: "2/2s",
        window: Window::Sliding,
        latency: "10ms",
    };
    let mut stage = Stage::start(&api, &[]).await;
    // The first tenants' backlogs are there before the last tenants come.
    let jobs: Vec<_> = (0..tenants)
        .flat_map(|tenant| (0..EACH).map(move |number| upsert(&format!("tenant-{tenant}"), number)))
        .collect();
    stage.enqueue(&jobs).await;
    stage.workers(2).await;
    let all = u64::from(tenants * EACH);
    stage.done(all).await;
    let calls = stage.sandbox.calls_after(0);
    let (first, last) = (calls[0].at, calls[calls.len() - 1].at);
    let took = last.since(first).as_secs_f64();
    let mut firsts: BTreeMap<&str, f64> = BTreeMap::new();
    for call in &calls {
        firsts
            .entry(&call.tenant)
            .or_insert_with(|| call.at.since(first).as_secs_f64());
    }
    let mut waited: Vec<_> = firsts.into_values().collect();
    waited.sort_by(f64::total_cmp);
    let name = format!("{tenants} tenants of {EACH} jobs, 2 workers");
    let rate = f64::from(tenants * EACH) / took;
    sheet.line(
        &format!("{name}: jobs/s"),
        format!("{rate:.0}"),
        "the workers' capacity",
    );
    for hundredths in [50, 100] {
        let seconds = percentile(&waited, hundredths);
        let figure = format!("{name}: a tenant's first call, p{hundredths}, s");
        sheet.line(
            &figure,
            format!("{seconds:.2}"),
            "in turn: half of the time, at most",
        );
    }
    sheet.line(
        &format!("{name}: in all, s"),
        format!("{took:.2}"),
        "≥ 2 (their quota)",
    );
    sheet.line(&format!("{name}: 429s"), stage.refused(), "0");
}
