//! The share of the day that is kept for high priority.

use penstock_shared::queue::settle::Advance;
use penstock_tests::fixture::{Bench, Draft, START, back, done, job};

/// Ten calls a day, of which five are kept back; the other five have been made.
async fn spent() -> Bench {
    let mut bench = Bench::with(|terms| terms.reserve = 0.5).await;
    bench.quotas("100/10s", "10/1d").await;
    bench.enqueue(&normal(8)).await;
    let sent = bench.claim(40).await;
    assert_eq!(sent.len(), 5);
    for job in &sent {
        bench.settle(&[done(job)]).await;
    }
    assert!(bench.claim(40).await.is_empty());
    bench
}

fn normal(count: usize) -> Vec<Draft> {
    (0..count).map(|number| job(&number.to_string())).collect()
}

#[tokio::test]
async fn only_high_ones_take_it_and_no_more_than_the_day() {
    let mut bench = spent().await;
    let high: Vec<_> = (0..7)
        .map(|number| job(&format!("h{number}")).high())
        .collect();
    bench.enqueue(&high).await;
    let given = bench.claim_ids(40).await;
    assert_eq!(given, ["h0", "h1", "h2", "h3", "h4"]);
    assert!(bench.claim(40).await.is_empty());
}

#[tokio::test]
async fn a_high_one_takes_it_when_its_moment_has_come() {
    let mut bench = spent().await;
    bench.enqueue(&[job("h").high().run_at(START + 1000)]).await;
    bench.pass(1000);
    assert_eq!(bench.claim_ids(40).await, ["h"]);
}

#[tokio::test]
async fn a_high_one_takes_it_for_its_next_attempt() {
    let mut bench = spent().await;
    bench.enqueue(&[job("h").high()]).await;
    let h = bench.claim_one().await;
    bench.settle(&[back(&h, 1000)]).await;
    assert!(bench.claim(40).await.is_empty());
    bench.pass(1000);
    assert_eq!(bench.claim_ids(40).await, ["h"]);
}

#[tokio::test]
async fn a_head_with_a_high_one_behind_it_takes_it() {
    let mut bench = spent().await;
    bench.enqueue(&[job("a").contact("c")]).await;
    assert!(bench.claim(40).await.is_empty());
    bench.enqueue(&[job("h").contact("c").high()]).await;
    assert_eq!(bench.drain().await, ["a", "h"]);
}

/// A normal one that comes due is moved, and costs no permit of the reserve.
#[tokio::test]
async fn a_normal_one_does_not_take_it_when_its_moment_has_come() {
    let mut bench = spent().await;
    bench.enqueue(&[job("n").run_at(START + 1000)]).await;
    bench.pass(1000);
    assert!(bench.claim(40).await.is_empty());
    let request = bench.request(40);
    let next = bench.claim_as("w", &request).await.next.unwrap();
    assert!(next.as_secs() > 80_000, "{next:?}");
}

#[tokio::test]
async fn a_further_call_takes_it_only_for_a_high_one() {
    let mut bench = Bench::with(|terms| terms.reserve = 0.5).await;
    bench.quotas("100/10s", "4/1d").await;
    bench.enqueue(&[job("h").high(), job("n")]).await;
    let jobs = bench.claim(4).await;
    let mut answers = Vec::new();
    for job in &jobs {
        answers.push(bench.next_call(job).await);
    }
    assert_eq!(answers, [Advance::Granted, Advance::Later]);
}

/// The two names turn out to be one contact's after the lane has gone to sleep for the day.
#[tokio::test]
async fn a_head_that_comes_to_stand_before_a_high_one_takes_it() {
    let mut bench = spent().await;
    let high = Draft::high;
    let drafts = [
        job("e").email("jane@example.com"),
        high(job("p").phone("+14155550100")).run_at(START + 1000),
    ];
    bench.enqueue(&drafts).await;
    bench.pass(1000);
    crate::contact::learn(&bench).await;
    assert_eq!(bench.drain().await, ["e", "p"]);
}

/// 864 calls a day are one in a hundred seconds.
#[tokio::test]
async fn spread_over_the_day_only_high_ones_go_as_fast_as_the_burst() {
    let mut bench = Bench::with(|terms| terms.spread = true).await;
    bench.quotas("100/100s", "864/1d").await;
    bench.enqueue(&normal(8)).await;
    assert_eq!(bench.claim(40).await.len(), 1);
    let high = ["h1", "h2", "h3"].map(|id| job(id).high());
    bench.enqueue(&high).await;
    assert_eq!(bench.claim_ids(40).await, ["h1", "h2", "h3"]);
    assert!(bench.claim(40).await.is_empty());
}

#[tokio::test]
async fn spread_over_the_day_the_next_one_goes_when_a_window_has_passed() {
    let mut bench = Bench::with(|terms| terms.spread = true).await;
    bench.quotas("100/100s", "864/1d").await;
    bench.enqueue(&normal(8)).await;
    for _ in 0..3 {
        let sent = bench.claim(40).await;
        assert_eq!(sent.len(), 1);
        bench.settle(&[done(&sent[0])]).await;
        let request = bench.request(40);
        let claim = bench.claim_as("w", &request).await;
        assert!(claim.jobs.is_empty());
        let wait = u64::try_from(claim.next.expect("its permit returns").as_millis()).unwrap();
        assert!((100_000..=101_000).contains(&wait), "{wait}");
        bench.pass(wait);
    }
}
