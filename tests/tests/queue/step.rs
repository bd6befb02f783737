//! Redis' clock is set: as much time passes until a permit returns, or a hold ends, as without it.

use std::time::Duration;

use penstock_shared::{
    job::state::{Ending, Hold},
    queue::{claim::Claimed, report::Report, settle::Settlement},
    quota::RateReport,
    span::millis,
};
use penstock_tests::fixture::{Bench, done, job, settlement};

const WINDOW: u64 = 10_000;
const HOUR: u64 = 3_600_000;

/// All ten calls have been made, and jobs are left.
async fn spent() -> Bench {
    let mut bench = Bench::unregistered(|_| {}).await;
    bench.quotas("10/10s", "1000/1d").await;
    let jobs: Vec<_> = (0..40).map(|number| job(&number.to_string())).collect();
    bench.enqueue(&jobs).await;
    for sent in bench.claim(100).await {
        bench.settle(&[done(&sent)]).await;
    }
    assert!(bench.claim(100).await.is_empty());
    bench.watch_clock(0);
    bench
}

/// The clock is set, and a worker tells.
async fn set(bench: &mut Bench, by: i64) -> i64 {
    bench.set_clock(by);
    bench.tell(by).await
}

const AHEAD: i64 = 3_600_000;

#[tokio::test]
async fn set_ahead_no_permit_comes_back_early() {
    let mut bench = spent().await;
    bench.pass(WINDOW / 2);
    assert_eq!(set(&mut bench, AHEAD).await, AHEAD);
    assert!(bench.claim(100).await.is_empty());
    bench.pass(WINDOW / 2 - 1);
    assert!(bench.claim(100).await.is_empty());
    bench.pass(WINDOW / 100 + 1);
    assert_eq!(bench.claim(100).await.len(), 10);
}

#[tokio::test]
async fn set_back_no_permit_comes_back_late() {
    let mut bench = spent().await;
    bench.pass(WINDOW / 2);
    set(&mut bench, -AHEAD).await;
    bench.pass(WINDOW / 2 - 1);
    assert!(bench.claim(100).await.is_empty());
    bench.pass(WINDOW / 100 + 1);
    assert_eq!(bench.claim(100).await.len(), 10);
}

#[tokio::test]
async fn told_by_every_worker_it_counts_once() {
    let mut bench = spent().await;
    assert_eq!(set(&mut bench, AHEAD).await, AHEAD);
    assert_eq!(bench.queue().step(0, AHEAD + 3, 0).await.unwrap(), AHEAD);
    bench.pass(WINDOW + WINDOW / 100);
    assert_eq!(bench.claim(100).await.len(), 10);
}

#[tokio::test]
async fn there_and_back_again_nothing_has_changed() {
    let mut bench = spent().await;
    set(&mut bench, AHEAD).await;
    assert!(bench.claim(100).await.is_empty());
    assert_eq!(set(&mut bench, -AHEAD).await, 0);
    bench.pass(WINDOW - 1);
    assert!(bench.claim(100).await.is_empty());
    bench.pass(WINDOW / 100 + 1);
    assert_eq!(bench.claim(100).await.len(), 10);
}

/// What is believed of the day for an hour.
#[tokio::test]
async fn set_back_nothing_is_believed_for_longer() {
    for (limit, left) in [(1_000, 0), (1, 0)] {
        let mut bench = spent().await;
        bench.pass(WINDOW + WINDOW / 100);
        let jobs = bench.claim(2).await;
        let rate = RateReport {
            daily_limit: Some(limit),
            daily_remaining: Some(left),
            ..RateReport::default()
        };
        let report = Some(Report {
            sent_ms: bench.now,
            rate,
        });
        bench
            .settle(&[Settlement {
                report,
                ..done(&jobs[0])
            }])
            .await;
        set(&mut bench, -10 * AHEAD).await;
        bench.pass(HOUR - 60_000);
        assert!(bench.claim(100).await.is_empty());
        bench.pass(60_000);
        assert_eq!(bench.claim(100).await.len(), 10, "{limit}");
    }
}

/// A call is in flight as the clock is set, and is answered before anybody has told: its permit comes back one window later, by the new clock.
async fn answered_before_it_was_told(by: i64) {
    let mut bench = Bench::unregistered(|_| {}).await;
    bench.quotas("1/10s", "1000/1d").await;
    bench.enqueue(&["a", "b", "c"].map(job)).await;
    // So that some permits are known to have come back already.
    let first = bench.claim_one().await;
    bench.settle(&[done(&first)]).await;
    bench.pass(WINDOW + WINDOW / 100);
    let in_flight = bench.claim_one().await;
    bench.watch_clock(0);
    bench.set_clock(by);
    bench.settle(&[done(&in_flight)]).await;
    bench.tell(by).await;
    bench.pass(WINDOW - 1);
    assert!(bench.claim(100).await.is_empty(), "it came early");
    bench.pass(WINDOW / 100 + 1);
    assert_eq!(bench.claim_ids(100).await, ["c"]);
}

#[tokio::test]
async fn set_ahead_before_an_answer_that_comes_before_it_is_told() {
    answered_before_it_was_told(AHEAD).await;
}

