//! Calls by a connection: what is sent, what its answers mean, and what becomes of those without one.

use penstock_shared::job::state::State;
use serde_json::json;

use crate::stage::{Stage, call};

#[tokio::test]
async fn a_call_gives_what_was_named_of_its_answer() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    let body = json!({
        "body": { "email": "ann@example.com", "firstName": "Ann" },
        "result": { "profile": "/id", "nothing": "/not/there" },
    });
    stage
        .enqueue(&[call("make", "POST", "/profiles", body)])
        .await;
    let made = stage.result("make").await;
    let id = made["profile"].as_str().unwrap().to_owned();
    assert_eq!(
        (&made["status"], &made["nothing"]),
        (&json!(201), &json!(null))
    );
    let path = format!("/profiles/{id}");
    let named = json!({ "result": { "name": "/firstName" } });
    stage
        .enqueue(&[
            call("read", "GET", &path, named),
            call(
                "find",
                "GET",
                "/profiles",
                json!({ "query": { "email": "ann@example.com" } }),
            ),
        ])
        .await;
    assert_eq!(stage.result("read").await["name"], "Ann");
    stage.result("find").await;
    stage
        .enqueue(&[call("drop", "DELETE", &path, json!({}))])
        .await;
    stage.result("drop").await;
    stage
        .enqueue(&[call("gone", "DELETE", &path, json!({}))])
        .await;
    assert_eq!(stage.result("gone").await["absent"], true);
}

#[tokio::test]
async fn what_may_not_be_repeated_and_had_no_answer_is_for_a_person() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage
        .smore
        .set_faults(["cut-before:op=crm-create-profile:count=1"])
        .unwrap();
    let body = json!({ "body": { "email": "ann@example.com" } });
    stage
        .enqueue(&[call("make", "POST", "/profiles", body)])
        .await;
    let dead = stage.dead("make").await;
    assert_eq!(dead.cause, "ambiguous");
    assert_eq!(stage.smore.summary().calls, 1);
    let shown = stage.ask(&["dead", "list"]).await;
    assert_eq!(shown[0]["type"], "HttpCall");
    stage.ask(&["dead", "resolve", "make", "--resend"]).await;
    stage.result("make").await;
    assert_eq!(stage.smore.summary().calls, 2);
}

#[tokio::test]
async fn what_the_other_end_knows_again_is_repeated() {
    let stage = Stage::start().await;
    let knows = stage.connections() + "idempotency_header = 'Idempotency-Key'\n";
    let _worker = stage.worker_with(&knows, &[]).await;
    stage
        .smore
        .set_faults(["cut-before:op=crm-create-profile:count=1"])
        .unwrap();
    let body = json!({ "body": { "email": "ann@example.com" } });
    stage
        .enqueue(&[call("make", "POST", "/profiles", body)])
        .await;
    stage.result("make").await;
    assert_eq!(stage.smore.summary().calls, 2);
}

/// Whether it was there before, or the lost call has made it: the other end says so, and says which it is.
#[tokio::test]
async fn what_is_there_already_counts_as_made_where_that_is_said() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage
        .smore
        .set_faults(["cut-after:op=crm-create-profile:count=1"])
        .unwrap();
    let made = json!({
        "body": { "email": "ann@example.com" }, "result": { "id": "/id" }, "idempotent": true, "accept": [409],
    });
    let refused = json!({ "body": { "email": "ann@example.com" }, "accept": [404] });
    stage
        .enqueue(&[
            call("make", "POST", "/profiles", made.clone()),
            call("again", "POST", "/profiles", made),
            call("refused", "POST", "/profiles", refused),
        ])
        .await;
    for id in ["make", "again"] {
        let result = stage.result(id).await;
        let profiles = stage.smore.effects();
        assert_eq!(profiles.len(), 1, "{id}");
        let expected = json!({ "status": 409, "id": profiles[0].change.id });
        assert_eq!(result, expected, "{id}");
    }
    assert_eq!(stage.dead("refused").await.cause, "rejected");
}

#[tokio::test]
async fn a_call_that_is_idempotent_is_repeated_and_a_refusal_is_not() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage
        .smore
        .set_faults(["503:op=crm-find-profiles:count=2"])
        .unwrap();
    stage
        .enqueue(&[
            call("read", "GET", "/profiles", json!({})),
            call("lost", "GET", "/profiles/nobody", json!({})),
            call(
                "wrong",
                "POST",
                "/profiles",
                json!({ "body": { "unknown": 1 } }),
            ),
        ])
        .await;
    stage.result("read").await;
    assert_eq!(stage.status("read").await.attempts(), 2);
    for id in ["lost", "wrong"] {
        assert_eq!(stage.dead(id).await.cause, "rejected", "{id}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_holds_that_connection_alone() {
    let stage = Stage::with(
        |_| {},
        |smore| smore.crm_tokens = vec!["the-right-one".into()],
    )
    .await;
    let first = stage.worker().await;
    stage
        .enqueue(&[call("read", "GET", "/profiles", json!({}))])
        .await;
    stage.until_held("crm", "needs-authorisation").await;
    stage.enqueue(&[crate::stage::sms("m1", json!({}))]).await;
    stage.result("m1").await;
    drop(first);
    let right = stage.connections().replace("crm-token", "the-right-one");
    let _second = stage.worker_with(&right, &[]).await;
    stage.result("read").await;
}

#[tokio::test]
async fn a_dead_letter_stays_with_its_connection() {
    let stage = Stage::start().await;
    let _worker = stage.worker().await;
    stage
        .enqueue(&[call("lost", "GET", "/profiles/nobody", json!({}))])
        .await;
    stage.dead("lost").await;
    let edit = |payload: serde_json::Value| {
        let url = stage.redis.url();
        async move {
            let args = ["dead", "edit", "lost", "--payload", "-"];
            let env = [("PENSTOCK_REDIS_URL", url.as_str())];
            penstock_tests::harness::run("penstock-admin", &args, &env, payload.to_string()).await
        }
    };
    let elsewhere = json!({ "connection": "smore", "method": "GET", "path": "/profiles" });
    let refused = edit(elsewhere).await;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("payload.connection"),
        "{}",
        refused.stderr
    );
    let right = json!({ "connection": "crm", "method": "GET", "path": "/profiles" });
    assert_eq!(edit(right).await.code, Some(0));
    stage.ask(&["dead", "retry", "lost"]).await;
    stage.until_state("lost", State::Done).await;
}
