//! What the quota comes to: how much of it is used, how fair its use is, and what an outage, a campaign or many tenants do to it. Real workers, a
//! real Redis, and the sandbox, which counts.
//!
//! ```text
//! cargo build --release --locked --workspace --bins
//! cargo bench --locked -p penstock-tests --bench quota
//! cargo bench --locked -p penstock-tests --bench quota -- --only utilisation
//! ```
//!
//! It prints each figure beside what it should be; it asserts nothing about time. A full run takes about a quarter of an hour.

mod campaign;
mod crowd;
mod hot;
mod outage;
mod sheet;
mod stage;
mod twenty;
mod utilisation;

use penstock_tests::fixture::Scenarios;
use sheet::Sheet;

fn main() {
    let Some(scenarios) = Scenarios::asked("quota", "Measures how the quota is used") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(run(&scenarios));
}

async fn run(scenarios: &Scenarios) {
    let mut sheet = Sheet::start();
    if scenarios.wants("utilisation") {
        utilisation::run(scenarios, &mut sheet).await;
    }
    if scenarios.wants("hot") {
        hot::run(scenarios, &mut sheet).await;
    }
    if scenarios.wants("twenty") {
        twenty::run(scenarios, &mut sheet).await;
    }
    if scenarios.wants("crowd") {
        crowd::run(scenarios, &mut sheet).await;
    }
    if scenarios.wants("outage") {
        outage::run(scenarios, &mut sheet).await;
    }
    if scenarios.wants("campaign") {
        campaign::run(scenarios, &mut sheet).await;
    }
}
