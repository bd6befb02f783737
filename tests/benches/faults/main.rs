//! What faults come to, in figures. Real workers, a real Redis, and the sandbox, which tells when what happened.
//!
//! ```text
//! cargo build --release --locked --workspace --bins
//! cargo bench --locked -p penstock-tests --bench faults
//! cargo bench --locked -p penstock-tests --bench faults -- --only takeover
//! ```
//!
//! It prints each figure beside what it should be; it asserts nothing about time. A full run takes some minutes.

mod power;
mod redis;
mod takeover;
mod volume;

use penstock_tests::fixture::Scenarios;

fn main() {
    let Some(scenarios) = Scenarios::asked("faults", "Measures what faults come to") else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(run(&scenarios));
}

async fn run(scenarios: &Scenarios) {
    if scenarios.wants("takeover") {
        takeover::run(scenarios).await;
    }
    if scenarios.wants("power") {
        power::run(scenarios).await;
    }
    if scenarios.wants("volume") {
        volume::run(scenarios).await;
    }
    if scenarios.wants("restart") {
        redis::restart(scenarios).await;
    }
    if scenarios.wants("failover") {
        redis::failover(scenarios).await;
    }
}
