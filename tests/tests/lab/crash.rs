//! Crashes at every failpoint and of every type of job, some of all pairs. `penstock-lab crashes` makes each.

use penstock_tests::lab::crash::{crash_all, some_cells};

const SOME: usize = 48;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_silent_wherever_a_worker_crashes() {
    let seed = rand::random_range(0..1_000_000);
    println!("seed {seed}");
    let crashed = crash_all(some_cells(SOME, seed), 12, |_| ()).await;
    assert_eq!(crashed.len(), SOME);
    let wrong: Vec<_> = crashed
        .iter()
        .filter(|one| !one.violations.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
