//! Who was connected by OAuth reads until somebody lets it write.

use penstock_shared::job::state::State;
use penstock_tests::fixture::job;

use crate::stage::{ACME, Stage};

const ASK: [(&str, &str); 1] = [("PENSTOCK_ALLOW_WRITES", "ask")];

#[tokio::test]
async fn its_jobs_wait_until_a_person_allows_it() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    let worker = stage.worker_with(&ASK).await;
    let by_email = job("by-email").email("ada@example.com").note("Once");
    let one = job("one").contact("c-1").note("Once");
    stage.enqueue(&[one, by_email]).await;
    let waiting = stage.until_read_only("one").await;
    assert_eq!(waiting.attempts(), 0);
    let why = stage.ask(&["job", "why", "one"]).await.to_string();
    assert!(
        why.contains("read-only") && why.contains("allow-writes"),
        "{why}"
    );
    // It reads all the same, and what comes after a job for its contact comes after it.
    let pull = job("pull").what("PullContacts", serde_json::json!({}));
    let after = job("after").contact("c-1").note("Twice");
    stage.enqueue(&[after, pull]).await;
    stage.until_state("pull", State::Done).await;
    assert_eq!(stage.status("after").await.state, State::Blocked);
    stage.until_read_only("by-email").await;
    assert!(
        stage.calls_of("create-note").is_empty(),
        "nothing was written"
    );
    stage
        .sandbox
        .seed_contact(&serde_json::json!({ "email": "ada@example.com", "locationId": ACME }))
        .unwrap();
    let allowed = stage.ask(&["tenant", "allow-writes", ACME]).await;
    assert_eq!(
        (&allowed["writes"], &allowed["why"]),
        (&"allowed".into(), &serde_json::Value::Null)
    );
    for id in ["one", "by-email", "after"] {
        stage.until_state(id, State::Done).await;
    }

    stage.ask(&["tenant", "deny-writes", ACME]).await;
    // A worker hears of it within a second, and says so when it meets the next job.
    let _fresh = stage.worker_with(&ASK).await;
    drop(worker);
    stage.enqueue(&[job("later").note("Twice")]).await;
    stage.until_read_only("later").await;
}

#[tokio::test]
async fn who_has_tokens_by_hand_may_write_and_can_be_forbidden() {
    let stage = Stage::start().await;
    let with_token = [ASK[0], ("PENSTOCK_GHL_TOKEN", crate::stage::TOKEN)];
    stage.ask(&["tenant", "deny-writes", "other"]).await;
    let _worker = stage.worker_with(&with_token).await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_done(1).await;
    stage
        .enqueue(&[job("two").of("other").contact("c-o").note("Once")])
        .await;
    stage.until_read_only("two").await;
    stage.ask(&["tenant", "allow-writes", "other"]).await;
    stage.until_done(2).await;
}

/// The worker itself lets it go on, where all may write from its next start.
#[tokio::test]
async fn a_worker_by_whose_settings_all_may_write_lets_it_go_on() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    let asking = stage.worker_with(&ASK).await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_read_only("one").await;
    drop(asking);
    let _all = stage.worker().await;
    stage.until_done(1).await;
}
