//! Priorities between contacts: a head start, no privilege.

use penstock_shared::job::state::State;
use penstock_tests::fixture::{Bench, START, back, job};

#[tokio::test]
async fn high_goes_before_normal_and_normal_before_low() {
    let mut bench = Bench::start().await;
    let drafts = [
        job("l").low(),
        job("n1"),
        job("n2"),
        job("h1").high(),
        job("h2").high(),
    ];
    bench.enqueue(&drafts).await;
    assert_eq!(bench.drain().await, ["h1", "h2", "n1", "n2", "l"]);
}

/// A head start is a minute, so what is lower waits no longer than that for what is higher.
#[tokio::test]
async fn what_has_waited_longer_than_the_head_start_goes_first() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("low").low()]).await;
    bench.pass(59_998);
    bench.enqueue(&[job("n1")]).await;
    bench.pass(3);
    bench.enqueue(&[job("n2")]).await;
    bench.pass(59_998);
    bench.enqueue(&[job("h1").high()]).await;
    bench.pass(3);
    bench.enqueue(&[job("h2").high()]).await;
    assert_eq!(bench.drain().await, ["n1", "h1", "low", "n2", "h2"]);
}

#[tokio::test]
async fn of_one_priority_the_earlier_goes_first() {
    let mut bench = Bench::start().await;
    for id in ["c", "a", "b"] {
        bench.enqueue(&[job(id)]).await;
        bench.pass(1);
    }
    assert_eq!(bench.drain().await, ["c", "a", "b"]);
}

#[tokio::test]
async fn priority_starts_nothing_before_its_moment() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("h").high().run_at(START + 100), job("l").low()])
        .await;
    assert_eq!(bench.claim_ids(1).await, ["l"]);
    assert!(bench.claim(1).await.is_empty());
    bench.pass(100);
    assert_eq!(bench.claim_ids(1).await, ["h"]);
}

#[tokio::test]
async fn the_head_counts_with_the_highest_behind_it() {
    let mut bench = Bench::start().await;
    let of_one = |id| job(id).contact("c");
    bench
        .enqueue(&[
            job("n"),
            of_one("a").low(),
            of_one("b").low(),
            of_one("c").high(),
        ])
        .await;
    bench.enqueue(&[job("h").high()]).await;
    let mut order = bench.drain().await;
    // What waited behind had its head start from the same moment, so these two have one rank.
    assert_eq!(order.split_off(4), ["n"]);
    let of_contact: Vec<_> = order.iter().filter(|id| *id != "h").collect();
    assert_eq!(of_contact, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_normal_one_lifts_a_low_head() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c").low(), job("l").low()])
        .await;
    bench.pass(10);
    bench.enqueue(&[job("n"), job("b").contact("c")]).await;
    assert_eq!(bench.drain().await, ["a", "b", "n", "l"]);
}

#[tokio::test]
async fn a_head_keeps_its_urgency_through_retries_and_takeovers() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c").low(), job("b").contact("c").high()])
        .await;
    let a = bench.claim_one().await;
    bench.settle(&[back(&a, 1000)]).await;
    bench.enqueue(&[job("n")]).await;
    bench.pass(1000);
    assert_eq!(bench.claim_ids(1).await, ["a"]);
    bench.live(6000, &[]).await;
    assert_eq!(bench.claim_ids(1).await, ["a"]);
    assert_eq!(bench.state_of("n").await, State::Ready);
}

/// What is behind a retrying head does not start it early.
#[tokio::test]
async fn urgency_behind_a_retrying_head_does_not_shorten_its_wait() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a").contact("c")]).await;
    let a = bench.claim_one().await;
    bench.settle(&[back(&a, 60_000)]).await;
    bench.enqueue(&[job("b").contact("c").high()]).await;
    bench.pass(59_999);
    assert!(bench.claim(9).await.is_empty());
    bench.pass(1);
    bench.enqueue(&[job("n")]).await;
    assert_eq!(bench.drain().await, ["a", "b", "n"]);
}

#[tokio::test]
async fn once_the_urgent_one_is_gone_its_urgency_is_too() {
    let mut bench = Bench::start().await;
    let of_one = |id| job(id).contact("c");
    bench
        .enqueue(&[of_one("a"), of_one("b").high(), of_one("d").low()])
        .await;
    bench.enqueue(&[job("n")]).await;
    assert_eq!(bench.drain().await, ["a", "b", "n", "d"]);
}
