//! The permit ledger (law 3): when a call's permit comes back.

use std::time::Duration;

use penstock_shared::{
    outcome::Permit,
    queue::{
        claim::ClaimRequest,
        reference::Lane,
        settle::{Advance, Settlement},
    },
};
use penstock_tests::fixture::{Bench, Draft, START, back, done, job};

const HOUR: u64 = 3_600_000;
const AHEAD: i64 = 3_600_000;
/// So long after the last word of one that knew better the others are believed.
const SILENCE: u64 = 3_334;
const DAY: u64 = 24 * HOUR;

fn jobs(count: usize) -> Vec<Draft> {
    (0..count).map(|number| job(&number.to_string())).collect()
}

fn with(mut end: Settlement, permit: Permit) -> Settlement {
    end.transition.permit = permit;
    end
}

/// So many jobs, and a quota of one call in 10 s.
async fn narrow(count: usize) -> Bench {
    let mut bench = Bench::start().await;
    bench.quotas("1/10s", "100/1d").await;
    bench.enqueue(&jobs(count)).await;
    bench
}

/// Nothing may be sent until so many milliseconds after the start, and then one call.
async fn comes_back_at(bench: &mut Bench, ms: u64) {
    while bench.now + 1000 < START + ms {
        bench.live(1000, &[]).await;
        assert!(bench.claim(1).await.is_empty(), "at {}", bench.now - START);
    }
    bench.live(START + ms - 1 - bench.now, &[]).await;
    let request = bench.request(1);
    let claim = bench.claim_as("w", &request).await;
    assert_eq!(
        (claim.jobs.len(), claim.next),
        (0, Some(Duration::from_millis(1)))
    );
    bench.live(1, &[]).await;
    assert_eq!(bench.claim(9).await.len(), 1);
}

#[tokio::test]
async fn no_more_than_the_burst_is_sent() {
    let mut bench = Bench::start().await;
    bench.quotas("3/10s", "100/1d").await;
    bench.enqueue(&jobs(5)).await;
    assert_eq!(bench.claim(20).await.len(), 3);
    assert!(bench.claim(20).await.is_empty());
}

#[tokio::test]
async fn it_comes_back_one_window_after_the_answer() {
    let mut bench = narrow(2).await;
    let first = bench.claim_one().await;
    bench.pass(500);
    bench.settle(&[done(&first)]).await;
    comes_back_at(&mut bench, 10_500).await;
}

/// Moments are kept to a hundredth of the window, rounded up: never too early.
#[tokio::test]
async fn it_comes_back_no_earlier_than_that() {
    let mut bench = narrow(2).await;
    let first = bench.claim_one().await;
    bench.pass(501);
    bench.settle(&[done(&first)]).await;
    comes_back_at(&mut bench, 10_600).await;
}

#[tokio::test]
async fn it_is_kept_as_long_as_the_call_is_in_flight() {
    let mut bench = narrow(2).await;
    let first = bench.claim_one().await;
    bench.live(100_000, std::slice::from_ref(&first)).await;
    let request = bench.request(1);
    let claim = bench.claim_as("w", &request).await;
    assert_eq!((claim.jobs.len(), claim.next), (0, None));
    bench.settle(&[done(&first)]).await;
    comes_back_at(&mut bench, 110_000).await;
}

/// It may have been cut off as it began: it can take 10 s, and arrive until 30 s after that.
#[tokio::test]
async fn that_of_an_unanswered_call_waits_out_the_quarantine_too() {
    let mut bench = narrow(2).await;
    let first = bench.claim_one().await;
    bench
        .settle(&[with(done(&first), Permit::Unanswered)])
        .await;
    comes_back_at(&mut bench, 50_000).await;
}

/// The lease ends after 5 s; a call begun just before can take 10 s, and arrive until 30 s after that.
#[tokio::test]
async fn that_of_a_dead_worker_waits_until_its_call_can_no_longer_arrive() {
    let mut bench = narrow(1).await;
    bench.claim_one().await;
    comes_back_at(&mut bench, 5000 + 10_000 + 30_000 + 10_000).await;
}

#[tokio::test]
async fn that_of_what_was_not_sent_is_free_at_once() {
    let mut bench = narrow(2).await;
    let first = bench.claim_one().await;
    bench
        .settle(&[with(back(&first, 60_000), Permit::Unsent)])
        .await;
    assert_eq!(bench.claim_ids(9).await, ["1"]);
    assert!(bench.claim(9).await.is_empty());
}

