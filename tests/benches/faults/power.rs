//! A hundred power cuts at `always`.

use penstock_tests::lab::power::cut_power;

use penstock_tests::fixture::Scenarios;

const CUTS: u32 = 100;

pub(crate) async fn run(scenarios: &Scenarios) {
    let cut = cut_power(scenarios.scaled(CUTS) as usize, 1).await;
    println!(
        "power: {} cuts at always, {} left a torn file, {} jobs acknowledged: {} lost (should be 0)",
        cut.cuts,
        cut.torn,
        cut.acknowledged,
        cut.lost.len()
    );
}
