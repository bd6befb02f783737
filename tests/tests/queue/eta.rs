//! What is foreseen at the start of a backlog, held against what then happens: for its middle job, its last one and the whole, within a tenth.
//!
//! `cargo test -p penstock-tests --test queue eta -- --nocapture` prints both.

mod play;

use std::time::Duration;

use penstock_shared::{
    job::state::Hold,
    queue::{Terms, report::Report},
    quota::RateReport,
};
use penstock_tests::fixture::{Bench, Draft, back, delivered, job};

use play::Play;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn jobs(count: usize) -> Vec<Draft> {
    (0..count)
        .map(|number| job(&format!("j{number:05}")))
        .collect()
}

/// The same, each about the contact that this says.
fn about(count: usize, contact: impl Fn(usize) -> usize) -> Vec<Draft> {
    let jobs = jobs(count).into_iter().enumerate();
    jobs.map(|(number, job)| job.contact(&format!("c{}", contact(number))))
        .collect()
}

/// Nobody's lease ends while a test waits for a day to pass.
async fn bench(adjust: impl FnOnce(&mut Terms)) -> Bench {
    Bench::unregistered(|terms| {
        terms.lease = Duration::from_secs(3600);
        adjust(terms);
    })
    .await
}

/// It is known what jobs cost, and long ago that any were sent.
async fn rested(mut play: Play) -> Play {
    play.warm_up(100).await;
    play.pass(2 * DAY).await;
    play
}

/// Workers with so many slots, these quotas, and calls that take so long.
async fn play(slots: &[usize], burst: &str, daily: &str, call_ms: u64) -> Play {
    let bench = bench(|_| {}).await;
    rested(Play::start(bench, slots, (burst, daily), call_ms).await).await
}

#[tokio::test]
async fn the_burst_limits() {
    let mut play = play(&[64], "100/10s", "200000/1d", 200).await;
    play.foretell("burst", &jobs(1_500)).await;
}

#[tokio::test]
async fn a_slow_api() {
    let mut play = play(&[64], "100/10s", "200000/1d", 3_000).await;
    play.foretell("slow API", &jobs(1_000)).await;
}

#[tokio::test]
async fn few_slots() {
    let mut play = play(&[4], "100/10s", "200000/1d", 500).await;
    play.foretell("4 slots", &jobs(600)).await;
}

#[tokio::test]
async fn few_slots_of_many_workers() {
    let mut play = play(&[3, 2, 1, 1], "100/10s", "200000/1d", 2_000).await;
    play.foretell("3+2+1+1 slots", &jobs(500)).await;
}

#[tokio::test]
async fn slots_shared_with_others() {
    let mut play = play(&[48], "100/10s", "200000/1d", 3_000).await;
    for tenant in ["beta", "gamma"] {
        let others: Vec<_> = jobs(600).into_iter().map(|job| job.of(tenant)).collect();
        play.enqueue(&others).await;
    }
    play.foretell("48 slots of 3 tenants", &jobs(500)).await;
}

#[tokio::test]
async fn the_day_limits() {
    let mut play = play(&[64], "50/10s", "300/1d", 200).await;
    play.foretell("daily", &jobs(1_000)).await;
}

#[tokio::test]
async fn a_day_that_is_half_used() {
    let mut play = play(&[64], "50/10s", "300/1d", 200).await;
    play.warm_up(150).await;
    play.pass(8 * HOUR).await;
    play.foretell("daily, half used", &jobs(500)).await;
}

#[tokio::test]
async fn a_window_that_is_half_used_and_calls_in_flight() {
    let mut play = play(&[64], "100/10s", "200000/1d", 800).await;
    play.warm_up(60).await;
    play.pass(4_000).await;
    let flying: Vec<_> = (0..30)
        .map(|number| job(&format!("flying{number}")))
        .collect();
    play.enqueue(&flying).await;
    let now = play.bench.now;
    play.run(Some(now + 300)).await;
    play.foretell("half used, in flight", &jobs(300)).await;
}

