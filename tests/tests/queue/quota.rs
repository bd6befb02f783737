//! `register`: of workers that differ in their quotas, what keeps both counts.

use std::collections::HashMap;

use penstock_shared::{queue::claim::InForce, quota::Quota};
use penstock_tests::fixture::{Bench, START, done, job};

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

async fn all_of_it(bench: &Bench, worker: &str, burst: &str) -> InForce {
    let quotas = (quota(burst), quota("200000/1d"));
    let queue = bench.queue();
    queue
        .register(0, worker, quotas, &HashMap::new())
        .await
        .unwrap()
}

async fn register(bench: &Bench, worker: &str, burst: &str) -> Quota {
    all_of_it(bench, worker, burst).await.burst
}

/// Sends all that may be sent, and each is answered.
async fn spend(bench: &mut Bench) {
    for job in bench.claim(20).await {
        bench.settle(&[done(&job)]).await;
    }
}

fn jobs(count: usize) -> Vec<penstock_tests::fixture::Draft> {
    (0..count)
        .map(|number| job(&format!("{number:03}")))
        .collect()
}

#[tokio::test]
async fn registering_again_changes_nothing() {
    let mut bench = Bench::start().await;
    let before = bench.snapshot().await;
    let both = bench.quotas("100/10s", "200000/1d").await;
    assert_eq!(both, (quota("100/10s"), quota("200000/1d")));
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn the_lowest_of_the_living_workers_is_in_force() {
    let mut bench = Bench::start().await;
    assert_eq!(register(&bench, "v", "7/10s").await, quota("7/10s"));
    assert_eq!(register(&bench, "w", "100/10s").await, quota("7/10s"));
    bench.enqueue(&jobs(70)).await;
    let claimed = bench.claim(200).await;
    assert_eq!(claimed.len(), 7);
    assert_eq!(claimed[0].quotas.0, quota("7/10s"));
}

/// 60 at once would be too many for the one, 6 in a second too many for the other.
#[tokio::test]
async fn where_neither_is_lower_throughout_both_are_kept() {
    let bench = Bench::start().await;
    register(&bench, "w", "20/10s").await;
    assert_eq!(register(&bench, "u", "60/100s").await, quota("20/100s"));
    assert_eq!(register(&bench, "w", "20/10s").await, quota("20/100s"));
}

#[tokio::test]
async fn every_worker_is_told_whether_they_differ() {
    let bench = Bench::start().await;
    assert!(!all_of_it(&bench, "w", "100/10s").await.differ);
    assert!(!all_of_it(&bench, "v", "100/10s").await.differ);
    for (worker, burst) in [("u", "50/10s"), ("w", "100/10s"), ("v", "100/10s")] {
        assert!(all_of_it(&bench, worker, burst).await.differ, "{worker}");
    }
    bench.queue().retire("u").await.unwrap();
    assert!(!all_of_it(&bench, "w", "100/10s").await.differ);
}

#[tokio::test]
async fn each_window_is_the_lowest_by_itself() {
    let mut bench = Bench::start().await;
    bench.quotas("9/10s", "100/1d").await;
    let queue = bench.queue();
    let others = (quota("100/10s"), quota("9/1d"));
    let both = queue
        .register(0, "v", others, &HashMap::new())
        .await
        .unwrap();
    assert_eq!((both.burst, both.daily), (quota("9/10s"), quota("9/1d")));
}

#[tokio::test]
async fn a_worker_that_has_retired_counts_no_longer() {
    let bench = Bench::start().await;
    register(&bench, "v", "7/10s").await;
    bench.queue().retire("v").await.unwrap();
    let before = bench.snapshot().await;
    bench.queue().retire("v").await.unwrap();
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(register(&bench, "w", "100/10s").await, quota("100/10s"));
}

#[tokio::test]
async fn a_worker_that_is_silent_for_long_counts_no_longer() {
    let mut bench = Bench::start().await;
    register(&bench, "v", "7/10s").await;
    bench.live(29_999, &[]).await;
    assert_eq!(register(&bench, "w", "100/10s").await, quota("7/10s"));
    bench.live(1, &[]).await;
    assert_eq!(register(&bench, "w", "100/10s").await, quota("100/10s"));
}

#[tokio::test]
async fn a_lower_one_holds_what_was_sent_before_against_it() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs(20)).await;
    let sent = bench.claim(20).await;
    assert_eq!(sent.len(), 10);
    bench.quotas("5/10s", "200000/1d").await;
    for job in &sent {
        bench.settle(&[done(job)]).await;
    }
    bench.pass(9999);
    assert!(bench.claim(20).await.is_empty());
    bench.pass(1);
    assert_eq!(bench.claim(20).await.len(), 5);
}

/// In the longer window what was sent before still counts.
#[tokio::test]
async fn a_longer_window_holds_what_was_sent_before_against_it() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs(20)).await;
    spend(&mut bench).await;
    bench.pass(9_000);
    bench.quotas("10/60s", "200000/1d").await;
    bench.pass(50_999);
    assert!(bench.claim(20).await.is_empty());
    bench.pass(1000);
    assert_eq!(bench.claim(20).await.len(), 10);
}

/// However often it changes, what was sent returns one window, by the one in force, after it was sent.
#[tokio::test]
async fn a_window_that_comes_and_goes_moves_nothing_for_good() {
    let mut bench = Bench::start().await;
    bench.quotas("10/10s", "200000/1d").await;
    bench.enqueue(&jobs(20)).await;
    spend(&mut bench).await;
    for _ in 0..3 {
        bench.quotas("10/60s", "200000/1d").await;
        assert!(bench.claim(20).await.is_empty());
        bench.pass(1000);
        bench.quotas("10/10s", "200000/1d").await;
        assert!(bench.claim(20).await.is_empty());
    }
    bench.pass(7_200);
    assert_eq!(bench.claim(20).await.len(), 10);
}

/// A limited lane waits for a moment that a higher quota moves: it must not sleep until then.
#[tokio::test]
async fn a_higher_one_is_used_at_once() {
    let mut bench = Bench::start().await;
    bench.quotas("100/10s", "2/1d").await;
    bench.enqueue(&jobs(6)).await;
    spend(&mut bench).await;
    assert!(bench.claim(20).await.is_empty());
    assert!(
        bench
            .queue()
            .lane_status(&penstock_shared::queue::reference::Lane::ghl("acme"))
            .await
            .unwrap()
            .moment_ms
            > Some(START)
    );
    bench.quotas("100/10s", "200000/1d").await;
    assert_eq!(bench.claim(20).await.len(), 4);
}
