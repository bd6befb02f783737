//! The wake-up token: pushed when work arrives, and only then.

use std::time::Duration;

use penstock_shared::{outcome::Cause, queue::govern::Govern};
use penstock_tests::fixture::{Bench, START, back, done, job};

use crate::letter::{dies, redrive};

/// Whether the token was there; it is taken.
async fn woken(bench: &Bench) -> bool {
    let key = bench.queue().keys(0).wake();
    let tokens: u64 = bench.server.get(["LLEN", &key]).await;
    bench.server.cli(["DEL", &key]).await;
    assert!(tokens <= 1, "{tokens} tokens");
    tokens == 1
}

#[tokio::test]
async fn a_due_job_wakes_one_worker() {
    let bench = Bench::start().await;
    bench
        .enqueue(&[job("a"), job("b").of("zenith"), job("c")])
        .await;
    assert!(woken(&bench).await);
    bench.enqueue(&[job("a")]).await;
    assert!(!woken(&bench).await, "a duplicate is no work");
}

#[tokio::test]
async fn a_job_behind_another_wakes_nobody_until_its_turn() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a").contact("c")]).await;
    let a = bench.claim_one().await;
    woken(&bench).await;
    bench.enqueue(&[job("b").contact("c")]).await;
    assert!(!woken(&bench).await);
    bench.settle(&[done(&a)]).await;
    assert!(woken(&bench).await);
}

#[tokio::test]
async fn a_later_job_wakes_a_worker_only_if_it_is_the_next_of_all() {
    let bench = Bench::start().await;
    bench.enqueue(&[job("a").run_at(START + 500)]).await;
    assert!(woken(&bench).await);
    bench
        .enqueue(&[job("b").of("zenith").run_at(START + 900)])
        .await;
    assert!(!woken(&bench).await);
    bench.enqueue(&[job("c").run_at(START + 700)]).await;
    assert!(!woken(&bench).await);
    bench
        .enqueue(&[job("d").of("zenith").run_at(START + 300)])
        .await;
    assert!(woken(&bench).await);
}

#[tokio::test]
async fn what_goes_back_to_its_lane_wakes_a_worker_and_what_ends_does_not() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    woken(&bench).await;
    bench.settle(&[back(&a, 0)]).await;
    assert!(woken(&bench).await);
    let a = bench.claim_one().await;
    bench.settle(&[done(&a)]).await;
    assert!(!woken(&bench).await);
}

#[tokio::test]
async fn what_a_claim_leaves_is_offered_to_another_worker() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    woken(&bench).await;
    bench.claim_one().await;
    assert!(woken(&bench).await);
    bench.claim_one().await;
    assert!(!woken(&bench).await);
    bench.claim(9).await;
    assert!(!woken(&bench).await);
}

#[tokio::test]
async fn a_limited_or_paused_lane_wakes_nobody() {
    let mut bench = Bench::start().await;
    bench.quotas("1/10s", "9/1d").await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let a = bench.claim_one().await;
    woken(&bench).await;
    bench.enqueue(&[job("c").high()]).await;
    assert!(!woken(&bench).await, "every call is in flight");
    bench.settle(&[done(&a)]).await;
    // There is a moment to wait for now, and no worker knew it.
    assert!(woken(&bench).await);
    bench.enqueue(&[job("d").high()]).await;
    assert!(!woken(&bench).await, "no permit before that moment");
    bench.queue().govern("acme", &Govern::Pause).await.unwrap();
    bench.pass(60_000);
    bench.enqueue(&[job("e").high()]).await;
    assert!(!woken(&bench).await, "it is paused");
    bench.queue().govern("acme", &Govern::Resume).await.unwrap();
    assert!(woken(&bench).await);
}

#[tokio::test]
async fn a_dead_letter_sent_again_wakes_a_worker() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Rejected).await;
    woken(&bench).await;
    redrive(&bench, &["a"]).await;
    assert!(woken(&bench).await);
}

/// The whole way: a worker that waits is told.
#[tokio::test]
async fn a_waiting_worker_is_told() {
    let bench = Bench::start().await;
    let mut wake = bench.queue().wake(0).await.unwrap();
    let waiting = tokio::spawn(async move {
        loop {
            if wake.wait().await.unwrap() {
                return;
            }
        }
    });
    penstock_tests::harness::wait_until("a blocked client", Duration::from_secs(20), async || {
        let blocked = bench.server.info("blocked_clients").await;
        (blocked == "1").then_some(())
    })
    .await;
    bench.enqueue(&[job("a")]).await;
    tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap()
        .unwrap();
}
