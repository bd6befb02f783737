//! `kill -9` of a worker at each point of a delivery.

use std::time::Duration;

use penstock_shared::{job::state::State, outcome::Cause};
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Direction, Flow, Program, Proxy, wait_until},
};

use crate::stage::{ACME, HTTP_TIMEOUT, LEASE, PATIENCE, QUARANTINE, Stage};

const EMAIL: &str = "jane@example.com";

/// One job of each type, each about a contact of its own.
fn one_of_each() -> [Draft; 4] {
    [
        job("note").contact("c-note").note("Called about the leak"),
        job("task").contact("c-task").task("Call back"),
        job("tag").contact("c-tag"),
        job("upsert").upsert(EMAIL, "+14155550100"),
    ]
}

/// The first call of each type meets this fault. Another worker is there when the one that waits for the answers dies.
async fn killed_mid_call(fault: &str, effects: u64) -> Stage {
    let operations = ["create-note", "create-task", "add-tags", "upsert-contact"];
    let faults = operations.map(|operation| format!("{fault}:op={operation}:count=1"));
    let stage = Stage::start(&faults.each_ref().map(String::as_str)).await;
    let mut first = stage.worker().await;
    stage.enqueue(&one_of_each()).await;
    stage
        .until_seen("each call, and what it did", |seen| {
            seen.calls == 4 && seen.effects == effects
        })
        .await;
    let second = stage.worker().await;
    let killed_at = stage.queue.now().await.unwrap();
    first.kill9();
    for id in ["note", "task"] {
        taken_over(&stage, id, killed_at).await;
    }
    ended(&stage).await;
    drop(second);
    stage
}

/// The next delivery begins when the lease has ended, and for what must be read back first neither it nor an attempt is counted yet.
async fn taken_over(stage: &Stage, id: &str, killed_at: u64) {
    let job = stage
        .until_job(id, "taken over, and to wait for its read-back", |job| {
            job.run.lost() == 1 && job.state == State::Scheduled
        })
        .await;
    let counted = (job.deliveries, job.run.attempts());
    assert_eq!(counted, (1, 0), "{id}");
    let call_ended = job.run.number("unanswered").unwrap();
    let latest = killed_at + millis(LEASE + HTTP_TIMEOUT);
    assert!(call_ended <= latest, "{id}: its lease ended too late");
}

