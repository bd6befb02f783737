//! The sweep after a job that was sent again: an effect that the API applied far too late is found, and told.

use std::os::unix::process::ExitStatusExt as _;

use nix::sys::signal::Signal;
use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::job,
    harness::{Program, Proxy, free_port, until_counted, wait_until},
    lab::world::FRAGILE,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    marked::MARKED,
    stage::{PATIENCE, QUARANTINE, Stage},
};

/// The first call is applied long after two quarantines, in which the job is sent again and done. Returns the worker that did it.
async fn late(operation: &str, settings: &[(&str, &str)]) -> (Stage, Program) {
    let stage = Stage::start(&[&format!("late=5s:op={operation}:count=1")]).await;
    let worker = stage.worker_with(&[&MARKED, settings].concat()).await;
    let job = job("twice").contact("c1");
    let job = if operation == "create-note" {
        job.note("Once")
    } else {
        job.task("Once")
    };
    stage.enqueue(&[job]).await;
    stage.until_state("twice", State::Done).await;
    (stage, worker)
}

/// Waits until the twins are told, and returns how.
async fn until_told(stage: &Stage, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_until("the twins to be told", PATIENCE, || async {
        let all = json!(stage.queue.twins(None).await.ok()?);
        all.get(0).filter(|told| wanted(told))?;
        Some(stage.ask(&["twins"]).await[0].clone())
    })
    .await
}

/// Waits for the end of the only sweep, where nothing else is done.
async fn until_swept(stage: &Stage) {
    wait_until("the end of the sweep", PATIENCE, || async {
        let stats = stage.queue.stats().await.ok()?;
        (stats.done_total == 1).then_some(())
    })
    .await;
}

/// The second look would be made ten times as late as the API was.
async fn reset_quarantine(stage: &Stage, worker: &Program) {
    let reset = stage.ask(&["quarantine", "reset"]).await;
    assert_eq!(reset["changed"], 1, "{reset}");
    worker
        .wait_for_line("a person has set its quarantine back", PATIENCE)
        .await;
}

/// Somebody's marker in its own text tells of nobody.
#[tokio::test]
async fn a_twin_of_a_note_that_quotes_a_marker_is_told() {
    let stage = Stage::start(&["late=5s:op=create-note:count=1"]).await;
    let _worker = stage.worker_with(&MARKED).await;
    let quotes = "He said: [ps-ABCDEFGHIJKLMNOP]";
    stage
        .enqueue(&[job("twice").contact("c1").note(quotes)])
        .await;
    let told = until_told(&stage, |_| true).await;
    assert_eq!(told["twins"].as_array().unwrap().len(), 1, "{told}");
}

/// Sent again, it is refused; a person edits and retries it, for whichever contact; and then what it was before is applied after all.
#[tokio::test]
async fn what_a_letter_was_before_it_was_edited_is_told_beside_what_it_is() {
    tokio::join!(edited("c1"), edited("c2"));
}

async fn edited(contact: &str) {
    let faults = [
        "late=5s:op=create-note:count=1",
        "422:op=create-note:count=1",
    ];
    let stage = Stage::start(&faults).await;
    let _worker = stage.worker_with(&MARKED).await;
    stage.seed(&[job("other").contact(contact)]);
    stage
        .enqueue(&[job("edited").contact("c1").note("Onec")])
        .await;
    stage.until_state("edited", State::Dead).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let payload = json!({ "contact": { "id": contact }, "body": "Once" });
    std::fs::write(file.path(), payload.to_string()).unwrap();
    let path = file.path().to_string_lossy();
    stage
        .ask(&["dead", "edit", "edited", "--payload", &path])
        .await;
    stage.ask(&["dead", "retry", "edited"]).await;
    stage.until_state("edited", State::Done).await;
    let told = until_told(&stage, |_| true).await;
    let (done, _) = stage.status("edited").await.done.unwrap();
    let is_dead = &told["dead"];
    assert_eq!(
        (&told["kept"], is_dead),
        (&json!(done.effect), &json!(false))
    );
    assert_eq!(told["twins"].as_array().unwrap().len(), 1, "{told}");
}

