//! A hundred power cuts at `always`.

use penstock_tests::lab::power::cut_power;

use crate::Options;

const CUTS: u32 = 100;

pub(crate) async fn run(options: &Options) {
    let cut = cut_power(options.scaled(CUTS) as usize, 1).await;
    println!(
        "power: {} cuts at always, {} left a torn file, {} jobs acknowledged: {} lost (should be 0)",
        cut.cuts,
        cut.torn,
        cut.acknowledged,
        cut.lost.len()
    );
}