#[tokio::test]
async fn two_calls_a_job() {
    let bench = bench(|_| {}).await;
    let mut play = Play::start(bench, &[64], ("20/2s", "200000/1d"), 200).await;
    play.calls = 2;
    let mut play = rested(play).await;
    play.foretell("two calls a job", &jobs(1_000)).await;
}

#[tokio::test]
async fn spread_over_the_day() {
    let bench = bench(|terms| {
        terms.spread = true;
        terms.reserve = 0.1;
    });
    let mut play = Play::start(bench.await, &[64], ("100/10s", "20000/1d"), 200).await;
    play.foretell("spread", &jobs(500)).await;
}

#[tokio::test]
async fn a_share_of_the_day_is_kept() {
    let bench = bench(|terms| terms.reserve = 0.5);
    let mut play = Play::start(bench.await, &[64], ("100/10s", "400/1d"), 200).await;
    play.foretell("half of the day kept", &jobs(500)).await;
}

#[tokio::test]
async fn contacts_with_three_jobs_each() {
    let mut play = play(&[64], "20/2s", "200000/1d", 200).await;
    play.foretell("3 jobs a contact", &about(900, |number| number / 3))
        .await;
}

#[tokio::test]
async fn contacts_by_turns() {
    let mut play = play(&[64], "20/2s", "200000/1d", 200).await;
    play.foretell("contacts by turns", &about(900, |number| number % 300))
        .await;
}

#[tokio::test]
async fn few_contacts() {
    let mut play = play(&[64], "100/10s", "200000/1d", 1_000).await;
    play.foretell("five contacts", &about(500, |number| number % 5))
        .await;
}

#[tokio::test]
async fn a_hold() {
    let mut play = play(&[64], "100/10s", "200000/1d", 200).await;
    play.enqueue(&[job("held")]).await;
    let held = play.bench.claim_one().await;
    let mut end = delivered(&held);
    end.transition.hold = Some(Hold {
        wait: Duration::from_secs(120),
        why: "throttled",
        token: None,
    });
    play.bench.settle(&[end]).await;
    play.foretell("held for 120 s", &jobs(1_000)).await;
}

/// The API announces fewer calls than are configured, and has counted more than were sent.
#[tokio::test]
async fn what_the_api_says() {
    let mut play = play(&[64], "100/10s", "2000/1d", 200).await;
    play.enqueue(&[job("told")]).await;
    let told = play.bench.claim_one().await;
    let mut end = delivered(&told);
    let rate = RateReport {
        burst_limit: Some(40),
        daily_limit: Some(2_000),
        daily_remaining: Some(100),
        ..RateReport::default()
    };
    end.report = Some(Report {
        sent_ms: play.bench.now,
        rate,
    });
    play.bench.settle(&[end]).await;
    play.foretell("announced, foreign", &jobs(1_000)).await;
}

#[tokio::test]
async fn retries() {
    let mut play = play(&[64], "100/10s", "200000/1d", 200).await;
    play.enqueue(&[job("retried")]).await;
    let failed = play.bench.claim_one().await;
    play.bench.settle(&[back(&failed, 300_000)]).await;
    play.foretell("a retry after the last", &jobs(400)).await;
}

#[tokio::test]
async fn high_priority() {
    let mut play = play(&[64], "100/10s", "200000/1d", 200).await;
    play.enqueue(&jobs(500)).await;
    let high: Vec<_> = (0..600)
        .map(|number| job(&format!("h{number:05}")).high())
        .collect();
    play.foretell("high before normal", &high).await;
}

#[tokio::test]
async fn merged_calls() {
    let bench = bench(|terms| terms.coalesce = 10);
    let play = Play::start(bench.await, &[64], ("20/2s", "200000/1d"), 200).await;
    let mut play = rested(play).await;
    play.foretell("merged by tens", &jobs(4_000)).await;
}

#[tokio::test]
async fn some_fail_at_first() {
    let bench = bench(|_| {}).await;
    let mut play = Play::start(bench, &[64], ("100/10s", "200000/1d"), 200).await;
    play.fails = Some(5);
    let mut play = rested(play).await;
    play.foretell("every fifth fails once", &jobs(1_500)).await;
}