/// There is nothing left to do but the sweep. This worker has the list with both of them before it, and dies.
async fn killed_at_the_second_look(stage: &Stage) {
    let dies = [("PENSTOCK_FAILPOINT", "after-response:abort@2")];
    let settings = [&MARKED[..], &dies].concat();
    let mut worker = stage.worker_of(FRAGILE, &settings).await;
    let status = worker.wait_exit(PATIENCE).await;
    assert_eq!(status.signal(), Some(Signal::SIGABRT as i32), "{status}");
    assert_eq!(stage.ask(&["twins"]).await, json!([]));
}

#[tokio::test]
async fn a_twin_is_reported_though_workers_were_killed_before_and_amid_its_sweep() {
    let (stage, mut first) = late("create-note", &[]).await;
    first.kill9();
    killed_at_the_second_look(&stage).await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let counting = [&MARKED[..], &[("PENSTOCK_METRICS_LISTEN", &metrics)]].concat();
    let second = stage.worker_with(&counting).await;
    let told = until_told(&stage, |_| true).await;
    let shown = stage.ask(&["job", "show", "twice"]).await;
    let expected = json!([
        "twice",
        "AttachNote",
        "acme",
        "c1",
        shown["effect"],
        shown["twins"],
        [],
    ]);
    let names = [
        "id",
        "type",
        "tenant",
        "contactId",
        "kept",
        "twins",
        "removed",
    ];
    assert_eq!(json!(names.map(|name| &told[name])), expected);
    assert_eq!(told["twins"].as_array().unwrap().len(), 1);
    assert_eq!(stage.ask(&["twins", "--tenant", "other"]).await, json!([]));
    second
        .wait_for_line("its effect is there more than once", PATIENCE)
        .await;
    until_counted(&metrics, "penstock_twins_total 1", PATIENCE).await;
    assert!(!stage.operations_on("c1").contains(&"delete-note"));

    // The API has shown that its quarantine was too short, to all workers.
    second
        .wait_for_line("the API applied a call after its quarantine", PATIENCE)
        .await;
    let raised = &stage.ask(&["stats"]).await["quarantineRaised"];
    assert!(raised["AttachNote"].is_string(), "{raised}");
    let third = stage.worker_with(&MARKED).await;
    third.wait_for_line("the API was late", PATIENCE).await;
}

#[tokio::test]
async fn a_twin_is_removed_where_that_is_wanted() {
    let (stage, _worker) = late("create-task", &[("PENSTOCK_TWINS", "remove")]).await;
    let told = until_told(&stage, |told| told["removed"] == told["twins"]).await;
    let calls = stage.calls_on("c1");
    let deleted: Vec<_> = calls
        .iter()
        .filter(|call| call.operation == "delete-task")
        .filter_map(|call| call.effect.as_ref()?.change.id.clone())
        .collect();
    assert_eq!(json!(deleted), told["removed"]);
    let (done, _) = stage.status("twice").await.done.unwrap();
    assert_eq!(json!(done.effect), told["kept"]);
}

/// Redis has planned the sweep, and has written the twins down, and each time the answer is lost: there is one sweep, and one twin is removed.
#[tokio::test]
async fn lost_replies_to_what_a_sweep_writes_change_nothing() {
    let stage = Stage::start(&["late=15s:op=create-task:count=1"]).await;
    let proxy = Proxy::start(stage.redis.endpoint());
    let url = proxy.redis_url();
    let settings = [
        ("PENSTOCK_TWINS", "remove"),
        ("PENSTOCK_REDIS_URL", url.as_str()),
    ];
    let _worker = stage.worker_with(&[&MARKED[..], &settings].concat()).await;
    proxy.lose_replies(1, "_enqueue");
    let task = job("twice").contact("c1").task("Once");
    stage.enqueue(&[task]).await;
    stage.until_state("twice", State::Done).await;
    assert_eq!(proxy.lost(), 1, "the sweep's planning");
    proxy.lose_replies(1, "_twins");
    let told = until_told(&stage, |told| told["removed"] == told["twins"]).await;
    assert_eq!(proxy.lost(), 2, "the telling");
    assert_eq!(told["twins"].as_array().unwrap().len(), 1, "{told}");
    let operations = stage.operations_on("c1");
    let count = |of| operations.iter().filter(|called| **called == of).count();
    assert_eq!((count("create-task"), count("delete-task")), (2, 1));
}

