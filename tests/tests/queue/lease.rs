//! Leases: kept by renewing, taken over when they end, and spared when Redis was away.

use std::time::Duration;

use penstock_shared::{
    job::state::State,
    queue::settle::{Advance, Fields, Settled, Step},
};
use penstock_tests::fixture::{Bench, START, back, done, ids, job};

use crate::state::{lasting, run_field};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn one_that_ended_is_taken_over_and_counted() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let first = bench.claim_one().await;
    assert_eq!((first.deliveries, first.run.lost()), (1, 0));
    // The last millisecond of a lease is its holder's.
    bench.live(5000, &[]).await;
    assert!(bench.claim(1).await.is_empty());
    bench.live(1, &[]).await;
    let second = bench.claim_one().await;
    assert_eq!((second.deliveries, second.run.lost()), (2, 1));
    assert_eq!(second.run.number("lostAt"), Some(START + 5000));
    assert_eq!(second.run.attempts(), 0);
    bench.live(5001, &[]).await;
    let third = bench.claim_one().await;
    assert_eq!((third.deliveries, third.run.lost()), (3, 2));
    // A failed attempt is an end: what is counted is deliveries in a row without one.
    bench.settle(&[back(&third, 0)]).await;
    let fourth = bench.claim_one().await;
    assert_eq!(
        (fourth.deliveries, fourth.run.lost(), fourth.run.attempts()),
        (4, 0, 1)
    );
}

/// It was set ahead by less than what would be taken for Redis having been away.
#[tokio::test]
async fn redis_clock_set_ahead_ends_none() {
    const STEP: i64 = 3_200;
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    bench.live(2_000, &[]).await;
    bench.watch_clock(0);
    bench.set_clock(STEP);
    assert!(bench.claim(1).await.is_empty());
    bench.tell(STEP).await;
    bench.live(100, std::slice::from_ref(&a)).await;
    assert!(bench.claim(1).await.is_empty());
    assert_eq!(bench.settle(&[done(&a)]).await, [Settled::Ok]);
}

/// A worker says that it lives just as the clock is ahead for a moment, which nobody has noticed.
#[tokio::test]
async fn one_ends_in_time_after_redis_clock_was_ahead_for_a_moment() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    bench.claim_one().await;
    bench.set_clock(HOUR);
    bench.queue().renew(0, "other", &[]).await.unwrap();
    bench.set_clock(-HOUR);
    assert!(bench.claim(1).await.is_empty());
    bench.live(5_001, &[]).await;
    assert_eq!(bench.claim_one().await.run.lost(), 1);
}

/// The first to come after it was away tells that its clock was set.
#[tokio::test]
async fn none_ends_for_redis_having_been_away_though_its_clock_was_set() {
    for by in [200, -600] {
        let mut bench = Bench::start().await;
        bench.enqueue(&[job("a")]).await;
        let a = bench.claim_one().await;
        bench.pass(6_000);
        bench.set_clock(by);
        bench.queue().step(0, by, 0).await.unwrap();
        let request = bench.request(1);
        assert!(bench.claim_as("other", &request).await.jobs.is_empty());
        assert_eq!(bench.settle(&[done(&a)]).await, [Settled::Ok]);
    }
}

/// The same request, whose answer was lost, gives the same.
#[tokio::test]
async fn a_claim_is_repeated_though_redis_clock_was_set() {
    for steps in [
        &[150][..],
        &[-600],
        &[-HOUR],
        &[HOUR],
        &[-HOUR, HOUR / 2],
        &[-HOUR, HOUR],
    ] {
        for (told, passed) in [(false, 0), (false, 400), (true, 0), (true, 4_000)] {
            let mut bench = Bench::start().await;
            bench.enqueue(&[job("a"), job("b")]).await;
            bench.watch_clock(0);
            bench.set_clock(HOUR);
            bench.tell(HOUR).await;
            let request = bench.request(1);
            let lost = ids(&bench.claim_as("w", &request).await.jobs);
            for by in steps {
                bench.set_clock(*by);
                if told {
                    bench.tell(*by).await;
                }
                bench.pass(1);
            }
            bench.pass(passed);
            let again = ids(&bench.claim_as("w", &request).await.jobs);
            assert_eq!(again, lost, "{steps:?} {told} {passed}");
        }
    }
}

