//! The last moment of a flow on a cadence: nobody takes it back.

use penstock_tests::fixture::Bench;

#[tokio::test]
async fn whoever_has_stood_still_takes_nothing_back() {
    let bench = Bench::start().await;
    let queue = bench.queue();
    let last = async |flow: &str| queue.last_moment("acme", flow).await.unwrap();
    assert_eq!(last("tick").await, None);
    queue.keep_moment("acme", "tick", 20, None).await.unwrap();
    // It saw nothing before it stood still, or an earlier one.
    queue.keep_moment("acme", "tick", 10, None).await.unwrap();
    queue
        .keep_moment("acme", "tick", 15, Some(5))
        .await
        .unwrap();
    assert_eq!(last("tick").await, Some(20));
    assert_eq!(last("tock").await, None);
    // The clock was set back.
    queue
        .keep_moment("acme", "tick", 10, Some(20))
        .await
        .unwrap();
    assert_eq!(last("tick").await, Some(10));
}
