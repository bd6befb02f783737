//! A message of which nobody knows whether it was sent: it is never sent again. A report or a reply settles it, also after a person was called.

use penstock_shared::{job::state::State, queue::status::JobStatus};
use penstock_tests::harness::{Program, wait_until};
use serde_json::{Value, json};

use crate::stage::{ANN_THERE, PATIENCE, Stage, sms};

/// The message has an effect, and its answer is lost.
async fn unanswered(wait: &str) -> (Stage, Program) {
    let stage = Stage::start().await;
    stage.sms.set_faults(["cut-after:op=send"]).unwrap();
    let settings = [("PENSTOCK_SMS_REPORT_WAIT", wait)];
    let worker = stage.worker_with(&stage.connections(), &settings).await;
    stage.enqueue(&[sms("m1", json!({}))]).await;
    stage
        .until_job("m1", "without an answer", |job| {
            job.run.text("intent").is_some() && job.state == State::Scheduled
        })
        .await;
    (stage, worker)
}

fn delivered(stage: &Stage) -> Value {
    let report = json!({ "gsmsmsid": "m1", "status": 3 });
    stage.sms.steer("reports", &report).unwrap()
}

/// Whatever was heard meanwhile.
async fn until_it_has_looked_again(stage: &Stage) {
    let looks = stage.sms_calls("get-replies");
    wait_until("another look", PATIENCE, || async {
        (stage.sms_calls("get-replies") > looks + 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_delivery_report_settles_it() {
    let (stage, _worker) = unanswered("60s").await;
    assert_eq!(stage.whys("m1").await[0], "report");
    stage.hears(&delivered(&stage)).await;
    let expected = json!({ "settledBy": "delivery-report", "deliveryStatus": "DELIVERED" });
    assert_eq!(stage.result("m1").await, expected);
    assert_eq!(stage.sms_calls("send"), 1);
    assert_eq!(
        stage.status("m1").await.attempts(),
        1,
        "the one that had no answer"
    );
}

#[tokio::test]
async fn a_reply_settles_it_though_no_webhook_comes() {
    let (stage, _worker) = unanswered("60s").await;
    let reply = json!({ "from": ANN_THERE, "message": "Thanks" });
    stage.sms.steer("replies", &reply).unwrap();
    assert_eq!(stage.result("m1").await, json!({ "settledBy": "reply" }));
    assert_eq!(stage.sms_calls("send"), 1);
}

/// A reply stands in its contact's order, behind the very message that it settles.
#[tokio::test]
async fn a_stop_settles_the_message_that_it_would_wait_for() {
    let (stage, _worker) = unanswered("60s").await;
    // The API does not list it.
    stage.sms.set_faults(["503:op=get-replies"]).unwrap();
    let reply = json!({ "from": ANN_THERE, "message": "STOP" });
    let stop = stage.sms.steer("replies", &reply).unwrap();
    stage.hears(&stop).await;
    assert_eq!(stage.result("m1").await, json!({ "settledBy": "reply" }));
    assert_eq!(stage.sms_calls("send"), 1);
}

#[tokio::test]
async fn where_nobody_tells_a_person_decides_and_a_late_report_decides_for_them() {
    let (stage, _worker) = unanswered("2s").await;
    let dead = stage.dead("m1").await;
    assert_eq!(dead.cause, "ambiguous");
    stage.hears(&delivered(&stage)).await;
    let result = stage.result("m1").await;
    assert_eq!(result["settledBy"], "delivery-report");
    assert_eq!(stage.sms_calls("send"), 1);
    let stats = stage.queue.stats().await.unwrap();
    assert_eq!(stats.dead, 0);
}

#[tokio::test]
async fn a_message_that_had_no_effect_is_not_sent_again_either() {
    let stage = Stage::start().await;
    stage.sms.set_faults(["cut-before:op=send"]).unwrap();
    let settings = [("PENSTOCK_SMS_REPORT_WAIT", "2s")];
    let _worker = stage.worker_with(&stage.connections(), &settings).await;
    stage.enqueue(&[sms("m1", json!({}))]).await;
    assert_eq!(stage.dead("m1").await.cause, "ambiguous");
    assert_eq!(
        (stage.sms_calls("send"), stage.sms_effects("sms").len()),
        (1, 0)
    );
    stage.sms.set_faults([]).unwrap();
    // A person may, of course.
    stage.ask(&["dead", "resolve", "m1", "--resend"]).await;
    assert!(stage.result("m1").await["ticket"].is_string());
}

#[tokio::test]
async fn what_others_are_told_of_changes_nothing() {
    let (stage, _worker) = unanswered("60s").await;
    let mut report = delivered(&stage);
    report["message_id"] = "somebody-elses".into();
    stage.hears(&report).await;
    let mut report = delivered(&stage);
    report["destination"] = "33699999999".into();
    stage.hears(&report).await;
    until_it_has_looked_again(&stage).await;
    assert_ne!(stage.status("m1").await.state, State::Done);
    stage.hears(&delivered(&stage)).await;
    stage.result("m1").await;
}

/// Ids are unique in one tenant alone, and here two send by one account: word of the other's message is none of ours.
#[tokio::test]
async fn of_two_tenants_with_one_account_each_hears_of_its_own_messages() {
    let stage = Stage::start().await;
    let _worker = stage.worker_with(&stage.shared_connections(), &[]).await;
    stage
        .sms
        .set_faults(["cut-before:op=send:count=1"])
        .unwrap();
    stage.enqueue(&[sms("m1", json!({}))]).await;
    let is_unknown =
        |job: &JobStatus| job.run.text("intent").is_some() && job.state == State::Scheduled;
    stage.until_job("m1", "without an answer", is_unknown).await;
    stage.enqueue(&[sms("m1", json!({})).of("beta")]).await;
    wait_until("the other's message", PATIENCE, || async {
        let other = stage.status_of("beta", "m1").await;
        (other.state == State::Done).then_some(())
    })
    .await;
    assert_eq!(
        stage.sms_effects("sms")[0].change.content["gsmsmsid"],
        "beta/m1"
    );
    // Both have written to this number, and so it is only the word that tells.
    let reply = json!({ "from": ANN_THERE, "message": "Thanks" });
    stage.sms.steer("replies", &reply).unwrap();
    let report = json!({ "gsmsmsid": "beta/m1", "status": 3 });
    stage
        .hears(&stage.sms.steer("reports", &report).unwrap())
        .await;
    until_it_has_looked_again(&stage).await;
    assert_ne!(stage.status("m1").await.state, State::Done);
    // By the webhook of one tenant the account tells of the messages of all.
    stage.sms.set_faults(["cut-after:op=send:count=1"]).unwrap();
    stage.enqueue(&[sms("m2", json!({})).of("beta")]).await;
    let report = json!({ "gsmsmsid": "beta/m2", "status": 3 });
    let report = wait_until("m2 to be sent", PATIENCE, || async {
        stage.sms.steer("reports", &report).ok()
    })
    .await;
    stage.hears(&report).await;
    wait_until("m2 to be settled", PATIENCE, || async {
        let other = stage.status_of("beta", "m2").await;
        other
            .done
            .filter(|(done, _)| done.result["settledBy"] == "delivery-report")
    })
    .await;
}

/// An account of one's own may say whatever it likes, and nobody else is concerned.
#[tokio::test]
async fn what_one_account_tells_settles_no_message_of_another() {
    let stage = Stage::start().await;
    let two = stage.shared_connections();
    let own = "token = 'sms-token'\n[smsfactor.tenants.acme]\ntoken = 'its-own'\n";
    let two = two.replace("token = 'sms-token'\n", own);
    stage.sms.set_faults(["cut-after:op=send"]).unwrap();
    let _worker = stage.worker_with(&two, &[]).await;
    stage.enqueue(&[sms("m1", json!({})).of("beta")]).await;
    wait_until("m1 to be without an answer", PATIENCE, || async {
        let job = stage.status_of("beta", "m1").await;
        (job.run.text("intent").is_some() && job.state == State::Scheduled).then_some(())
    })
    .await;
    let report = json!({ "gsmsmsid": "beta/m1", "status": 3 });
    stage
        .hears(&stage.sms.steer("reports", &report).unwrap())
        .await;
    until_it_has_looked_again(&stage).await;
    assert_ne!(stage.status_of("beta", "m1").await.state, State::Done);
}
