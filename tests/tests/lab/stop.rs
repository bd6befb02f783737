//! A worker that stands still between its last check and the send: what it makes then is there twice, and told. `penstock-lab stops` makes
//! many.

use penstock_tests::lab::stop::{Stopped, stop_all};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopped_sender_has_made_twice_is_told_by_itself() {
    let stopped = stop_all(2, 2, &[], |_| ()).await;
    let told: Vec<_> = stopped
        .iter()
        .map(|one| (one.effects, one.twin_told))
        .collect();
    assert_eq!(told, [(2, true), (2, true)], "{stopped:#?}");
    let unexpected = stopped.iter().flat_map(Stopped::unexpected);
    assert_eq!(unexpected.count(), 0, "{stopped:#?}");
}
