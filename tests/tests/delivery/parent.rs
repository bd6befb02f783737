//! Jobs that refer to other jobs: they wait for what these make, and are dead with them, unless they are told to wait.

use penstock_shared::{job::state::State, outcome::Cause, queue::enqueue::Admission};
use penstock_tests::{
    fixture::{Draft, job},
    harness::wait_until,
};
use serde_json::{Value, json};

use crate::stage::{PATIENCE, Stage};

fn create(id: &str, email: &str) -> Draft {
    job(id).what("CreateContact", json!({ "email": email }))
}

fn of(parent: &str) -> Value {
    json!({ "job": parent })
}

fn note(id: &str, contact: &Value) -> Draft {
    job(id).what("AttachNote", json!({ "contact": contact, "body": id }))
}

fn task(id: &str, contact: &Value) -> Draft {
    let payload = json!({ "contact": contact, "title": id, "dueDate": "2030-01-01T09:00:00Z" });
    job(id).what("CreateTask", payload)
}

#[tokio::test]
async fn what_a_job_makes_feeds_the_next() {
    let stage = Stage::start(&[]).await;
    let drafts = [
        create("ada", "ada@b.io"),
        task("call", &of("ada")),
        job("called").what(
            "CompleteTask",
            json!({ "contact": of("call"), "task": of("call") }),
        ),
        note("said", &of("ada")),
        job("corrected").what(
            "UpdateNote",
            json!({ "contact": of("said"), "note": of("said"), "body": "corrected" }),
        ),
        job("tagged").what("AddTags", json!({ "contact": of("said"), "tags": ["vip"] })),
    ];
    stage.enqueue(&drafts).await;
    // All of them stand in one line, whatever they refer to.
    assert_eq!(stage.status("called").await.state, State::Blocked);
    assert_eq!(stage.status("tagged").await.state, State::Blocked);
    let _worker = stage.worker().await;
    stage.until_done(6).await;
    let contact = stage.result("ada").await["contactId"].clone();
    assert_eq!(
        stage.operations_on(contact.as_str().unwrap()),
        [
            "create-task",
            "update-task-completed",
            "create-note",
            "update-note",
            "add-tags"
        ]
    );
    let made = stage.result("call").await["taskId"].clone();
    assert_eq!(stage.result("called").await["taskId"], made);
    assert_eq!(stage.result("tagged").await["contactId"], contact);
}

/// Each stored by itself, and when the parent has ended already.
#[tokio::test]
async fn a_parent_may_have_been_stored_or_done_before() {
    let stage = Stage::start(&[]).await;
    stage.enqueue(&[create("ada", "ada@b.io")]).await;
    stage.enqueue(&[note("first", &of("ada"))]).await;
    assert_eq!(stage.status("first").await.state, State::Blocked);
    let _worker = stage.worker().await;
    stage.until_done(2).await;
    stage
        .enqueue(&[note("second", &of("ada")), note("third", &of("second"))])
        .await;
    stage.until_done(4).await;
    // Sent again with its id it is the same job, though its parent stands elsewhere by now.
    let again = [note("first", &of("ada")).build()];
    let codes = stage.queue.enqueue(&again, Admission::Each).await.unwrap();
    assert!(codes[0].is_stored());
}

#[tokio::test]
async fn with_its_parent_a_job_is_dead() {
    let stage = Stage::start(&["400:op=create-contact"]).await;
    let drafts = [
        create("ada", "ada@b.io"),
        note("note", &of("ada")),
        note("next", &of("note")),
    ];
    stage.enqueue(&drafts).await;
    let _worker = stage.worker().await;
    stage.until_state("next", State::Dead).await;
    assert_eq!(stage.dead("ada").await.cause, Cause::Rejected.as_str());
    for id in ["note", "next"] {
        let dead = stage.dead(id).await;
        assert_eq!(dead.cause, Cause::ParentDead.as_str());
        let shown = stage.ask(&["dead", "show", id]).await;
        assert!(
            shown["error"].as_str().unwrap().contains("is dead ("),
            "{shown}"
        );
    }
    // All three, retried together in their order.
    stage.faults(&[]);
    let all = stage.ask(&["dead", "retry", "ada", "note", "next"]).await;
    assert_eq!(all["changed"], 3);
    stage.until_done(3).await;
}