#[tokio::test]
async fn the_day_is_kept_beside_the_burst() {
    let mut bench = Bench::start().await;
    bench.quotas("2/1s", "3/1d").await;
    bench.enqueue(&jobs(5)).await;
    let mut sent = 0;
    for _ in 0..5 {
        for job in bench.claim(20).await {
            bench.settle(&[done(&job)]).await;
            sent += 1;
        }
        bench.pass(1100);
    }
    assert_eq!(sent, 3);
    let lane = bench.queue().lane_status(&Lane::ghl("acme")).await.unwrap();
    let moment = lane.moment_ms.unwrap();
    // A hundredth of a day is the grain of its ring.
    assert!(
        (START + DAY..=START + DAY + DAY / 100).contains(&moment),
        "{moment}"
    );
    bench.now = moment - 1;
    assert!(bench.claim(20).await.is_empty());
    bench.now = moment;
    assert_eq!(bench.claim(20).await.len(), 2);
}

#[tokio::test]
async fn a_limited_lane_is_not_looked_at_and_costs_the_others_nothing() {
    let mut bench = Bench::start().await;
    bench.quotas("1/10s", "100/1d").await;
    bench.enqueue(&jobs(40)).await;
    let others: Vec<_> = (0..20)
        .map(|number| job("a").of(&format!("t{number}")))
        .collect();
    let first = bench.claim_one().await;
    bench.settle(&[done(&first)]).await;
    let lane = bench.queue().lane_status(&Lane::ghl("acme")).await.unwrap();
    assert_eq!(lane.moment_ms, Some(START + 10_000));
    bench.enqueue(&others).await;
    assert_eq!(bench.drain().await.len(), 20);
}

/// A claim looks at some lanes only, so that it is short; who has slots for more is told to ask again.
#[tokio::test]
async fn of_very_many_lanes_a_claim_gives_some_and_says_so() {
    let mut bench = Bench::start().await;
    let drafts: Vec<_> = (0..20)
        .map(|number| job("a").of(&format!("t{number}")))
        .collect();
    bench.enqueue(&drafts).await;
    let mut told = Vec::new();
    for _ in 0..4 {
        let request = bench.request(64);
        let claim = bench.claim_as("w", &request).await;
        told.push((claim.jobs.len(), claim.bounded));
    }
    assert_eq!(told, [(6, true), (6, true), (6, true), (2, false)]);
}

#[tokio::test]
async fn redis_clock_set_ahead_brings_none_back_whoever_looks() {
    let mut bench = Bench::start().await;
    bench.quotas("3/10s", "100/1d").await;
    bench.enqueue(&jobs(9)).await;
    bench.watch_clock(0);
    let first = bench.claim(9).await;
    bench.settle(&[done(&first[0]), done(&first[1])]).await;
    bench.pass(1000);
    bench.set_clock(AHEAD);
    // A producer, which knows nothing of the time; the next call of a job; and a claim.
    bench.enqueue(&[job("late")]).await;
    assert_eq!(bench.next_call(&first[2]).await, Advance::Later);
    for _ in 0..2 {
        let request = bench.request(9);
        let claim = bench.claim_as("w", &request).await;
        assert_eq!((claim.jobs.len(), claim.next), (0, Some(Duration::ZERO)));
    }
    assert_eq!(bench.tell(AHEAD).await, AHEAD);
    // Two come back a window after their calls; the third's call ended when the clock was set already.
    for (pass, back) in [(0, 0), (8_900, 0), (200, 2), (800, 0), (200, 1)] {
        bench.pass(pass);
        let given = bench.claim(9).await;
        assert_eq!(given.len(), back, "{}", bench.now - HOUR - START);
    }
}

