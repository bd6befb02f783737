//! What responses say of the quota: believed where it is less than the ledger thinks, and never where it is more.

use std::time::Duration;

use penstock_shared::{
    queue::{claim::Claimed, report::Report, settle::Settlement},
    quota::RateReport,
};
use penstock_tests::fixture::{Bench, START, delivered, job};

use crate::state::field;

const WINDOW: u64 = 10_000;
/// A permit returns within a hundredth of the window after its time.
const GRAIN: u64 = WINDOW / 100;
const HOUR: u64 = 3_600_000;

/// Ten calls in ten seconds, and jobs for more.
async fn bench(daily: &str) -> Bench {
    let mut bench = Bench::unregistered(|_| {}).await;
    bench.quotas("10/10s", daily).await;
    let jobs: Vec<_> = (0..200).map(|number| job(&format!("j{number}"))).collect();
    bench.enqueue(&jobs).await;
    bench
}

/// Delivered; the response said this.
fn says(claimed: &Claimed, sent_ms: u64, rate: RateReport) -> Settlement {
    Settlement {
        report: Some(Report { sent_ms, rate }),
        ..delivered(claimed)
    }
}

fn burst(max: u32, left: u32) -> RateReport {
    RateReport {
        burst_limit: Some(max),
        burst_remaining: Some(left),
        ..RateReport::default()
    }
}

fn daily(max: u32, left: u32) -> RateReport {
    RateReport {
        daily_limit: Some(max),
        daily_remaining: Some(left),
        ..RateReport::default()
    }
}

/// So many jobs. A lane takes a slot only while it holds fewer than are free, so it is offered twice as many.
async fn take(bench: &mut Bench, count: usize) -> Vec<Claimed> {
    let jobs = bench.claim(2 * count).await;
    assert_eq!(jobs.len(), count);
    jobs
}

/// How many calls the lane may make now: as many jobs as it gets.
async fn free(bench: &mut Bench) -> usize {
    bench.claim(100).await.len()
}

#[tokio::test]
async fn calls_of_somebody_else_are_held_like_our_own() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 2).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, burst(10, 3))]).await;
    // Seven counted, two of them ours.
    assert_eq!(free(&mut bench).await, 10 - 2 - 5);
    bench.pass(WINDOW + GRAIN);
    // One is in flight still, and three more since.
    assert_eq!(free(&mut bench).await, 10 - 4);
}

#[tokio::test]
async fn what_is_held_already_is_not_held_twice() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 3).await;
    let now = bench.now;
    for (job, left) in jobs.iter().zip([4, 3, 2]) {
        bench.settle(&[says(job, now, burst(10, left))]).await;
    }
    // Five of others, three of ours.
    assert_eq!(free(&mut bench).await, 2);
}

/// They may be others than those that were seen before, and are as many.
#[tokio::test]
async fn calls_of_somebody_else_are_held_from_when_they_were_seen_last() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 2).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, burst(10, 3))]).await;
    bench.pass(6_000);
    let later = take(&mut bench, 1).await;
    let now = bench.now;
    // Three of ours, five of others.
    bench.settle(&[says(&later[0], now, burst(10, 2))]).await;
    bench.pass(4_000 + GRAIN);
    // One is in flight, one has just ended, and of others there are five still.
    assert_eq!(free(&mut bench).await, 10 - 2 - 5);
    bench.pass(6_000);
    // Four in flight.
    assert_eq!(free(&mut bench).await, 10 - 4);
}

/// Ten are our part of a hundred: the others' are not taken from it while they are fewer than ninety.
#[tokio::test]
async fn calls_of_somebody_else_beyond_our_quota_are_not_held() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 3).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, burst(100, 60))]).await;
    assert_eq!(free(&mut bench).await, 10 - 3);
}

#[tokio::test]
async fn no_more_is_claimed_than_is_left_of_a_larger_quota() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 3).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, burst(100, 4))]).await;
    assert_eq!(free(&mut bench).await, 4);
    assert_eq!(free(&mut bench).await, 0);
}