/// Markers are being turned on or off: not all workers have the key.
#[tokio::test]
async fn a_worker_without_a_key_leaves_a_sweep_to_one_that_has_it() {
    let (stage, mut first) = late("create-note", &[]).await;
    first.kill9();
    let quarantine = ("PENSTOCK_QUARANTINE", "600ms");
    let mut without = stage.worker_with(&[quarantine]).await;
    without
        .wait_for_line("a sweep is left to a worker", PATIENCE)
        .await;
    without.kill9();
    let _with = stage.worker_with(&MARKED).await;
    let told = until_told(&stage, |_| true).await;
    assert_eq!(told["twins"].as_array().unwrap().len(), 1, "{told}");
}

/// None has it any more.
#[tokio::test]
async fn a_sweep_without_a_key_ends_when_nothing_is_remembered() {
    let (stage, mut first) = late("create-note", &[]).await;
    first.kill9();
    let settings = [
        ("PENSTOCK_QUARANTINE", "600ms"),
        ("PENSTOCK_HTTP_TIMEOUT", "200ms"),
        ("PENSTOCK_RETENTION", "12s"),
    ];
    let without = stage.worker_with(&settings).await;
    for said in [
        "a sweep is left to a worker",
        "no worker with a marker key has come",
    ] {
        without.wait_for_line(said, PATIENCE).await;
    }
    // The job, and its sweep.
    stage.until_done(2).await;
    assert_eq!(stage.ask(&["twins"]).await, json!([]));
}

