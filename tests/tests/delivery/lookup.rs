//! Contacts named by email or phone: looked up once, remembered, and forgotten when they are gone.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::job,
    harness::RedisOptions,
    sandbox::{Options, Quota},
};
use serde_json::json;

use crate::stage::{ACME, Stage};

const JANE: &str = "jane@example.com";

fn searches(stage: &Stage) -> u64 {
    let seen = stage.sandbox.summary();
    let of = |operation| seen.by_operation.get(operation).copied().unwrap_or(0);
    of("get-duplicate-contact")
}

#[tokio::test]
async fn a_contact_is_looked_up_once_whatever_it_is_named_by() {
    let stage = Stage::start(&[]).await;
    let jane = json!({ "id": "jane", "email": JANE, "phone": "+14155550100", "locationId": ACME });
    stage.sandbox.seed_contact(&jane).unwrap();
    let worker = stage.worker().await;
    stage
        .enqueue(&[job("1").email(JANE), job("2").email(JANE).note("By email")])
        .await;
    stage.until_done(2).await;
    assert_eq!(searches(&stage), 1);
    stage.enqueue(&[job("3").phone("+14155550100")]).await;
    stage.until_done(3).await;
    assert_eq!(searches(&stage), 1, "the answer said its phone too");
    drop(worker);
    // It is remembered by all workers, not by one.
    let _another = stage.worker().await;
    stage
        .enqueue(&[
            job("4").phone("+14155550100").task("Call"),
            job("5").email(JANE),
        ])
        .await;
    stage.until_done(5).await;
    assert_eq!(searches(&stage), 1);
    assert_eq!(stage.operations_on("jane").len(), 5);
}

#[tokio::test]
async fn what_an_upsert_answers_is_remembered() {
    let stage = Stage::start(&[]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[
            job("made").upsert(JANE, "+14155550100"),
            job("1").email(JANE),
            job("2").phone("+14155550100"),
        ])
        .await;
    stage.until_done(3).await;
    assert_eq!(searches(&stage), 0);
}

/// With one permit at a time each look-up waits for one, and what it found waits for the next.
#[tokio::test]
async fn a_look_up_takes_a_permit_too_and_is_not_repeated_for_want_of_the_next() {
    const JOBS: usize = 4;
    let mut options = Options::default();
    options.quota.burst = Quota {
        calls: 1,
        window: std::time::Duration::from_secs(1),
    };
    let stage = Stage::on(RedisOptions::default(), options).await;
    for at in 0..JOBS {
        stage.person(&format!("p{at}"), &format!("p{at}@example.com"));
    }
    let drafts: Vec<_> = (0..JOBS)
        .map(|at| job(&format!("{at}")).email(&format!("p{at}@example.com")))
        .collect();
    stage.enqueue(&drafts).await;
    let settings = [("PENSTOCK_GHL_BURST", "1/1s")];
    let _workers = (
        stage.worker_with(&settings).await,
        stage.worker_with(&settings).await,
    );
    stage.until_done(JOBS as u64).await;
    let seen = stage.sandbox.summary();
    assert_eq!((searches(&stage), seen.calls, seen.over_quota), (4, 8, 0));
}

#[tokio::test]
async fn a_remembered_contact_that_is_gone_is_forgotten_and_looked_up_once_more() {
    let stage = Stage::start(&[]).await;
    stage.person("old", JANE);
    let _worker = stage.worker().await;
    stage.enqueue(&[job("1").email(JANE)]).await;
    stage.until_done(1).await;
    stage
        .by_another(reqwest::Method::DELETE, "/contacts/old", json!({}))
        .await;
    stage.person("new", JANE);
    stage.enqueue(&[job("2").email(JANE).note("Again")]).await;
    stage.until_done(2).await;
    assert_eq!(
        stage.operations_on("old"),
        ["add-tags", "delete-contact", "create-note"]
    );
    assert_eq!(stage.operations_on("new"), ["create-note"]);
    assert_eq!(
        (searches(&stage), stage.status("2").await.attempts()),
        (2, 0)
    );
}

#[tokio::test]
async fn a_contact_that_is_found_but_does_not_exist_is_not_looked_up_for_ever() {
    let stage = Stage::start(&["404:op=add-tags:message=Contact not found"]).await;
    stage.person("ghost", JANE);
    let _worker = stage.worker().await;
    stage.enqueue(&[job("1").email(JANE)]).await;
    stage.until_state("1", State::Dead).await;
    let dead = stage.dead("1").await;
    assert_eq!(dead.cause, "contact-not-found");
    assert_eq!(dead.run.text("httpStatus"), Some("404"));
    assert_eq!(
        (searches(&stage), stage.operations_on("ghost").len()),
        (2, 2)
    );
}

#[tokio::test]
async fn a_contact_that_the_search_does_not_show_yet_is_looked_up_again() {
    let stage = Stage::start(&["search-lag=1h"]).await;
    stage.person("jane", JANE);
    let _worker = stage.worker().await;
    stage.enqueue(&[job("1").email(JANE).note("Once")]).await;
    for looks in 1..=3 {
        stage
            .until_seen("a look-up", |seen| {
                seen.by_operation.get("get-duplicate-contact") == Some(&looks)
            })
            .await;
        let waiting = stage.until_state("1", State::Scheduled).await;
        let deliveries = waiting.deliveries;
        assert_eq!((waiting.attempts(), deliveries), (0, 0));
        if looks == 3 {
            stage.faults(&[]);
        }
        stage.hasten("1").await;
    }
    stage.until_done(1).await;
    assert_eq!(
        (searches(&stage), stage.operations_on("jane")),
        (4, vec!["create-note"])
    );
}

/// That nobody is there by that name is no refusal, however it is said.
#[tokio::test]
async fn a_search_that_says_404_has_not_found_anybody_yet() {
    let stage = Stage::start(&["404:op=get-duplicate-contact:count=1"]).await;
    stage.person("jane", JANE);
    let _worker = stage.worker().await;
    stage.enqueue(&[job("1").email(JANE)]).await;
    let waiting = stage.until_state("1", State::Scheduled).await;
    assert_eq!(waiting.attempts(), 0);
    stage.hasten("1").await;
    stage.until_done(1).await;
    assert_eq!(searches(&stage), 2);
}

#[tokio::test]
async fn a_contact_that_is_not_found_for_two_minutes_is_a_dead_letter() {
    let stage = Stage::start(&[]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("1").email(JANE), job("2").email(JANE)])
        .await;
    let waiting = stage.until_state("1", State::Scheduled).await;
    assert_eq!(stage.status("2").await.state, State::Blocked);
    // As if the first look had been two minutes ago.
    let first = waiting.run.number("lookup").expect("it is on record");
    let run = stage.queue.keys(0).run("acme/1");
    let earlier = (first - 120_000).to_string();
    stage.redis.cli(["HSET", &run, "lookup", &earlier]).await;
    stage.hasten("1").await;
    stage.until_state("1", State::Dead).await;
    let dead = stage.dead("1").await;
    assert_eq!(
        (dead.cause.as_str(), dead.run.attempts()),
        ("contact-not-found", 0)
    );
    // The next one has two minutes of its own.
    stage.until_state("2", State::Scheduled).await;
}