#[tokio::test]
async fn set_back_before_an_answer_that_comes_before_it_is_told() {
    answered_before_it_was_told(-AHEAD).await;
}

/// Its holder has died: nobody prolongs it.
#[tokio::test]
async fn set_back_a_lease_ends_when_it_would_have() {
    let mut bench = spent().await;
    bench.pass(WINDOW);
    let held = bench.claim_one().await;
    set(&mut bench, -AHEAD).await;
    bench.live(60_000, &[]).await;
    let again = bench.claim(100).await;
    let again = again.iter().find(|job| job.reference == held.reference);
    assert_eq!(again.expect("its lease has ended").run.lost(), 1);
}

/// As it is corrected slowly. What nobody prolongs ends as soon as ever.
#[tokio::test]
async fn no_lease_ends_for_many_small_steps_and_none_lasts_longer() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let running = bench.claim_one().await;
    for _ in 0..20 {
        bench.pass(240);
        set(&mut bench, 150).await;
        assert!(bench.claim(10).await.is_empty(), "it was taken over");
    }
    bench.pass(210);
    let again = bench.claim(10).await;
    assert_eq!(again[0].reference, running.reference);
    assert_eq!(again[0].run.lost(), 1);
}

#[tokio::test]
async fn no_lease_ends_for_it() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let running = bench.claim_one().await;
    set(&mut bench, AHEAD).await;
    assert!(bench.claim(10).await.is_empty(), "it was taken over");
    bench.settle(&[done(&running)]).await;
    assert_eq!(bench.queue().stats().await.unwrap().done_total, 1);
}

/// The API says: not for half an hour.
fn throttled(claimed: &Claimed) -> Settlement {
    let back = Ending::Back {
        after: Duration::ZERO,
        attempt: false,
        delivery: false,
    };
    let mut throttled = settlement(claimed, back);
    throttled.transition.hold = Some(Hold {
        wait: Duration::from_millis(HOUR / 2),
        why: "throttled",
        token: None,
    });
    throttled
}

#[tokio::test]
async fn a_hold_that_began_before_it_was_told_lasts_as_long() {
    for by in [AHEAD, -AHEAD] {
        let mut bench = Bench::start().await;
        bench.enqueue(&[job("a"), job("b")]).await;
        let first = bench.claim_one().await;
        bench.watch_clock(0);
        bench.set_clock(by);
        bench.settle(&[throttled(&first)]).await;
        bench.tell(by).await;
        bench.pass(HOUR / 2 - 1);
        assert!(bench.claim(10).await.is_empty(), "{by}");
        bench.pass(1);
        assert_eq!(bench.claim(10).await.len(), 2, "{by}");
    }
}

#[tokio::test]
async fn a_hold_lasts_as_long() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let first = bench.claim_one().await;
    bench.settle(&[throttled(&first)]).await;
    set(&mut bench, AHEAD).await;
    assert!(bench.claim(10).await.is_empty());
    bench.pass(HOUR / 2);
    assert_eq!(bench.claim(10).await.len(), 2);
}

/// Its call may still arrive, for as long as without that: the lease began before, and by its end it is not known when it was sent.
#[tokio::test]
async fn set_ahead_a_dead_workers_permit_comes_back_no_earlier() {
    for by in [600, 30_000, AHEAD] {
        let mut bench = Bench::unregistered(|_| {}).await;
        bench.quotas("1/10s", "1000/1d").await;
        bench.enqueue(&["a", "b"].map(job)).await;
        bench.claim_one().await;
        bench.pass(1_000);
        bench.watch_clock(0);
        set(&mut bench, by).await;
        let queue = bench.queue();
        let terms = queue.terms();
        let late = terms.lease + terms.http_timeout + terms.quarantine;
        let until = bench.now - 1_000 + millis(late) + WINDOW;
        while bench.now + 1 < until {
            let rest = until - 1 - bench.now;
            bench.live(rest.min(1_000), &[]).await;
            assert!(
                bench.claim(10).await.is_empty(),
                "{by}: {}",
                until - bench.now
            );
        }
        // Nobody knows when before its being set the lease was taken.
        bench
            .live(1_000 + millis(terms.lease) + WINDOW / 100, &[])
            .await;
        assert_eq!(bench.claim(10).await.len(), 1, "{by}");
    }
}

/// An hour that nobody lived through must not be taken for one in which the API had time.
#[tokio::test]
async fn a_lease_from_before_the_clock_was_set_has_ended_when_it_is_taken_back() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let before = bench.now;
    bench.claim_one().await;
    set(&mut bench, AHEAD).await;
    bench.claim_one().await;
    bench.live(5001, &[]).await;
    let ended = |job: &Claimed| (job.reference.id().to_owned(), job.run.number("lostAt"));
    let mut lost: Vec<_> = bench.claim(100).await.iter().map(ended).collect();
    lost.sort();
    let expected = [("a", before + 5001), ("b", before + 5000)];
    assert_eq!(lost, expected.map(|(id, at)| (id.to_owned(), Some(at))));
}