/// A twin that says the same is removed; what a person has made of it is theirs, marker and all.
#[tokio::test]
async fn what_quotes_the_note_is_left_alone() {
    let (stage, _worker) = late("create-note", &[("PENSTOCK_TWINS", "remove")]).await;
    let notes = "/contacts/c1/notes";
    let there = stage.by_another(Method::GET, notes, json!({})).await;
    let said = there["notes"][0]["body"].as_str().unwrap();
    let quote = json!({ "body": format!("Called back. Before: {said}") });
    stage.by_another(Method::POST, notes, quote.clone()).await;
    until_told(&stage, |told| {
        told["removed"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    })
    .await;
    let left = stage.by_another(Method::GET, notes, json!({})).await;
    let left = left["notes"].as_array().unwrap();
    let bodies: Vec<_> = left.iter().map(|note| &note["body"]).collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert!(bodies.contains(&&quote["body"]) && bodies.contains(&&json!(said)));
}

/// A 404 may be about what was asked for, and not about the twin.
#[tokio::test]
async fn a_twin_that_may_not_be_removed_is_told() {
    tokio::join!(
        not_removed("422:op=delete-task"),
        not_removed("404:op=delete-task:message=no route matched"),
        not_removed("400:op=delete-task:message=Task not found for this contact"),
        not_removed("500:op=delete-task"),
    );
}

async fn not_removed(refusal: &str) {
    let settings = [
        ("PENSTOCK_TWINS", "remove"),
        ("PENSTOCK_HTTP_TIMEOUT", "1s"),
    ];
    let (stage, worker) = late("create-task", &settings).await;
    stage.faults(&[refusal]);
    worker
        .wait_for_line("a twin could not be removed", PATIENCE)
        .await;
    let told = until_told(&stage, |_| true).await;
    let twins = told["twins"].as_array().unwrap().len();
    assert_eq!((twins, &told["removed"]), (1, &json!([])));
}

/// The deletion that had no answer may still be applied: another one must not go meanwhile.
#[tokio::test]
async fn a_deletion_without_an_answer_is_waited_for() {
    let (stage, _worker) = late("create-task", &[("PENSTOCK_TWINS", "remove")]).await;
    stage.faults(&["cut-before:op=delete-task:count=1"]);
    until_told(&stage, |told| told["removed"] == told["twins"]).await;
    let calls = stage.calls_on("c1");
    let (cut, deleted): (Vec<_>, Vec<_>) = calls
        .iter()
        .filter(|call| call.operation == "delete-task")
        .partition(|call| call.effect.is_none());
    assert_eq!((cut.len(), deleted.len()), (1, 1));
    let waited = deleted[0].at.since(cut[0].at);
    assert!(
        waited >= QUARANTINE,
        "it was deleted again after {waited:?}"
    );
}

/// Nobody knows any more which one is to stay, and that is not found out anew: the first deletion may be of another.
#[tokio::test]
async fn nothing_more_is_removed_of_a_job_that_is_forgotten() {
    let (stage, worker) = late("create-task", &[("PENSTOCK_TWINS", "remove")]).await;
    stage.faults(&["cut-before:op=delete-task:count=1"]);
    let told = until_told(&stage, |_| true).await;
    stage.forget().await;
    reset_quarantine(&stage, &worker).await;
    // The job and its sweep.
    stage.until_done(2).await;
    assert_eq!(stage.ask(&["twins"]).await, json!([told]));
    let operations = stage.operations_on("c1");
    let count = |of| operations.iter().filter(|called| **called == of).count();
    assert_eq!(count("delete-task"), 1, "{operations:?}");
}

#[tokio::test]
async fn a_twin_of_a_job_that_is_forgotten_is_told() {
    let (stage, _worker) = late("create-note", &[]).await;
    stage.forget().await;
    assert!(stage.queue.find("twice", None).await.unwrap().is_empty());
    let told = until_told(&stage, |_| true).await;
    assert_eq!(told["id"], "twice");
    assert_eq!(told["twins"].as_array().unwrap().len(), 1);
}

/// Its id is another job's by then.
#[tokio::test]
async fn a_later_job_of_its_id_is_left_alone() {
    let (stage, worker) = late("create-note", &[("PENSTOCK_TWINS", "remove")]).await;
    stage.forget().await;
    stage
        .enqueue(&[job("twice").contact("c1").note("Another")])
        .await;
    let done = stage.until_state("twice", State::Done).await;
    let effect = done.done.and_then(|(done, _)| done.effect);
    let told = until_told(&stage, |_| true).await;
    reset_quarantine(&stage, &worker).await;
    // The first job, the other, and the first one's sweep.
    stage.until_done(3).await;
    let there = stage
        .by_another(Method::GET, "/contacts/c1/notes", json!({}))
        .await;
    assert_eq!(there["notes"].as_array().unwrap().len(), 3, "{there}");
    let effect = json!(effect.expect("it has one"));
    let others = told["twins"].as_array().unwrap();
    assert!(
        told["kept"] != effect && !others.contains(&effect),
        "{told}"
    );
}

/// It has used up its attempts, and was swept as a letter; then it is retried, and what was sent first is applied after all.
#[tokio::test]
async fn what_is_retried_is_swept_again() {
    let stage = Stage::start(&["late=10s:op=create-note:count=1"]).await;
    let _worker = stage.worker_with(&MARKED).await;
    let note = job("once").max_attempts(1).contact("c1").note("Once");
    stage.enqueue(&[note]).await;
    stage.until_state("once", State::Dead).await;
    until_swept(&stage).await;
    stage.ask(&["dead", "retry", "once"]).await;
    stage.until_state("once", State::Done).await;
    let told = until_told(&stage, |_| true).await;
    assert_eq!(told["twins"].as_array().unwrap().len(), 1, "{told}");
}

/// Nobody can look; that is not taken for nothing to be seen.
#[tokio::test]
async fn a_list_that_is_refused_is_said() {
    let (stage, worker) = late("create-note", &[]).await;
    stage.faults(&["422:op=get-all-notes"]);
    worker
        .wait_for_line("what the contact has cannot be read", PATIENCE)
        .await;
    assert_eq!(stage.ask(&["twins"]).await, json!([]));
}

/// Sent again, it is refused; and then the first call is applied after all. Which effect of it is to stay, nobody but a person knows.
#[tokio::test]
async fn an_effect_of_a_dead_letter_is_told_and_stays() {
    let faults = [
        "late=7s:op=create-note:count=1",
        "422:op=create-note:count=1",
    ];
    let stage = Stage::start(&faults).await;
    let remove = [("PENSTOCK_TWINS", "remove")];
    let worker = stage.worker_with(&[&MARKED[..], &remove].concat()).await;
    stage
        .enqueue(&[job("refused").contact("c1").note("Once")])
        .await;
    stage.until_state("refused", State::Dead).await;
    let told = until_told(&stage, |_| true).await;
    let names = ["id", "twins", "removed", "dead"];
    assert_eq!(
        json!(names.map(|name| &told[name])),
        json!(["refused", [], [], true])
    );
    let made = stage.calls_on("c1")[0].effect.clone().unwrap().change.id;
    assert_eq!(told["kept"], json!(made));
    worker
        .wait_for_line("its effect is there though it is a dead letter", PATIENCE)
        .await;
    until_swept(&stage).await;
    let operations = stage.operations_on("c1");
    assert!(!operations.contains(&"delete-note"), "{operations:?}");
}

/// Its only attempt was found nowhere, and is applied far too late.
#[tokio::test]
async fn an_effect_of_what_is_exhausted_is_told() {
    let stage = Stage::start(&["late=5s:op=create-note:count=1"]).await;
    let _worker = stage.worker_with(&MARKED).await;
    let note = job("once").max_attempts(1).contact("c1").note("Once");
    stage.enqueue(&[note]).await;
    stage.until_state("once", State::Dead).await;
    let told = until_told(&stage, |_| true).await;
    assert_eq!((&told["id"], &told["dead"]), (&json!("once"), &json!(true)));
}

/// A person has deleted what was told of the letter, and retried it: its only effect is no twin, though nobody knows the job any more.
#[tokio::test]
async fn what_is_gone_makes_no_twin_of_what_is_there() {
    let stage = Stage::start(&["late=5s:op=create-note:count=1"]).await;
    let worker = stage.worker_with(&MARKED).await;
    let note = job("once").max_attempts(1).contact("c1").note("Once");
    stage.enqueue(&[note]).await;
    let told = until_told(&stage, |_| true).await;
    until_swept(&stage).await;
    reset_quarantine(&stage, &worker).await;
    let gone = format!("/contacts/c1/notes/{}", told["kept"].as_str().unwrap());
    stage.by_another(Method::DELETE, &gone, json!({})).await;
    stage.ask(&["dead", "retry", "once"]).await;
    stage.until_state("once", State::Done).await;
    stage.forget().await;
    // The letter's sweep, the job, and its own sweep.
    stage.until_done(3).await;
    assert_eq!(stage.ask(&["twins"]).await, json!([told]));
}

/// The second look finds what the first did not: the quarantine was too short, but not for this job.
#[tokio::test]
async fn a_second_look_that_finds_it_makes_the_quarantine_longer() {
    let stage = Stage::start(&["late=3s:op=create-note:count=1"]).await;
    let worker = stage.worker().await;
    stage
        .enqueue(&[job("note").contact("c1").note("Once")])
        .await;
    stage.until_done(1).await;
    let adopted = ["create-note", "get-all-notes", "get-all-notes"];
    assert_eq!(stage.operations_on("c1"), adopted);
    worker
        .wait_for_line("the API applied a call after its quarantine", PATIENCE)
        .await;
    let raised = &stage.ask(&["stats"]).await["quarantineRaised"];
    assert!(raised["AttachNote"].is_string(), "{raised}");
    // A person sets it back, once the API is well again.
    let listed = stage.ask(&["quarantine"]).await;
    let expected = json!([{ "type": "AttachNote", "raisedTo": raised["AttachNote"] }]);
    assert_eq!(listed, expected);
    let reset = stage.ask(&["quarantine", "reset", "AttachNote"]).await;
    assert_eq!(reset, json!({ "matched": 1, "changed": 1 }));
    worker
        .wait_for_line("a person has set its quarantine back", PATIENCE)
        .await;
    assert_eq!(stage.ask(&["quarantine"]).await, json!([]));
}