/// The first of many that are on their way finds the server's window nearly empty.
#[tokio::test]
async fn calls_on_their_way_are_nobody_elses() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 6).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, burst(10, 9))]).await;
    assert_eq!(free(&mut bench).await, 4);
    bench.settle(&[says(&jobs[5], now, burst(10, 4))]).await;
    assert_eq!(free(&mut bench).await, 0);
}

/// Its call was sent while ten were held; that they came back before it was answered makes them nobody else's.
#[tokio::test]
async fn permits_that_came_back_meanwhile_are_nobody_elses() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 10).await;
    let ends: Vec<_> = jobs[1..].iter().map(delivered).collect();
    bench.settle(&ends).await;
    bench.pass(WINDOW - 1);
    let sent = bench.now;
    bench.pass(GRAIN + 1);
    // Another claim has taken them back.
    take(&mut bench, 1).await;
    bench.settle(&[says(&jobs[0], sent, burst(10, 0))]).await;
    assert_eq!(free(&mut bench).await, 8);
}

#[tokio::test]
async fn announced_limits_count_while_they_are_lower() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 1).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, burst(4, 3))]).await;
    assert_eq!(free(&mut bench).await, 3);
    bench.pass(2 * WINDOW);
    // Three are in flight still.
    let more = take(&mut bench, 1).await;
    // Raised beyond what is configured, which then counts again: ten, less four in flight.
    let now = bench.now;
    bench.settle(&[says(&more[0], now, burst(500, 499))]).await;
    assert_eq!(free(&mut bench).await, 10 - 4);
}

#[tokio::test]
async fn an_announced_longer_interval_moves_what_was_sent_before() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 10).await;
    let mut ends: Vec<_> = jobs.iter().map(delivered).collect();
    let rate = RateReport {
        interval: Some(Duration::from_secs(30)),
        ..burst(10, 0)
    };
    let now = bench.now;
    ends[9] = says(&jobs[9], now, rate);
    bench.settle(&ends).await;
    bench.pass(2 * WINDOW);
    assert_eq!(free(&mut bench).await, 0);
    bench.pass(WINDOW + 3 * GRAIN);
    assert_eq!(free(&mut bench).await, 10);
}

/// Ten were sent, which the configured window counts for as long as ever.
#[tokio::test]
async fn an_announced_shorter_interval_frees_nothing() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 10).await;
    let mut ends: Vec<_> = jobs.iter().map(delivered).collect();
    let rate = RateReport {
        interval: Some(Duration::from_secs(1)),
        ..burst(1, 0)
    };
    let now = bench.now;
    ends[9] = says(&jobs[9], now, rate);
    bench.settle(&ends).await;
    bench.pass(WINDOW - 1);
    assert_eq!(free(&mut bench).await, 0);
    bench.pass(GRAIN + 1);
    assert_eq!(free(&mut bench).await, 1);
}

/// Not even an announced week stops a tenant for longer than an hour.
#[tokio::test]
async fn an_absurd_interval_is_believed_for_an_hour() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 1).await;
    let rate = RateReport {
        interval: Some(Duration::from_secs(7 * 86_400)),
        ..burst(1, 0)
    };
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, rate)]).await;
    bench.pass(HOUR - 1);
    assert_eq!(free(&mut bench).await, 0);
    bench.pass(HOUR / 100 + 1);
    assert_eq!(free(&mut bench).await, 1);
}

#[tokio::test]
async fn of_the_day_the_last_report_counts() {
    let mut bench = bench("100/1d").await;
    let jobs = take(&mut bench, 3).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, daily(100, 4))]).await;
    // 96 counted, three of them ours: four are left, and one of ours has ended.
    assert_eq!(free(&mut bench).await, 4);
    bench.pass(1_000);
    // The API's day has begun anew.
    let now = bench.now;
    bench.settle(&[says(&jobs[1], now, daily(100, 99))]).await;
    assert_eq!(free(&mut bench).await, 10 - 7);
}

