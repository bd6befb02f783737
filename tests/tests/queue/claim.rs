//! `claim`: what is given out, once.

use std::time::Duration;

use penstock_shared::job::state::State;
use penstock_tests::fixture::{Bench, START, back, done, ids, job};

use crate::state::lasting;

#[tokio::test]
async fn nothing_due_is_nothing_given_and_nothing_changed() {
    let mut bench = Bench::start().await;
    let request = bench.request(9);
    let claim = bench.claim_as("w", &request).await;
    assert_eq!(
        (claim.now_ms, claim.next, claim.jobs.len()),
        (START, None, 0)
    );
    bench.enqueue(&[job("later").run_at(START + 700)]).await;
    let before = lasting(&bench).await;
    let request = bench.request(9);
    let claim = bench.claim_as("w", &request).await;
    assert_eq!(claim.next, Some(Duration::from_millis(700)));
    assert!(claim.jobs.is_empty());
    assert_eq!(lasting(&bench).await, before);
}

#[tokio::test]
async fn without_a_slot_nothing_is_given_and_nothing_changed() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let before = lasting(&bench).await;
    assert!(bench.claim(0).await.is_empty());
    assert_eq!(lasting(&bench).await, before);
}

#[tokio::test]
async fn the_same_request_again_gives_the_same_jobs_and_changes_nothing() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a"), job("b"), job("c"), job("d")])
        .await;
    let request = bench.request(4);
    let first = bench.claim_as("w", &request).await;
    assert_eq!(ids(&first.jobs), ["a", "b"]);
    let before = bench.snapshot().await;
    let again = bench.claim_as("w", &request).await;
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(again.next, first.next);
    for (a, b) in first.jobs.iter().zip(&again.jobs) {
        assert_eq!(
            (&a.reference, a.token, a.deliveries),
            (&b.reference, b.token, b.deliveries)
        );
        assert_eq!(
            (&a.record, a.probe, a.quotas),
            (&b.record, b.probe, b.quotas)
        );
    }
    assert_eq!(again.jobs.len(), 2);
    // The number is the worker's own: another worker with the same one is given other jobs.
    assert_eq!(ids(&bench.claim_as("v", &request).await.jobs), ["c", "d"]);
}

#[tokio::test]
async fn what_has_ended_since_is_not_given_again() {
    let mut bench = Bench::start().await;
    bench.enqueue(&["a", "b", "c", "d"].map(job)).await;
    let request = bench.request(8);
    let first = bench.claim_as("w", &request).await.jobs;
    assert_eq!(ids(&first), ["a", "b", "c", "d"]);
    bench.settle(&[done(&first[0]), back(&first[1], 0)]).await;
    let again = bench.claim_as("w", &request).await.jobs;
    assert_eq!(ids(&again), ["c", "d"]);
    // Another worker has `b` now, under a token of its own.
    let next = bench.request(1);
    assert_eq!(ids(&bench.claim_as("v", &next).await.jobs), ["b"]);
    assert_eq!(ids(&bench.claim_as("w", &request).await.jobs), ["c", "d"]);
}

/// It was under way for long: its worker has sent it again and has gone on.
#[tokio::test]
async fn a_request_that_comes_after_a_later_one_gives_nothing_and_changes_nothing() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&["a", "b", "c", "d", "e", "f"].map(job))
        .await;
    let (first, second) = (bench.request(4), bench.request(4));
    assert_eq!(ids(&bench.claim_as("w", &first).await.jobs), ["a", "b"]);
    let given = bench.claim_as("w", &second).await.jobs;
    assert_eq!(ids(&given), ["c", "d"]);
    let before = bench.snapshot().await;
    assert!(bench.claim_as("w", &first).await.jobs.is_empty());
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(ids(&bench.claim_as("w", &second).await.jobs), ["c", "d"]);
}

#[tokio::test]
async fn what_runs_is_given_to_nobody_else() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    bench.claim_one().await;
    let before = lasting(&bench).await;
    let request = bench.request(9);
    assert!(bench.claim_as("v", &request).await.jobs.is_empty());
    assert_eq!(lasting(&bench).await, before);
}

#[tokio::test]
async fn every_delivery_has_a_token_of_its_own_and_the_journal_so_far() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let a = bench.claim_one().await;
    let b = bench.claim_one().await;
    assert!(b.token > a.token);
    let mut written = back(&a, 0);
    written.fields.insert("contact", "c1".into());
    bench.settle(&[written]).await;
    let again = bench.claim_one().await;
    assert!(again.token > b.token);
    assert_eq!((again.deliveries, again.run.attempts()), (2, 1));
    assert_eq!(again.run.text("contact"), Some("c1"));
}

#[tokio::test]
async fn before_any_worker_has_said_its_quota_nothing_is_sent() {
    let mut bench = Bench::unregistered(|_| {}).await;
    bench.enqueue(&[job("a")]).await;
    assert!(bench.claim(9).await.is_empty());
    assert_eq!(bench.state_of("a").await, State::Ready);
    bench.quotas("1/1s", "9/1d").await;
    assert_eq!(bench.claim_ids(9).await, ["a"]);
}

/// Its worker counts the leases from the request that was answered, which is the later one.
#[tokio::test]
async fn the_same_request_later_gives_the_same_jobs_for_a_whole_lease() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let request = bench.request(1);
    bench.claim_as("w", &request).await;
    bench.pass(3000);
    let again = bench.claim_as("w", &request).await;
    assert_eq!(ids(&again.jobs), ["a"]);
    assert_eq!(bench.status("a").await.lease_ms, Some(START + 8000));
}
