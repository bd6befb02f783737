//! Holds: a lane that is told to wait costs nothing, and the others go on.

use std::time::Duration;

use penstock_shared::{
    job::state::{Ending, Hold},
    queue::{claim::Claimed, reference::Lane, settle::Settlement},
};
use penstock_tests::fixture::{Bench, START, done, job, settlement};

fn held(claimed: &Claimed, seconds: u64, why: &'static str) -> Settlement {
    let ending = Ending::Back {
        after: Duration::ZERO,
        attempt: false,
        delivery: false,
    };
    let mut end = settlement(claimed, ending);
    end.transition.hold = Some(Hold {
        wait: Duration::from_secs(seconds),
        why,
        token: None,
    });
    end
}

async fn held_until(bench: &Bench) -> (Option<u64>, Option<String>) {
    let lane = bench.queue().lane_status(&Lane::ghl("acme")).await.unwrap();
    (lane.held_until_ms, lane.why)
}

#[tokio::test]
async fn nothing_of_a_held_lane_starts_and_others_go_on() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let a = bench.claim_one().await;
    bench.settle(&[held(&a, 30, "throttled")]).await;
    bench
        .enqueue(&[job("high").high(), job("z").of("zenith")])
        .await;
    assert_eq!(bench.claim_ids(40).await, ["z"]);
    bench.pass(29_999);
    let request = bench.request(40);
    let claim = bench.claim_as("w", &request).await;
    assert_eq!(
        (claim.jobs.len(), claim.next),
        (0, Some(Duration::from_millis(1)))
    );
    bench.pass(1);
    // Neither an attempt nor a delivery was counted, and it kept its place.
    let again = bench.claim(40).await;
    let a = again
        .iter()
        .find(|job| job.reference == a.reference)
        .unwrap();
    assert_eq!((a.deliveries, a.run.attempts()), (1, 0));
    assert_eq!(held_until(&bench).await, (None, None));
}

#[tokio::test]
async fn redis_clock_set_ahead_ends_none() {
    const AHEAD: i64 = 3_600_000;
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    bench.settle(&[held(&a, 30, "throttled")]).await;
    bench.watch_clock(0);
    bench.set_clock(AHEAD);
    assert!(bench.claim(1).await.is_empty());
    bench.tell(AHEAD).await;
    for (pass, given) in [(29_999, 0), (1, 1)] {
        bench.pass(pass);
        assert_eq!(bench.claim(1).await.len(), given);
    }
}

#[tokio::test]
async fn the_longest_hold_counts() {
    let mut bench = Bench::start().await;
    bench.enqueue(&["a", "b", "c"].map(job)).await;
    let jobs = bench.claim(6).await;
    bench.settle(&[held(&jobs[0], 30, "throttled")]).await;
    bench.settle(&[held(&jobs[1], 10, "breaker")]).await;
    assert_eq!(
        held_until(&bench).await,
        (Some(START + 30_000), Some("throttled".into()))
    );
    bench
        .settle(&[held(&jobs[2], 40, "needs-authorisation")])
        .await;
    let until = (Some(START + 40_000), Some("needs-authorisation".into()));
    assert_eq!(held_until(&bench).await, until);
}

/// A success of a call that was sent before says nothing about the hold.
#[tokio::test]
async fn a_success_does_not_end_a_hold() {
    let mut bench = Bench::start().await;
    bench.enqueue(&["a", "b"].map(job)).await;
    let jobs = bench.claim(4).await;
    bench.settle(&[held(&jobs[0], 30, "throttled")]).await;
    let mut up = done(&jobs[1]);
    up.transition.api = Some(penstock_shared::job::state::Api::Up);
    bench.settle(&[up]).await;
    assert_eq!(held_until(&bench).await.0, Some(START + 30_000));
}