/// What ended its worker may have been a neighbour: the count that makes a job poisonous needs a delivery alone.
#[tokio::test]
async fn past_the_second_only_a_delivery_alone_is_counted() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    for lost in [0, 1, 2, 2, 2] {
        assert_eq!(bench.claim_one().await.run.lost(), lost);
        bench.live(5001, &[]).await;
    }
    let alone = bench.claim_one().await;
    let step = Step {
        number: 1,
        answered: false,
        fields: Fields::from([("alone", alone.token.to_string())]),
        intent: None,
        report: None,
        calls: 0,
        took: Duration::ZERO,
    };
    let queue = bench.queue();
    let advance = queue.advance(&alone.reference, alone.token, &step).await;
    assert_eq!(advance.unwrap(), Advance::Granted);
    bench.live(5001, &[]).await;
    assert_eq!(bench.claim_one().await.run.lost(), 3);
    // The next was not alone.
    bench.live(5001, &[]).await;
    assert_eq!(bench.claim_one().await.run.lost(), 3);
}

#[tokio::test]
async fn one_that_is_renewed_is_kept_by_its_holder() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let kept = bench.claim_one().await;
    let dropped = bench.claim_one().await;
    bench.live(60_000, std::slice::from_ref(&kept)).await;
    assert_eq!(ids(&bench.claim(4).await), [dropped.reference.id()]);
    assert_eq!(bench.status("a").await.lease_ms, Some(START + 65_000));
}

#[tokio::test]
async fn renewing_again_at_the_same_moment_changes_nothing() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    bench.live(1000, std::slice::from_ref(&a)).await;
    let before = bench.snapshot().await;
    let held = [(a.reference.clone(), a.token)];
    let renewed = bench.queue().renew(0, "w", &held).await.unwrap();
    assert_eq!(renewed.lost, []);
    assert_eq!(bench.snapshot().await, before);
}

/// It is back in its lane, and a lease beside that would let two have it.
#[tokio::test]
async fn what_has_ended_gets_no_lease_by_renewing() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    bench.settle(&[back(&a, 500)]).await;
    let before = lasting(&bench).await;
    let held = [(a.reference.clone(), a.token)];
    let lost = bench.queue().renew(0, "w", &held).await.unwrap().lost;
    assert_eq!(lost, [a.reference]);
    assert_eq!(lasting(&bench).await, before);
}

#[tokio::test]
async fn one_claim_takes_over_a_bounded_number() {
    let mut bench = Bench::start().await;
    let drafts: Vec<_> = (10..30).map(|number| job(&number.to_string())).collect();
    bench.enqueue(&drafts).await;
    assert_eq!(bench.claim(40).await.len(), 20);
    bench.live(6000, &[]).await;
    assert_eq!(bench.claim(40).await.len(), 16);
    assert_eq!(bench.claim(40).await.len(), 4);
}

#[tokio::test]
async fn a_silence_of_all_workers_ends_none_for_a_whole_lease() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    bench.claim_one().await;
    // Redis is away; the first to speak is another worker.
    bench.pass(60_000);
    let request = bench.request(1);
    assert!(bench.claim_as("v", &request).await.jobs.is_empty());
    assert_eq!(bench.state_of("a").await, State::Running);
    // Once: the silence is over, and its holder has still not spoken.
    bench.live(4999, &[]).await;
    assert!(bench.claim(1).await.is_empty());
    bench.live(1, &[]).await;
    assert_eq!(bench.claim_ids(1).await, ["a"]);
}

#[tokio::test]
async fn after_a_silence_its_holder_goes_on() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    bench.pass(60_000);
    assert!(bench.claim(1).await.is_empty());
    bench.live(20_000, std::slice::from_ref(&a)).await;
    assert!(bench.claim(1).await.is_empty());
    assert_eq!(bench.status("a").await.lease_ms, Some(bench.now + 5000));
    assert_eq!(run_field(&bench, "a", "lost").await, None);
}

/// Renewals notice the silence too: the first command after it may be any worker's.
#[tokio::test]
async fn a_silence_that_a_renewal_ends_spares_the_leases_too() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    bench.claim_one().await;
    bench.pass(3334);
    bench.queue().renew(0, "v", &[]).await.unwrap();
    bench.live(2000, &[]).await;
    assert!(bench.claim(1).await.is_empty());
    bench.live(3000, &[]).await;
    assert_eq!(bench.claim_ids(1).await, ["a"]);
}

#[tokio::test]
async fn a_silence_of_two_thirds_of_a_lease_is_none() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    bench.claim_one().await;
    bench.pass(3333);
    bench.queue().renew(0, "v", &[]).await.unwrap();
    bench.live(1668, &[]).await;
    assert_eq!(bench.claim_ids(1).await, ["a"]);
}