#[tokio::test]
async fn of_the_day_an_older_report_says_nothing_any_more() {
    let mut bench = bench("100/1d").await;
    let jobs = take(&mut bench, 3).await;
    let sent = bench.now;
    bench.pass(1_000);
    bench
        .settle(&[says(&jobs[1], sent + 1_000, daily(100, 4))])
        .await;
    // It was sent before, and comes after.
    bench.settle(&[says(&jobs[0], sent, daily(100, 97))]).await;
    assert_eq!(free(&mut bench).await, 4);
}

/// Nobody but the API knows when its day ends.
#[tokio::test]
async fn an_announced_lower_day_is_believed_for_an_hour() {
    let mut bench = bench("100/1d").await;
    let jobs = take(&mut bench, 3).await;
    let mut ends: Vec<_> = jobs.iter().map(delivered).collect();
    let now = bench.now;
    ends[2] = says(&jobs[2], now, daily(2, 0));
    bench.settle(&ends).await;
    let request = bench.request(1);
    let claim = bench.claim_as("w", &request).await;
    assert_eq!(claim.jobs.len(), 0);
    assert_eq!(claim.next, Some(Duration::from_millis(HOUR)));
    bench.pass(HOUR);
    assert_eq!(free(&mut bench).await, 10);
}

#[tokio::test]
async fn that_somebody_else_has_used_the_day_is_believed_for_an_hour() {
    let mut bench = bench("100/1d").await;
    let jobs = take(&mut bench, 1).await;
    let now = bench.now;
    bench.settle(&[says(&jobs[0], now, daily(100, 0))]).await;
    assert_eq!(free(&mut bench).await, 0);
    let request = bench.request(1);
    let next = bench.claim_as("w", &request).await.next;
    assert_eq!(next, Some(Duration::from_millis(HOUR)));
    bench.pass(HOUR);
    assert_eq!(free(&mut bench).await, 10);
}

#[tokio::test]
async fn what_cannot_be_changes_nothing() {
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 4).await;
    let now = bench.now;
    let lies = [
        // More left than there are.
        says(&jobs[0], now, burst(10, 11)),
        // Of a call that has not been sent yet, or long ago.
        says(&jobs[1], now + 1, burst(10, 0)),
        says(&jobs[2], START - WINDOW - 1, burst(10, 0)),
        // Nothing at all.
        says(&jobs[3], now, RateReport::default()),
    ];
    for lie in lies {
        bench.settle(&[lie]).await;
    }
    assert_eq!(free(&mut bench).await, 6);
}

#[tokio::test]
async fn of_what_is_settled_together_the_report_that_leaves_least_counts_though_it_is_not_the_last()
{
    let mut bench = bench("1000/1d").await;
    let jobs = take(&mut bench, 4).await;
    let silence = RateReport::default();
    let reports = [burst(10, 4), burst(10, 7), daily(1000, 500), silence];
    let said = jobs.iter().zip(reports).zip([1, 0, 2, 3]);
    let settlements: Vec<_> = said
        .map(|((job, rate), later)| says(job, START + later, rate))
        .collect();
    bench.now = START + 10;
    bench.settle(&settlements).await;
    // Others were seen to have made two calls: six were counted, of which four were ours.
    assert_eq!(free(&mut bench).await, 4);
    // And the last that says anything is believed too.
    let lane = bench.queue().keys(0).lane("ghl/acme");
    let foreign = field(&bench, &lane, "foreign").await;
    assert_eq!(foreign, Some(format!("496/{}", START + 2 + HOUR)));
}

#[tokio::test]
async fn of_the_day_a_newer_report_of_nobody_else_counts_against_an_older_one() {
    let mut bench = bench("100/1d").await;
    let jobs = take(&mut bench, 3).await;
    let sent = bench.now;
    bench.pass(1_000);
    // A new day of the API's has begun, and the answer of the day before comes after that.
    let new_day = says(&jobs[1], sent + 1_000, daily(100, 99));
    bench.settle(&[new_day]).await;
    bench.settle(&[says(&jobs[0], sent, daily(100, 0))]).await;
    assert!(free(&mut bench).await > 0);
}
