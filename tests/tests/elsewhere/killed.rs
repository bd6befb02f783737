//! `kill -9` of a worker while a call that may not be repeated is under way.

use penstock_shared::job::state::State;
use penstock_tests::fixture::Draft;
use serde_json::json;
use tokio::time::timeout;

use crate::stage::{PATIENCE, Stage, call, sms};

#[tokio::test]
async fn a_message_whose_worker_died_is_settled_by_word_of_it() {
    let stage = Stage::start().await;
    stage.sms.set_faults(["hang-after:op=send"]).unwrap();
    let mut first = stage.worker().await;
    stage.enqueue(&[sms("m1", json!({}))]).await;
    let sent = stage.sms.until(|seen| seen.effects == 1);
    timeout(PATIENCE, sent).await.unwrap();
    first.kill9();
    let _second = stage.worker().await;
    stage
        .until_job("m1", "taken over", |job| {
            job.run.text("unanswered").is_some() && job.state == State::Scheduled
        })
        .await;
    let report = json!({ "gsmsmsid": "m1", "status": 3 });
    let report = stage.sms.steer("reports", &report).unwrap();
    stage.hears(&report).await;
    assert_eq!(stage.result("m1").await["settledBy"], "delivery-report");
    assert_eq!(stage.sms_calls("send"), 1);
}

#[tokio::test]
async fn a_call_whose_worker_died_is_for_a_person_to_decide() {
    let stage = Stage::start().await;
    stage
        .smore
        .set_faults(["hang-after:op=crm-create-profile"])
        .unwrap();
    let mut first = stage.worker().await;
    let body = json!({ "body": { "email": "ann@example.com" } });
    stage
        .enqueue(&[call("c1", "POST", "/profiles", body)])
        .await;
    let made = stage.smore.until(|seen| seen.effects == 1);
    timeout(PATIENCE, made).await.unwrap();
    first.kill9();
    let _second = stage.worker().await;
    let dead = stage.dead("c1").await;
    assert_eq!(dead.cause, "ambiguous");
    assert!(stage.smore.summary().calls == 1 && stage.smore.summary().duplicates == 0);
    stage.ask(&["dead", "resolve", "c1", "--done"]).await;
    stage.until_state("c1", State::Done).await;
}

/// The worker dies at this point, and another takes over.
async fn died_at(point: &str, draft: Draft, id: &str) -> Stage {
    let stage = Stage::start().await;
    let mut first = stage.dying_worker(point).await;
    stage.enqueue(&[draft]).await;
    first.wait_exit(PATIENCE).await;
    let settings = [("PENSTOCK_SMS_REPORT_WAIT", "1s")];
    let _second = stage.worker_with(&stage.connections(), &settings).await;
    let dead = stage.dead(id).await;
    assert_eq!(dead.cause, "ambiguous", "{point}");
    stage
}

#[tokio::test]
async fn nothing_is_sent_twice_wherever_its_worker_dies() {
    let text = |point: &'static str, sent: u64| async move {
        let stage = died_at(point, sms("m1", json!({})), "m1").await;
        assert_eq!(stage.sms_calls("send"), sent, "{point}");
    };
    let body = json!({ "body": { "email": "ann@example.com" } });
    let http = |point: &'static str, sent: u64| {
        let post = call("c1", "POST", "/profiles", body.clone());
        async move {
            let stage = died_at(point, post, "c1").await;
            assert_eq!(stage.smore.summary().calls, sent, "{point}");
        }
    };
    tokio::join!(
        text("after-intent", 0),
        text("after-response", 1),
        text("before-settle", 1),
        http("after-intent", 0),
        http("after-response", 1),
    );
}

#[tokio::test]
async fn what_may_be_repeated_is() {
    let stage = Stage::start().await;
    stage
        .sms
        .set_faults(["hang-after:op=post-blacklist:count=1"])
        .unwrap();
    let mut first = stage.worker().await;
    let number = json!({ "phone": "+33612345678" });
    stage
        .enqueue(&[penstock_tests::fixture::job("b1").what("SmsBlacklist", number)])
        .await;
    let listed = stage.sms.until(|seen| seen.effects == 1);
    timeout(PATIENCE, listed).await.unwrap();
    first.kill9();
    let _second = stage.worker().await;
    stage.result("b1").await;
    assert_eq!(stage.sms_calls("post-blacklist"), 2);
    assert_eq!(stage.sms_effects("blacklist").len(), 1);
}
