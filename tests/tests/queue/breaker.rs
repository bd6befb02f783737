//! The breaker: an outage of the API costs a probe at a time.

use std::time::Duration;

use penstock_shared::{
    job::state::{Api, Ending},
    outcome::Permit,
    queue::{
        claim::Claimed,
        reference::Lane,
        settle::{Advance, Settlement},
    },
};
use penstock_tests::fixture::{Bench, back, done, job, settlement};

fn said(mut end: Settlement, api: Api) -> Settlement {
    end.transition.api = Some(api);
    end
}

fn down(claimed: &Claimed) -> Settlement {
    said(back(claimed, 0), Api::Down)
}

async fn is_open(bench: &Bench) -> bool {
    bench
        .queue()
        .lane_status(&Lane::ghl("acme"))
        .await
        .unwrap()
        .breaker_open
}

/// A lane of ten jobs of which five calls have failed in a row.
async fn broken() -> Bench {
    let mut bench = Bench::start().await;
    let drafts: Vec<_> = (0..10).map(|number| job(&number.to_string())).collect();
    bench.enqueue(&drafts).await;
    for job in bench.claim(10).await {
        assert!(!is_open(&bench).await);
        bench.settle(&[down(&job)]).await;
    }
    bench
}

#[tokio::test]
async fn failures_in_a_row_open_it_and_others_go_on() {
    let mut bench = broken().await;
    assert!(is_open(&bench).await);
    bench
        .enqueue(&[job("high").high(), job("z").of("zenith")])
        .await;
    assert_eq!(bench.claim_ids(40).await, ["z"]);
}

#[tokio::test]
async fn a_success_between_starts_the_count_again() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b"), job("c")]).await;
    for round in 0..2 {
        for _ in 0..4 {
            let job = bench.claim_one().await;
            bench.settle(&[down(&job)]).await;
        }
        let job = bench.claim_one().await;
        bench.settle(&[said(done(&job), Api::Up)]).await;
        assert!(!is_open(&bench).await, "{round}");
    }
}

#[tokio::test]
async fn one_probe_goes_out_at_a_time() {
    let mut bench = broken().await;
    bench.pass(4999);
    assert!(bench.claim(40).await.is_empty());
    bench.pass(1);
    let probes = bench.claim(40).await;
    assert_eq!(probes.len(), 1);
    assert!(probes[0].probe);
    // While it is out there is no other, however long it takes.
    bench.live(60_000, &probes).await;
    assert!(bench.claim(40).await.is_empty());
    bench.settle(&[down(&probes[0])]).await;
    bench.pass(4999);
    assert!(bench.claim(40).await.is_empty());
    bench.pass(1);
    assert_eq!(bench.claim(40).await.len(), 1);
}

#[tokio::test]
async fn a_probe_that_succeeds_closes_it_at_once() {
    let mut bench = broken().await;
    bench.pass(5000);
    let probe = bench.claim_one().await;
    bench.settle(&[said(done(&probe), Api::Up)]).await;
    assert!(!is_open(&bench).await);
    let next = bench.claim(40).await;
    assert_eq!(next.len(), 9);
    assert!(next.iter().all(|job| !job.probe));
}

/// Its own call may take long; the others need not wait for that.
#[tokio::test]
async fn a_probe_that_was_answered_once_lets_the_others_go_on() {
    let mut bench = broken().await;
    bench.pass(5000);
    let probe = bench.claim_one().await;
    assert_eq!(bench.next_call(&probe).await, Advance::Granted);
    let others = bench.claim(40).await;
    assert_eq!(others.len(), 9);
    assert!(others.iter().all(|job| !job.probe));
}

/// Its own call waits for a permit, but the API has answered.
#[tokio::test]
async fn a_probe_that_was_answered_once_closes_it() {
    let mut bench = broken().await;
    bench.quotas("1/20s", "200000/1d").await;
    bench.pass(20_000);
    let probe = bench.claim_one().await;
    assert!(probe.probe);
    for _ in 0..2 {
        assert_eq!(bench.next_call(&probe).await, Advance::Later);
        assert!(!is_open(&bench).await);
    }
    bench.pass(20_000);
    assert!(!bench.claim_one().await.probe);
}

/// A call that was out when the breaker opened tells as much as a probe.
#[tokio::test]
async fn a_late_success_closes_it_too() {
    let mut bench = Bench::start().await;
    let drafts: Vec<_> = (0..8).map(|number| job(&number.to_string())).collect();
    bench.enqueue(&drafts).await;
    let jobs = bench.claim(12).await;
    for job in &jobs[..5] {
        bench.settle(&[down(job)]).await;
    }
    assert!(is_open(&bench).await);
    bench.settle(&[said(done(&jobs[5]), Api::Up)]).await;
    assert!(!is_open(&bench).await);
    assert_eq!(bench.claim(40).await.len(), 7);
}

#[tokio::test]
async fn a_probe_whose_worker_died_is_followed_by_another() {
    let mut bench = broken().await;
    bench.pass(5000);
    assert_eq!(bench.claim(40).await.len(), 1);
    bench.live(6000, &[]).await;
    let next = bench.claim(40).await;
    assert_eq!(next.len(), 1);
    assert!(next[0].probe);
}

#[tokio::test]
async fn a_probe_that_was_not_sent_is_followed_by_another() {
    let mut bench = broken().await;
    bench.pass(5000);
    let probe = bench.claim_one().await;
    let ending = Ending::Back {
        after: Duration::from_secs(1),
        attempt: false,
        delivery: false,
    };
    let mut unsent = settlement(&probe, ending);
    unsent.transition.permit = Permit::Unsent;
    bench.settle(&[unsent]).await;
    let next = bench.claim(40).await;
    assert_eq!(next.len(), 1);
    assert!(next[0].probe);
    assert!(is_open(&bench).await);
}
