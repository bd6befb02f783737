//! What there is to do: all of it, and what could run now if there were more workers.

use penstock_shared::{
    job::state::Api,
    queue::{demand::Demand, govern::Govern},
};
use penstock_tests::fixture::{Bench, Draft, back, done, job};

fn jobs(count: usize) -> Vec<Draft> {
    (0..count)
        .map(|number| job(&format!("j{number}")))
        .collect()
}

async fn demand(bench: &Bench) -> (u64, u64) {
    let Demand {
        backlog,
        eligible,
        dead,
    } = bench.queue().demand().await.unwrap();
    let stats = bench.queue().stats().await.unwrap();
    assert_eq!((stats.eligible, stats.dead), (eligible, dead));
    (backlog, eligible)
}

#[tokio::test]
async fn due_jobs_are_eligible_as_far_as_permits_are_free() {
    let mut bench = Bench::start().await;
    bench.quotas("10/10s", "200000/1d").await;
    assert_eq!(demand(&bench).await, (0, 0));
    bench.enqueue(&jobs(6)).await;
    bench
        .enqueue(&[job("behind").contact("contact-6a30")])
        .await;
    assert_eq!(demand(&bench).await, (7, 6));
    let claimed = bench.claim(8).await;
    assert_eq!(claimed.len(), 4);
    assert_eq!(demand(&bench).await, (7, 2));
    bench
        .enqueue(&(10..30).map(|n| job(&format!("j{n}"))).collect::<Vec<_>>())
        .await;
    assert_eq!(demand(&bench).await, (27, 6));
    bench.claim(40).await;
    assert_eq!(demand(&bench).await, (27, 0));
}

#[tokio::test]
async fn what_waits_for_its_moment_is_not_before_it_has_come() {
    let mut bench = Bench::start().await;
    let later = bench.now + 5_000;
    bench
        .enqueue(&[job("later").run_at(later), job("again")])
        .await;
    let again = bench.claim_one().await;
    bench.settle(&[back(&again, 3_000)]).await;
    assert_eq!(demand(&bench).await, (2, 0));
    // No worker has moved it yet: there may be none.
    bench.pass(3_000);
    assert_eq!(demand(&bench).await, (2, 1));
    bench.pass(2_000);
    assert_eq!(demand(&bench).await, (2, 2));
}

#[tokio::test]
async fn what_a_person_or_a_hold_stops_is_not() {
    let bench = Bench::start().await;
    bench.enqueue(&jobs(3)).await;
    let queue = bench.queue();
    queue.govern("acme", &Govern::Pause).await.unwrap();
    assert_eq!(demand(&bench).await, (3, 0));
    queue.govern("acme", &Govern::Resume).await.unwrap();
    assert_eq!(demand(&bench).await, (3, 3));
}

#[tokio::test]
async fn behind_an_open_breaker_one_is() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs(9)).await;
    for job in bench.claim(10).await {
        let mut down = back(&job, 0);
        down.transition.api = Some(Api::Down);
        bench.settle(&[down]).await;
    }
    assert_eq!(demand(&bench).await, (9, 0));
    bench.pass(5_000);
    assert_eq!(demand(&bench).await, (9, 1));
    bench.claim_one().await;
    assert_eq!(demand(&bench).await, (9, 0));
}

#[tokio::test]
async fn the_days_reserve_is_for_high_ones() {
    let mut bench = Bench::with(|terms| terms.reserve = 0.5).await;
    bench.quotas("100/10s", "10/1d").await;
    bench.enqueue(&jobs(8)).await;
    for job in bench.claim(40).await {
        bench.settle(&[done(&job)]).await;
    }
    assert_eq!(demand(&bench).await, (3, 0));
    bench.enqueue(&[job("h1").high(), job("h2").high()]).await;
    assert_eq!(demand(&bench).await, (5, 2));
}

/// More lanes than one page.
#[tokio::test]
async fn every_lane_is_looked_at() {
    let bench = Bench::start().await;
    let one_each = (0..450).map(|number| job("a").of(&format!("t{number}")));
    bench.enqueue(&one_each.collect::<Vec<_>>()).await;
    assert_eq!(demand(&bench).await, (450, 450));
}
