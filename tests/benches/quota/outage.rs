//! An API that fails for one tenant for a while, and comes back.

use std::time::Duration;

use penstock_tests::sandbox::{Call, Window};
use tokio::time::{Instant, sleep};

use penstock_tests::fixture::Scenarios;

use crate::{
    sheet::Sheet,
    stage::{Api, Stage, upsert},
};

const BURST: u32 = 100;

pub(crate) async fn run(scenarios: &Scenarios, sheet: &mut Sheet) {
    let api = Api {
        burst: "100/1s",
        window: Window::Sliding,
        latency: "20ms",
    };
    let mut stage = Stage::start(&api, &[]).await;
    let outage = Duration::from_secs(if scenarios.quick { 12 } else { 60 });
    let backlog: Vec<_> = (0..scenarios.scaled(100_000))
        .map(|number| upsert("ill", number))
        .collect();
    let others: Vec<_> = (0..19)
        .flat_map(|tenant| (0..100).map(move |number| upsert(&format!("well-{tenant}"), number)))
        .collect();
    stage.enqueue(&backlog).await;
    stage.workers(2).await;
    stage.calls(u64::from(BURST) * 2).await;
    stage
        .sandbox
        .set_faults(["503:tenant=ill".parse().expect("a fault")]);
    sleep(Duration::from_secs(2)).await;
    let opened = stage.calls_of("ill").len();
    let begun = Instant::now();
    stage.enqueue(&others).await;
    while calls_of_the_well(&stage) < 1_900 {
        sleep(Duration::from_millis(10)).await;
    }
    let healthy = begun.elapsed().as_secs_f64();
    sleep(outage.saturating_sub(begun.elapsed())).await;
    let attempts = stage.attempts_of("ill").await;
    let mut before_it_opened = stage.calls_of("ill");
    let during = before_it_opened.split_off(opened);
    let failed = before_it_opened
        .iter()
        .filter(|call| call.fault.is_some())
        .count();
    stage.sandbox.set_faults([]);
    let recovered = Instant::now();
    let before = stage.calls_of("ill").len();
    let back = until_full(&stage, before).await;
    let name = format!("503 for one of 20 tenants, {} s", outage.as_secs());
    let dead = stage.queue.stats().await.expect("it counts").dead;
    sheet.line(&format!("{name}: dead letters"), dead, "0");
    let failed = failed.to_string();
    sheet.line(&format!("{name}: attempts used"), attempts, &failed);
    sheet.line(&format!("{name}: probes"), during.len(), "one each 5 s");
    sheet.line(
        &format!("{name}: probes at one time, at most"),
        at_once(&during),
        "1",
    );
    sheet.line(
        &format!("{name}: the others' 1,900 jobs, s"),
        format!("{healthy:.2}"),
        "one window: < 1.5",
    );
    let full = format!("{:.1}", (back - recovered).as_secs_f64());
    sheet.line(
        &format!("{name}: at full rate after recovery, s"),
        full,
        "≤ 30",
    );
    sheet.line(&format!("{name}: 429s"), stage.refused(), "0");
}

fn calls_of_the_well(stage: &Stage) -> u64 {
    let all = stage.sandbox.summary().by_tenant;
    let well = all.iter().filter(|(name, _)| name.starts_with("well"));
    well.map(|(_, tenant)| tenant.calls).sum()
}

/// When the first window that was nearly full of calls had passed.
async fn until_full(stage: &Stage, before: usize) -> Instant {
    loop {
        sleep(Duration::from_millis(50)).await;
        let calls = stage.calls_of("ill").split_off(before);
        let full = BURST as usize * 9 / 10;
        let within = |window: &[Call]| window[full - 1].at.since(window[0].at).as_secs_f64() < 1.1;
        if calls.windows(full).any(within) {
            return Instant::now();
        }
    }
}

/// How many calls were under way at the same time.
fn at_once(calls: &[Call]) -> usize {
    let under_way = |at| {
        let running = calls
            .iter()
            .filter(|call| call.at <= at && call.done_at.is_none_or(|done| done > at));
        running.count()
    };
    let most = calls.iter().map(|call| under_way(call.at)).max();
    most.unwrap_or(0)
}
