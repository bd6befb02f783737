//! A crash at every failpoint, once for every type of job. `penstock-lab crashes` makes many.

use penstock_tests::lab::crash::{crash_all, every_cell};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_silent_wherever_a_worker_crashes() {
    let cells = every_cell();
    let (count, tell) = (cells.len(), |_: &_| ());
    let crashed = crash_all(cells, 12, tell).await;
    assert_eq!(crashed.len(), count);
    let wrong: Vec<_> = crashed
        .iter()
        .filter(|one| !one.violations.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
