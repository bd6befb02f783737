//! Twenty tenants, of which the first has the most jobs and came first.

use std::time::Duration;

use penstock_tests::sandbox::{Moment, Window};

use penstock_tests::fixture::Scenarios;

use crate::{
    sheet::{Sheet, per_cent},
    stage::{Api, Stage, upsert},
};

const SMALL: u32 = 19;
const CALLS: u32 = 100;
const WINDOW: Duration = Duration::from_secs(10);

pub(crate) async fn run(scenarios: &Scenarios, sheet: &mut Sheet) {
    let api = Api {
        burst: "100/10s",
        window: Window::Fixed,
        latency: "5ms",
    };
    let mut stage = Stage::start(&api, &[]).await;
    let mut jobs: Vec<_> = (0..20 * CALLS)
        .map(|number| upsert("hot", number))
        .collect();
    jobs.extend((0..SMALL).flat_map(|tenant| {
        (0..CALLS).map(move |number| upsert(&format!("small-{tenant}"), number))
    }));
    stage.enqueue(&jobs).await;
    stage.workers(2).await;
    let windows = scenarios.scaled(5);
    stage.calls(u64::from(SMALL * CALLS)).await;
    tokio::time::sleep(WINDOW * windows).await;

    let calls = stage.sandbox.calls_after(0);
    let first = calls[0].at;
    let (hot, small): (Vec<_>, Vec<_>) = calls.iter().partition(|call| &*call.tenant == "hot");
    let since = |at: Moment| at.since(first);
    let last = small.iter().map(|call| since(call.at)).max();
    let in_time = hot.iter().filter(|call| since(call.at) < WINDOW * windows);
    let in_time = u32::try_from(in_time.count()).expect("few calls");
    let used = f64::from(in_time) / f64::from(windows * CALLS);

    let name = "20 tenants, one hot, 2 workers";
    let seconds = last.unwrap_or_default().as_secs_f64();
    let figure = format!("{name}: all small ones done after, s");
    sheet.line(
        &figure,
        format!("{seconds:.2}"),
        "within the first window, 10",
    );
    let figure = format!("{name}: the hot one's use of {windows} windows");
    sheet.line(&figure, per_cent(used), "≥ 97 %");
    sheet.line(&format!("{name}: 429s"), stage.refused(), "0");
}