/// It has watched the clock since that was set: those who did before must have told, or be gone.
#[tokio::test]
async fn who_has_just_started_knows_no_better_than_those_who_tell() {
    let mut bench = narrow(2).await;
    bench.watch_clock(0);
    let first = bench.claim_one().await;
    bench.settle(&[done(&first)]).await;
    bench.set_clock(AHEAD);
    // All its slots are taken: it lives, and tells nothing.
    bench.queue().renew(0, "w", &[]).await.unwrap();
    let (fresh, started) = (bench.another().await.unwrap(), bench.now + 1);
    for (number, passed, lives, given) in [
        (1, 1, true, 0),
        (2, 1_000, true, 0),
        (3, 1_000, false, 0),
        (4, SILENCE, false, 1),
    ] {
        bench.now += passed;
        if lives {
            bench.queue().renew(0, "w", &[]).await.unwrap();
        }
        let request = ClaimRequest {
            number,
            slots: 9,
            held: Vec::new(),
        };
        let claim = fresh.at(bench.now).claim(0, "fresh", &request).await;
        assert_eq!(claim.unwrap().jobs.len(), given, "{number}");
        // Until it claims again.
        fresh.watch_clock(0, started, bench.now + SILENCE);
    }
}

/// One that has told, and one that has not heard of it: both give by the same time.
#[tokio::test]
async fn once_it_is_told_all_go_by_it() {
    let mut bench = narrow(2).await;
    bench.watch_clock(0);
    let first = bench.claim_one().await;
    bench.settle(&[done(&first)]).await;
    bench.set_clock(AHEAD);
    assert!(bench.claim(9).await.is_empty());
    let other = bench.another().await.unwrap();
    other.watch_clock(0, START - 1, START);
    other.at(bench.now).step(0, AHEAD, 0).await.unwrap();
    bench.watch_clock(AHEAD);
    bench.pass(9_900);
    assert!(bench.claim(9).await.is_empty());
    bench.pass(300);
    assert_eq!(bench.claim(9).await.len(), 1);
}

/// A program that has not seen the time pass, as one that was just started, believes what it is told.
#[tokio::test]
async fn who_knows_no_better_believes_redis_clock() {
    let mut bench = narrow(2).await;
    let first = bench.claim_one().await;
    bench.settle(&[done(&first)]).await;
    bench.pass(HOUR);
    assert_eq!(bench.claim(9).await.len(), 1);
}

/// The ledger of a window does not grow with the calls in it.
#[tokio::test]
async fn the_ledger_stays_small() {
    let mut bench = Bench::start().await;
    bench.quotas("100000/10s", "1000000/1d").await;
    bench.enqueue(&jobs(600)).await;
    for _ in 0..60 {
        let ends: Vec<_> = bench.claim(20).await.iter().map(done).collect();
        assert_eq!(ends.len(), 10);
        bench.settle(&ends).await;
        bench.pass(17);
    }
    let keys = bench.queue().keys(0).clone();
    let burst: u64 = bench.server.get(["ZCARD", &keys.burst("ghl/acme")]).await;
    let day: u64 = bench.server.get(["ZCARD", &keys.day("ghl/acme")]).await;
    // 1,020 ms in grains of 100 ms, and in one of 864 s, if none of them begins within.
    assert!(burst <= 12 && day <= 2, "{burst} {day}");
    bench.live(11_000, &[]).await;
    bench.enqueue(&[job("last")]).await;
    bench.claim_one().await;
    let left: u64 = bench.server.get(["EXISTS", &keys.burst("ghl/acme")]).await;
    assert_eq!(left, 0);
}

/// A person reads from the API before any worker has told what the quota is.
#[tokio::test]
async fn those_that_are_taken_before_any_worker_count_once_one_starts() {
    let mut bench = Bench::unregistered(|_| {}).await;
    bench.enqueue(&jobs(9)).await;
    let quotas = ("3/10s".parse().unwrap(), "100/1d".parse().unwrap());
    for _ in 0..2 {
        let taken = bench.queue().take_permit("acme", quotas).await;
        assert_eq!(taken.unwrap(), None);
    }
    // Nothing else may be sent yet.
    assert!(bench.claim(9).await.is_empty());
    bench.quotas("3/10s", "100/1d").await;
    assert_eq!(bench.claim(9).await.len(), 1);
    let wait = bench.queue().take_permit("acme", quotas).await.unwrap();
    assert!(wait.is_some());
}

#[tokio::test]
async fn before_any_worker_no_more_are_taken_than_whoever_asks_knows_of() {
    let bench = Bench::unregistered(|_| {}).await;
    let take = async |burst: &str, daily: &str| {
        let quotas = (burst.parse().unwrap(), daily.parse().unwrap());
        let taken = bench.queue().take_permit("acme", quotas).await;
        taken.unwrap().is_none()
    };
    for expected in [true, true, false] {
        assert_eq!(take("2/10s", "100/1d").await, expected);
    }
    assert!(!take("100/10s", "2/1d").await);
}
