//! What a tenant with a great backlog does to the single jobs of others.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use penstock_tests::sandbox::{Moment, Window};

use penstock_tests::fixture::Scenarios;

use crate::{
    sheet::{Sheet, percentile},
    stage::{Api, Stage, upsert},
};

const SINGLES: u32 = 200;
const APART: Duration = Duration::from_millis(25);

pub(crate) async fn run(scenarios: &Scenarios, sheet: &mut Sheet) {
    one(scenarios, sheet, "100/10s", "limited by its quota").await;
    one(scenarios, sheet, "1000000/1s", "limited by slots").await;
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.expect("after 1970").as_micros();
    Moment::from_micros(u64::try_from(micros).expect("before the year 500000"))
}

async fn one(scenarios: &Scenarios, sheet: &mut Sheet, burst: &'static str, what: &str) {
    let api = Api {
        burst,
        window: Window::Sliding,
        latency: "50ms",
    };
    let mut stage = Stage::start(&api, &[]).await;
    let backlog: Vec<_> = (0..scenarios.scaled(100_000))
        .map(|number| upsert("hot", number))
        .collect();
    stage.enqueue(&backlog).await;
    stage.workers(2).await;
    stage.calls(100).await;
    let mut stored = Vec::new();
    for number in 0..SINGLES {
        let job = upsert(&format!("single-{number}"), 0);
        let at = now();
        stage.enqueue(&[job]).await;
        stored.push(at);
        tokio::time::sleep(APART).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let calls = stage.sandbox.calls_after(0);
    let mut delays = Vec::new();
    for (number, at) in stored.iter().enumerate() {
        let tenant = format!("single-{number}");
        let call = calls.iter().find(|call| *call.tenant == *tenant);
        let delay = call.map_or(f64::INFINITY, |call| {
            call.at.since(*at).as_secs_f64() * 1_000.0
        });
        delays.push(delay);
    }
    delays.sort_by(f64::total_cmp);
    let name = format!("hot tenant, {}, {what}", backlog.len());
    for (hundredths, target) in [(50, ""), (99, "< 50 ms")] {
        let figure = format!("{name}: a single job's delay, p{hundredths}, ms");
        let delay = percentile(&delays, hundredths);
        sheet.line(&figure, format!("{delay:.1}"), target);
    }
    let left = stage.queue.stats().await.expect("it counts").ready;
    sheet.line(&format!("{name}: its backlog afterwards"), left, "> 0");
}
