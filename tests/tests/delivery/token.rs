//! A token that the API refuses: no job dies of it, and all goes on with a new one.

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::RedisOptions,
    sandbox::Options,
};

use crate::stage::{ACME, Stage, TOKEN};

fn jobs() -> Vec<Draft> {
    let tags = (0..5).map(|at| job(&format!("tags-{at}")));
    tags.chain([job("note").note("Once")]).collect()
}

async fn with_one_token() -> Stage {
    let options = Options {
        tokens: vec![TOKEN.to_owned().into()],
        ..Options::default()
    };
    Stage::on(RedisOptions::default(), options).await
}

/// None is dead, none has paid, and none but the first few were called.
async fn all_wait(stage: &Stage) {
    stage.until_held(ACME, "needs-authorisation").await;
    let tenants = stage.ask(&["tenants"]).await;
    assert!(tenants[0]["heldUntil"].is_string(), "{tenants}");
    for draft in jobs() {
        let id = draft.build().id;
        let job = stage.until_state(id.as_str(), State::Ready).await;
        assert_eq!(job.attempts(), 0, "{id}");
    }
}

#[tokio::test]
async fn a_worker_with_another_token_goes_on_by_itself() {
    let stage = with_one_token().await;
    let wrong = stage
        .worker_with(&[("PENSTOCK_GHL_TOKEN", "pit-refused")])
        .await;
    stage.enqueue(&jobs()).await;
    all_wait(&stage).await;
    // One with the same token knows nothing better.
    let same = stage
        .worker_with(&[("PENSTOCK_GHL_TOKEN", "pit-refused")])
        .await;
    drop(wrong);
    stage.enqueue(&[job("later")]).await;
    let calls = stage.calls().len();
    assert!(stage.calls().iter().all(|call| call.status == Some(401)));
    drop(same);
    assert_eq!(stage.calls().len(), calls, "a held tenant is not called");

    let _right = stage.worker().await;
    stage.until_done(7).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (7, 0));
    assert!(
        !seen.by_operation.contains_key("get-all-notes"),
        "a refusal is no effect"
    );
}

#[tokio::test]
async fn an_operator_may_resume_the_tenant() {
    let stage = Stage::start(&["401:message=Invalid JWT"]).await;
    let _worker = stage.worker().await;
    stage.enqueue(&jobs()).await;
    all_wait(&stage).await;
    let why = stage.ask(&["job", "why", "note"]).await.to_string();
    assert!(why.contains("needs-authorisation"), "{why}");
    stage.faults(&[]);
    let resumed = stage.admin(&["tenant", "resume", ACME]).await;
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    stage.until_done(6).await;
    assert!(stage.queue.refused().await.unwrap().tokens.is_empty());
}

#[tokio::test]
async fn a_403_about_the_location_is_a_matter_of_the_token() {
    let stage =
        Stage::start(&["403:message=The token does not have access to this location.:count=1"])
            .await;
    let _worker = stage.worker().await;
    stage.enqueue(&[job("one")]).await;
    stage.until_held(ACME, "needs-authorisation").await;
    let job = stage.until_state("one", State::Ready).await;
    assert_eq!(job.attempts(), 0);
}

#[tokio::test]
async fn without_a_token_nothing_is_called_and_the_first_one_lets_it_go_on() {
    let stage = with_one_token().await;
    let none = stage.worker_with(&[("PENSTOCK_GHL_TOKEN", "none")]).await;
    stage.enqueue(&jobs()).await;
    all_wait(&stage).await;
    assert!(stage.calls().is_empty());
    let shown = stage.ask(&["job", "show", "note"]).await.to_string();
    assert!(shown.contains("PENSTOCK_GHL_TOKEN"), "{shown}");
    drop(none);
    let _right = stage.worker().await;
    stage.until_done(6).await;
}