/// It stands aside meanwhile: the parent, retried, comes to stand behind what waits.
#[tokio::test]
async fn told_to_wait_it_outlives_its_parents_death() {
    let stage = Stage::start(&["400:op=create-contact"]).await;
    let waits = json!({ "job": "ada", "wait": true });
    stage
        .enqueue(&[create("ada", "ada@b.io"), note("note", &waits)])
        .await;
    // Its contact's own jobs go on.
    stage.person("c1", "ada@b.io");
    stage.enqueue(&[job("tags").email("ada@b.io")]).await;
    let _worker = stage.worker().await;
    stage.until_state("tags", State::Done).await;
    stage.until_state("note", State::Scheduled).await;
    stage.faults(&[]);
    stage
        .ask(&[
            "dead",
            "edit",
            "ada",
            "--payload",
            &file(&json!({ "email": "eve@b.io" })),
        ])
        .await;
    stage.ask(&["dead", "retry", "ada"]).await;
    stage.until_state("ada", State::Done).await;
    stage.hasten_later("note").await;
    stage.until_done(3).await;
    let contact = stage.result("ada").await["contactId"].clone();
    assert_eq!(stage.result("note").await["contactId"], contact);
}

/// Retried before the other one's turn has come, it stands behind it, which lets it pass.
#[tokio::test]
async fn a_parent_that_was_retried_meanwhile_is_waited_for() {
    let faults = ["422:op=create-task:count=1", "hang:op=add-tags:count=1"];
    let stage = Stage::start(&faults).await;
    stage.person("c1", "ada@b.io");
    let about = json!({ "contact": of("call"), "task": of("call") });
    stage
        .enqueue(&[
            task("call", &json!({ "id": "c1" })),
            job("between").contact("c1"),
            job("called").what("CompleteTask", about),
        ])
        .await;
    let _worker = stage.worker().await;
    stage.until_state("call", State::Dead).await;
    stage.ask(&["dead", "retry", "call"]).await;
    assert_eq!(stage.status("called").await.state, State::Blocked);
    stage.until_done(3).await;
    let made = stage.result("call").await["taskId"].clone();
    assert_eq!(stage.result("called").await["taskId"], made);
}

fn file(payload: &Value) -> String {
    let (_, path) = tempfile::NamedTempFile::new().unwrap().keep().unwrap();
    std::fs::write(&path, payload.to_string()).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn at_most_as_long_as_a_job_may_live() {
    let stage = Stage::start(&["400:op=create-contact"]).await;
    let waits = json!({ "job": "ada", "wait": true });
    stage
        .enqueue(&[create("ada", "ada@b.io"), note("note", &waits)])
        .await;
    let _worker = stage.worker_with(&[("PENSTOCK_MAX_AGE", "2s")]).await;
    stage.until_state("note", State::Scheduled).await;
    wait_until("note to be too old", PATIENCE, || async {
        stage.hasten_later("note").await;
        (stage.status("note").await.state == State::Dead).then_some(())
    })
    .await;
    assert_eq!(stage.dead("note").await.cause, Cause::Expired.as_str());
}

#[tokio::test]
async fn a_job_that_made_no_such_thing_is_of_no_use() {
    let stage = Stage::start(&[]).await;
    stage.person("c1", "ada@b.io");
    let drafts = [
        job("tags").contact("c1"),
        job("done").what(
            "CompleteTask",
            json!({ "contact": of("tags"), "task": of("tags") }),
        ),
    ];
    stage.enqueue(&drafts).await;
    let _worker = stage.worker().await;
    stage.until_state("done", State::Dead).await;
    let shown = stage.ask(&["dead", "show", "done"]).await;
    assert_eq!(shown["cause"], "rejected");
    assert!(
        shown["error"].as_str().unwrap().contains("has no task"),
        "{shown}"
    );
}
