//! A few power cuts. The `faults` benchmark makes a hundred.

use penstock_tests::lab::power::cut_power;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_power_cut_takes_what_was_acknowledged_at_always() {
    let cut = cut_power(8, 1).await;
    assert_eq!(cut.cuts, 8);
    assert!(cut.torn > 0, "no cut left a part: no file was torn");
    assert!(cut.lost.is_empty(), "{:?}", cut.lost);
}
