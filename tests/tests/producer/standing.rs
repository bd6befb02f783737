//! `GET /v1/jobs/{id}`: where a job stands.

use penstock_shared::{
    job::state::Ending,
    outcome::{Cause, Fault},
    queue::settle::Settlement,
};
use penstock_tests::fixture::{back, dead, done, job};
use serde_json::{Value, json};

use crate::{
    service::Service,
    stage::{ACME, Stage},
};

const FUTURE: u64 = 4_000_000_000_000;

/// With the entry that a worker makes of a failed attempt.
fn with_history(mut settlement: Settlement) -> Settlement {
    settlement.history = Some(json!({ "error": "the API said no", "status": 503 }).to_string());
    settlement
}

fn moment(value: &Value) -> i64 {
    let moment: jiff::Timestamp = value.as_str().expect("a moment").parse().unwrap();
    moment.as_millisecond()
}

#[tokio::test]
async fn jobs_that_wait() {
    let stage = Stage::start().await;
    stage.register(0).await;
    let jobs = [
        job("ready").contact("c"),
        job("blocked").contact("c"),
        job("scheduled").run_at(FUTURE),
    ];
    stage.store(&jobs).await;
    // The worker lives, however long this takes.
    let service = Service::start(&stage, &[("PENSTOCK_LEASE", "10m")]).await;
    let mut least = 1_700_000_000_000;
    for id in ["ready", "blocked", "scheduled"] {
        let mut shown = service.job(id).await;
        let foreseen = shown.as_object_mut().unwrap().remove("eta");
        let eta = foreseen.as_ref().map(moment).expect("it is foreseen");
        // The blocked one after the ready one, which runs now; the scheduled one not before its time.
        assert!(eta >= least, "{id}: {eta}");
        least = if id == "blocked" {
            FUTURE.cast_signed()
        } else {
            eta
        };
        let mut expected = json!({
            "id": id, "type": "AddTags", "tenant": "acme", "state": id, "attempts": 0,
        });
        if id == "scheduled" {
            assert_eq!(moment(&shown["runAt"]), 4_000_000_000_000);
            expected["runAt"] = shown["runAt"].clone();
        }
        assert_eq!(shown, expected);
    }
}

#[tokio::test]
async fn jobs_that_run_or_retry_or_are_done() {
    let mut stage = Stage::start().await;
    stage.store(&[job("a").note("x")]).await;
    let service = Service::start(&stage, &[]).await;
    let claimed = stage.claim_one(ACME).await;
    let running = service.job("a").await;
    let expected = json!({
        "id": "a", "type": "AttachNote", "tenant": "acme", "state": "running", "attempts": 0,
    });
    assert_eq!(running, expected);

    // Due again a moment later.
    stage.settle(with_history(back(&claimed, 1))).await;
    let failed = service.job("a").await;
    assert_eq!(failed["attempts"], 1, "{failed}");
    assert_eq!(failed["lastError"], "the API said no", "{failed}");
    let claimed = loop {
        if let Some(claimed) = stage.claim(ACME, 1).await.pop() {
            break claimed;
        }
    };
    stage.settle(with_history(back(&claimed, 3_600_000))).await;
    let retrying = service.job("a").await;
    assert_eq!(
        (&retrying["state"], &retrying["attempts"]),
        (&json!("scheduled"), &json!(2))
    );

    stage.store(&[job("b").note("x")]).await;
    let claimed = stage.claim_one(ACME).await;
    let mut settlement = done(&claimed);
    settlement.job_type = "AttachNote".into();
    stage.settle(settlement).await;
    let expected = json!({
        "id": "b", "type": "AttachNote", "tenant": "acme", "state": "done", "attempts": 0,
        "result": { "contactId": "c1" },
    });
    assert_eq!(service.job("b").await, expected);
}

#[tokio::test]
async fn dead_jobs_say_why() {
    let mut stage = Stage::start().await;
    stage.store(&[job("a")]).await;
    let claimed = stage.claim_one(ACME).await;
    let mut settlement = dead(&claimed, Cause::Rejected);
    let fault = Fault {
        status: Some(422),
        message: "tags must not be empty".into(),
    };
    settlement.transition.ending = Ending::Dead {
        cause: Cause::Rejected,
        fault,
        evidence: None,
    };
    stage.settle(settlement).await;
    let service = Service::start(&stage, &[]).await;
    let shown = service.job("a").await;
    assert_eq!(
        (&shown["state"], &shown["type"]),
        (&json!("dead"), &json!("AddTags"))
    );
    assert!(
        shown["lastError"]
            .as_str()
            .unwrap()
            .contains("tags must not be empty")
    );
    assert_eq!((shown.get("eta"), shown.get("result")), (None, None));
}

#[tokio::test]
async fn a_stored_job_that_nobody_can_read_is_shown_all_the_same() {
    let stage = Stage::start().await;
    stage.store(&[job("a")]).await;
    let key = stage.queue.keys(0).job(ACME);
    stage.redis.cli(["HSET", &key, "a", "garbage"]).await;
    let service = Service::start(&stage, &[]).await;
    let shown = service.job("a").await;
    assert_eq!((&shown["id"], &shown["type"]), (&json!("a"), &Value::Null));
}

#[tokio::test]
async fn an_id_may_have_any_characters() {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    for id in [
        "a b",
        "orders/4711",
        "../../livez",
        "a%2Fb",
        "100%",
        "a?b=c&d",
        "a#b",
        "a+b",
        "{0}:*",
        "ümläut \"日本\" 🎉",
        "'; FLUSHALL",
        &"x".repeat(128),
        &"日".repeat(128),
    ] {
        let job = json!({
            "type": "AddTags", "tenant": "acme", "id": id,
            "payload": { "contact": { "id": "c" }, "tags": ["t"] },
        });
        assert_eq!(
            service.post(job.to_string()).await.receipts(),
            [(id, "accepted")]
        );
        let escaped = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
        let shown = service.job(&escaped.to_string()).await;
        assert_eq!(shown["id"], id);
    }
}

#[tokio::test]
async fn what_is_nobodys_is_404() {
    let stage = Stage::start().await;
    stage.store(&[job("a")]).await;
    let service = Service::start(&stage, &[]).await;
    let long = "x".repeat(129);
    for id in [
        "b",
        "A",
        "a%20",
        "%00",
        "%ff",
        "a%0Ab",
        &long,
        "a?tenant=zenith",
    ] {
        let answer = service.get(&format!("/v1/jobs/{id}")).await;
        answer.problem(404);
    }
}

#[tokio::test]
async fn an_id_of_two_tenants_is_409_until_one_is_named() {
    let stage = Stage::start().await;
    stage
        .store(&[job("a"), job("a").of("zenith"), job("b")])
        .await;
    let service = Service::start(&stage, &[]).await;
    let answer = service.get("/v1/jobs/a").await;
    answer.problem(409);
    assert!(answer.text.contains("?tenant="), "{answer:?}");
    for tenant in ["acme", "zenith"] {
        let shown = service.job(&format!("a?tenant={tenant}")).await;
        assert_eq!(shown["tenant"], tenant);
    }
    assert_eq!(service.job("b").await["tenant"], "acme");
    for nonsense in ["", "a%2Fb", "a&tenant=b", "%ff"] {
        let answer = service.get(&format!("/v1/jobs/a?tenant={nonsense}")).await;
        answer.problem(400);
    }
}
