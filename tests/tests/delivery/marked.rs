//! The marker: a read-back knows an effect of ours for certain, and what is somebody else's too.

use jiff::SignedDuration;
use penstock_shared::job::state::State;
use penstock_tests::{fixture::job, harness::RedisOptions, sandbox::Options};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::Stage;

pub(crate) const MARKED: [(&str, &str); 3] = [
    ("PENSTOCK_MARKER", "on"),
    ("PENSTOCK_MARKER_KEY", "a-key-of-the-tests"),
    ("PENSTOCK_QUARANTINE", "600ms"),
];

/// What somebody has written by hand that says the same as the job.
fn by_hand(body: Option<&str>) -> Value {
    let mut task =
        json!({ "title": "Call back", "dueDate": "2030-01-01T09:00:00Z", "completed": false });
    if let Some(body) = body {
        task["body"] = body.into();
    }
    task
}

/// The contact has these tasks, and the job's call meets the fault.
async fn task_meets(fault: &str, there: &[Value]) -> Stage {
    let stage = Stage::start(&[]).await;
    let task = job("task").contact("c1").task("Call back");
    stage.seed(std::slice::from_ref(&task));
    for task in there {
        stage
            .by_another(Method::POST, "/contacts/c1/tasks", task.clone())
            .await;
    }
    stage.faults(&[&format!("{fault}:op=create-task:count=1")]);
    let _worker = stage.worker_with(&MARKED).await;
    stage.enqueue(&[task]).await;
    stage.until_state("task", State::Done).await;
    stage
}

#[tokio::test]
async fn a_task_is_told_from_an_equal_one() {
    let stage = task_meets("cut-after", &[by_hand(None)]).await;
    let adopted = ["create-task", "create-task", "get-all-tasks"];
    assert_eq!(stage.operations_on("c1"), adopted);
    let (done, _) = stage.status("task").await.done.unwrap();
    let own = &stage.calls_on("c1")[1].effect;
    assert_eq!(done.effect, own.as_ref().unwrap().change.id);
}

#[tokio::test]
async fn what_carries_no_marker_or_a_forged_one_is_not_ours() {
    let forged = by_hand(Some("[ps-AAAAAAAAAAAAAAAA]"));
    let bare = by_hand(Some("Ask for Ann"));
    let stage = task_meets("cut-before", &[bare, forged]).await;
    let looked_twice = [
        "create-task",
        "create-task",
        "create-task",
        "get-all-tasks",
        "get-all-tasks",
        "create-task",
    ];
    assert_eq!(stage.operations_on("c1"), looked_twice);
}

/// Redis' clock and the API's have nothing to do with each other.
#[tokio::test]
async fn a_note_is_found_whatever_the_clocks_say() {
    for hours in [-1, 1, 30] {
        let mut options = Options::default();
        options.quota.burst.calls = 100_000;
        options.clock = SignedDuration::from_hours(hours);
        options.faults = vec!["cut-after:op=create-note:count=1".parse().unwrap()];
        let stage = Stage::on(RedisOptions::default(), options).await;
        let _worker = stage.worker().await;
        stage
            .enqueue(&[job("note").contact("c1").note("Once")])
            .await;
        stage.until_done(1).await;
        let adopted = ["create-note", "get-all-notes"];
        assert_eq!(stage.operations_on("c1"), adopted, "{hours} h ahead");
    }
}

/// Its id was used before, for the same text, by a job that is forgotten.
#[tokio::test]
async fn the_effect_of_an_earlier_job_of_the_id_is_not_ours() {
    let stage = Stage::start(&[]).await;
    let note = || job("note").contact("c1").note("Hello");
    let _worker = stage.worker_with(&MARKED).await;
    stage.enqueue(&[note()]).await;
    stage.until_state("note", State::Done).await;
    stage.forget().await;
    stage.faults(&["cut-before:op=create-note:count=1"]);
    stage.enqueue(&[note()]).await;
    stage.until_state("note", State::Done).await;
    let sent_again = [
        "create-note",
        "create-note",
        "get-all-notes",
        "get-all-notes",
        "create-note",
    ];
    assert_eq!(stage.operations_on("c1"), sent_again);
}