async fn ended(stage: &Stage) {
    for id in ["note", "task", "tag", "upsert"] {
        stage
            .until_job(id, "done or dead", |job| {
                matches!(job.state, State::Done | State::Dead)
            })
            .await;
    }
    assert_eq!(stage.sandbox.summary().duplicates, 0);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

/// How often this operation was called.
fn times(stage: &Stage, operation: &str) -> usize {
    let calls = stage.calls();
    calls
        .iter()
        .filter(|call| call.operation == operation)
        .count()
}

async fn is_done(stage: &Stage, ids: &[&str]) {
    for id in ids {
        assert_eq!(stage.status(id).await.state, State::Done, "{id}");
    }
}

#[tokio::test]
async fn killed_after_the_effect() {
    let stage = killed_mid_call("hang-after", 4).await;
    is_done(&stage, &["note", "tag", "upsert"]).await;
    assert_eq!(
        stage.operations_on("c-note"),
        ["create-note", "get-all-notes"]
    );
    let (note, _) = stage.status("note").await.done.unwrap();
    let there = stage.effects_on("c-note");
    assert_eq!(note.effect, there[0].change.id, "the note is adopted");

    // A task is listed without the time of its making: whether it is the one that was sent, a person decides.
    assert_eq!(
        stage.operations_on("c-task"),
        ["create-task", "get-all-tasks"]
    );
    assert_eq!(stage.dead("task").await.cause, Cause::Ambiguous.as_str());

    assert_eq!(stage.operations_on("c-tag"), ["add-tags", "add-tags"]);
    assert_eq!(times(&stage, "upsert-contact"), 2);
}

#[tokio::test]
async fn killed_before_the_effect() {
    let stage = killed_mid_call("hang", 0).await;
    is_done(&stage, &["note", "task", "tag", "upsert"]).await;
    // It is looked for twice before it is sent again.
    let note = ["create-note", "get-all-notes", "get-all-notes"];
    assert_eq!(
        stage.operations_on("c-note"),
        [note.as_slice(), &["create-note"]].concat()
    );
    let task = ["create-task", "get-all-tasks", "get-all-tasks"];
    assert_eq!(
        stage.operations_on("c-task"),
        [task.as_slice(), &["create-task"]].concat()
    );
    assert_eq!(stage.operations_on("c-tag"), ["add-tags", "add-tags"]);
    assert_eq!(times(&stage, "upsert-contact"), 2);
    assert_eq!(stage.sandbox.summary().effects, 4);
}

#[tokio::test]
async fn the_next_job_waits_until_the_lost_call_can_no_longer_undo_it() {
    let stage = Stage::start(&["hang:op=add-tags:count=1"]).await;
    let mut first = stage.worker().await;
    let jobs = ["lost", "next"].map(|id| job(id).contact("c1").tag(id));
    stage.enqueue(&jobs).await;
    stage.until_calls(1).await;
    stage.faults(&["delay=1s:op=add-tags:count=1"]);
    let _second = stage.worker().await;
    first.kill9();
    stage.until_calls(2).await;
    let lost = stage.status("lost").await;
    let counted = (lost.deliveries, lost.run.attempts());
    assert_eq!(counted, (2, 0));
    let lease_ended = lost.run.number("lostAt").unwrap();
    stage.until_done(2).await;
    let calls = stage.calls();
    assert_eq!(calls.len(), 3, "{calls:?}");
    // The sandbox reads the same clock as Redis, but rounds for itself.
    let not_before = lease_ended + millis(HTTP_TIMEOUT + QUARANTINE) - 10;
    assert!(calls[2].at.millis() >= not_before, "{calls:?}");
}

#[tokio::test]
async fn a_call_that_takes_effect_long_after_its_worker_died_is_found_and_not_repeated() {
    // After the takeover, but within the quarantine.
    let stage = Stage::start(&["delay=4500ms:op=create-note:count=1"]).await;
    let mut first = stage.worker().await;
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage.until_calls(1).await;
    first.kill9();
    let _second = stage.worker().await;
    stage.until_state("note", State::Done).await;
    let operations = stage.operations_on("c1");
    assert!(!operations[1..].contains(&"create-note"), "{operations:?}");
    assert_eq!(stage.sandbox.summary().effects, 1);
}

/// A worker behind a proxy that has delivered a note and found a contact: Redis knows the scripts then, and a reply that is lost is the
/// script's own.
async fn worker_behind_a_proxy(stage: &Stage) -> (Proxy, Program) {
    let proxy = Proxy::start(stage.redis.endpoint());
    let url = proxy.redis_url();
    let worker = stage
        .worker_with(&[("PENSTOCK_REDIS_URL", url.as_str())])
        .await;
    stage.person("before@example.com");
    let before = job("before").email("before@example.com").note("Before");
    stage.enqueue(&[before]).await;
    stage.until_state("before", State::Done).await;
    (proxy, worker)
}

#[tokio::test]
async fn killed_between_the_claim_and_the_call() {
    let stage = Stage::start(&[]).await;
    let (proxy, mut first) = worker_behind_a_proxy(&stage).await;
    // Redis gives the job, and the worker does not know yet.
    proxy.set(Direction::ToClient, Flow::Delay(Duration::from_secs(2)));
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage.until_state("note", State::Running).await;
    first.kill9();
    assert_eq!(stage.operations_on("c1"), [""; 0]);
    let _second = stage.worker().await;
    let done = stage.until_state("note", State::Done).await;
    assert!(done.done.unwrap().0.effect.is_some());
    // Without an intent nothing can have left: nothing is read back.
    assert_eq!(stage.operations_on("c1"), ["create-note"]);
}

#[tokio::test]
async fn killed_between_the_intent_and_the_call() {
    let stage = Stage::start(&[]).await;
    let (proxy, mut first) = worker_behind_a_proxy(&stage).await;
    proxy.lose_replies(1, "intent");
    proxy.refuse(true);
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage
        .until_job("note", "intended", |job| job.run.text("intent").is_some())
        .await;
    first.kill9();
    assert_eq!(stage.operations_on("c1"), [""; 0]);
    let _second = stage.worker().await;
    stage.until_state("note", State::Done).await;
    // Nobody can know that it was not sent, so it is looked for, twice.
    assert_eq!(
        stage.operations_on("c1"),
        ["get-all-notes", "get-all-notes", "create-note"]
    );
}

#[tokio::test]
async fn killed_between_the_look_up_and_the_call() {
    let stage = Stage::start(&[]).await;
    let (proxy, mut first) = worker_behind_a_proxy(&stage).await;
    let before = stage.calls().len();
    stage.person(EMAIL);
    stage.faults(&["delay=1s:op=get-duplicate-contact"]);
    stage
        .enqueue(&[job("note").email(EMAIL).note("Once")])
        .await;
    stage.until_calls(before as u64 + 1).await;
    proxy.set(Direction::ToClient, Flow::Blackhole);
    let contact = job("note").email(EMAIL).job().payload.contact_refs();
    wait_until("the contact to be known", PATIENCE, || async {
        let known = stage.queue.remembered(ACME, &contact[0]).await.unwrap();
        known.map(|_| ())
    })
    .await;
    first.kill9();
    let _second = stage.worker().await;
    stage.until_state("note", State::Done).await;
    let calls = stage.calls();
    let operations: Vec<_> = calls[before..].iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["get-duplicate-contact", "create-note"]);
}
