//! `govern`: paused, resumed, given quotas of its own.

use std::time::Duration;

use penstock_shared::{
    job::state::{Api, Hold},
    queue::{
        govern::{Govern, Own},
        reference::Lane,
        status::LaneStatus,
    },
};
use penstock_tests::fixture::{Bench, START, back, done, job};

async fn govern(bench: &Bench, govern: Govern) {
    bench.queue().govern("acme", &govern).await.unwrap();
}

async fn lane(bench: &Bench) -> LaneStatus {
    bench.queue().lane_status(&Lane::ghl("acme")).await.unwrap()
}

#[tokio::test]
async fn what_is_paused_starts_nothing_and_others_go_on() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[
            job("a"),
            job("later").run_at(START + 10),
            job("z").of("zenith"),
        ])
        .await;
    govern(&bench, Govern::Pause).await;
    assert_eq!(bench.claim_ids(9).await, ["z"]);
    bench.pass(100);
    let request = bench.request(9);
    let claim = bench.claim_as("w", &request).await;
    // It waits for a person, not for a moment.
    assert_eq!((claim.jobs.len(), claim.next), (0, None));
    govern(&bench, Govern::Resume).await;
    assert_eq!(bench.drain().await, ["a", "later"]);
}

#[tokio::test]
async fn governing_twice_is_governing_once() {
    let bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let own = Govern::Set {
        burst: Some(Own::Quota("7/1s".parse().unwrap())),
        daily: None,
        weight: Some(3),
    };
    for way in [Govern::Pause, own, Govern::Reauthorise, Govern::Resume] {
        govern(&bench, way).await;
        let before = bench.snapshot().await;
        govern(&bench, way).await;
        assert_eq!(bench.snapshot().await, before, "{way:?}");
    }
}

#[tokio::test]
async fn what_runs_when_it_is_paused_ends_and_its_contacts_next_waits() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c"), job("b").contact("c")])
        .await;
    let a = bench.claim_one().await;
    govern(&bench, Govern::Pause).await;
    bench.settle(&[done(&a)]).await;
    assert!(bench.claim(9).await.is_empty());
    // More comes in, and it stays paused.
    bench.enqueue(&[job("c").high()]).await;
    assert!(bench.claim(9).await.is_empty());
    govern(&bench, Govern::Resume).await;
    assert_eq!(bench.drain().await, ["c", "b"]);
}

#[tokio::test]
async fn to_resume_ends_a_hold_and_an_open_breaker() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    for _ in 0..5 {
        let mut down = back(&bench.claim_one().await, 0);
        down.transition.api = Some(Api::Down);
        bench.settle(&[down]).await;
    }
    assert!(lane(&bench).await.breaker_open);
    assert!(bench.claim(9).await.is_empty());
    govern(&bench, Govern::Resume).await;
    assert!(!lane(&bench).await.breaker_open);
    let mut given = bench.claim_ids(9).await;
    given.sort();
    assert_eq!(given, ["a", "b"]);
}

#[tokio::test]
async fn new_credentials_end_the_hold_for_want_of_them_but_no_pause() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let mut refused = back(&bench.claim_one().await, 0);
    refused.transition.hold = Some(Hold {
        wait: Duration::from_secs(86_400),
        why: "needs-authorisation",
        token: Some("f1".into()),
    });
    bench.settle(&[refused]).await;
    let known = bench.queue().refused().await.unwrap();
    assert_eq!(known.tokens, [(Lane::ghl("acme"), "f1".to_owned())]);
    assert_eq!(
        lane(&bench).await.why.as_deref(),
        Some("needs-authorisation")
    );
    govern(&bench, Govern::Pause).await;
    govern(&bench, Govern::Reauthorise).await;
    let known = bench.queue().refused().await.unwrap();
    assert_eq!(known.tokens, []);
    assert!(bench.claim(9).await.is_empty());
    govern(&bench, Govern::Resume).await;
    assert_eq!(bench.claim_ids(9).await, ["a"]);
}

#[tokio::test]
async fn quotas_of_its_own_go_before_those_in_force() {
    let mut bench = Bench::start().await;
    bench.quotas("2/10s", "9/1d").await;
    let drafts: Vec<_> = (0..9).map(|number| job(&number.to_string())).collect();
    let others: Vec<_> = drafts
        .iter()
        .map(|draft| draft.clone().of("zenith"))
        .collect();
    bench.enqueue(&[drafts, others].concat()).await;
    let of = |jobs: &[penstock_shared::queue::claim::Claimed], tenant: &str| {
        jobs.iter()
            .filter(|job| job.reference.tenant() == tenant)
            .count()
    };
    let first = bench.claim(40).await;
    assert_eq!((of(&first, "acme"), of(&first, "zenith")), (2, 2));
    // A higher one of its own counts at once, though the lane waits for the end of a call.
    let own = Govern::Set {
        burst: Some(Own::Quota("5/10s".parse().unwrap())),
        daily: None,
        weight: None,
    };
    govern(&bench, own).await;
    let claimed = bench.claim(40).await;
    assert_eq!((of(&claimed, "acme"), of(&claimed, "zenith")), (3, 0));
    assert_eq!(claimed[0].quotas.0.to_string(), "5/10s");
    assert_eq!(claimed[0].quotas.1.to_string(), "9/1d");
    // And it can be taken back.
    let inherited = Govern::Set {
        burst: Some(Own::Default),
        daily: None,
        weight: None,
    };
    govern(&bench, inherited).await;
    let ends: Vec<_> = first.iter().chain(&claimed).map(done).collect();
    bench.settle(&ends).await;
    bench.pass(10_200);
    let claimed = bench.claim(40).await;
    assert_eq!(of(&claimed, "acme"), 2);
}
