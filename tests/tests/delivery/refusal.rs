//! What the API refuses for good is dead at once, and says why.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::job,
    harness::RedisOptions,
    sandbox::{Options, Unknown},
};
use serde_json::json;

use crate::stage::{ACME, Stage};

#[tokio::test]
async fn a_422_or_400_is_a_dead_letter_at_once_and_the_next_job_runs() {
    let stage = Stage::start(&[
        "422:op=create-task:message=dueDate must be in the future",
        "400:op=create-note:message=body must be shorter",
    ])
    .await;
    let _worker = stage.worker().await;
    let of = |id: &str| job(id).contact("c1");
    stage
        .enqueue(&[of("task").task("Late"), of("note").note("Long"), of("tags")])
        .await;
    stage.until_state("tags", State::Done).await;
    for (id, status, said) in [
        ("task", "422", "dueDate must be in the future"),
        ("note", "400", "body must be shorter"),
    ] {
        let dead = stage.dead(id).await;
        assert_eq!(dead.cause, "rejected");
        assert_eq!(dead.run.text("httpStatus"), Some(status));
        let error = dead.run.text("error").unwrap_or_default();
        assert!(error.contains(said), "{error}");
        assert_eq!(
            dead.run.text("intent"),
            None,
            "it had no effect: nothing is open"
        );
    }
    let operations = stage.operations_on("c1");
    assert_eq!(operations, ["create-task", "create-note", "add-tags"]);
    let listed = stage.ask(&["dead", "list", "--cause", "rejected"]).await;
    assert_eq!(listed[0]["httpStatus"], 422, "{listed}");
    assert_eq!(listed[1]["httpStatus"], 400, "{listed}");
}

/// What was wanted is there.
#[tokio::test]
async fn that_a_contact_exists_already_is_a_success_with_its_id() {
    let stage = Stage::start(&["duplicate=c9:op=upsert-contact"]).await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[job("upsert").upsert("jane@example.com", "+14155550100")])
        .await;
    stage.until_done(1).await;
    let (done, _) = stage.status("upsert").await.done.unwrap();
    assert_eq!(done.result["contactId"], "c9");
    assert_eq!(stage.calls().len(), 1);
}

#[tokio::test]
async fn a_contact_id_that_the_api_does_not_know_is_a_dead_letter_of_its_own_kind() {
    for (unknown, status) in [(Unknown::BadRequest, "400"), (Unknown::NotFound, "404")] {
        let options = Options {
            unknown,
            ..Options::default()
        };
        let stage = Stage::on(RedisOptions::default(), options).await;
        // Seeded by hand: this one must not be there.
        let elsewhere = json!({ "id": "somebody", "locationId": ACME });
        stage.sandbox.seed_contact(&elsewhere).unwrap();
        let stray = [
            job("tags").contact("nobody"),
            job("note").contact("nobody").note("x"),
        ];
        let jobs: Vec<_> = stray
            .iter()
            .map(penstock_tests::fixture::Draft::build)
            .collect();
        let each = penstock_shared::queue::enqueue::Admission::Each;
        stage.queue.enqueue(&jobs, each).await.unwrap();
        let _worker = stage.worker().await;
        stage.until_state("note", State::Dead).await;
        for id in ["tags", "note"] {
            let dead = stage.dead(id).await;
            assert_eq!(dead.cause, "contact-not-found");
            assert_eq!(dead.run.text("httpStatus"), Some(status));
        }
        assert_eq!(stage.operations_on("nobody"), ["add-tags", "create-note"]);
    }
}
