//! More effects than calls: what waits together goes together, and each job has its own result.

use std::collections::BTreeMap;

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Program, free_port, wait_until},
};
use serde_json::{Value, json};

use crate::stage::{ACME, PATIENCE, Stage};

async fn worker(stage: &Stage) -> Program {
    stage.worker_with(&[("PENSTOCK_COALESCE", "on")]).await
}

/// The same tag for so many contacts.
fn campaign(count: usize) -> Vec<Draft> {
    (0..count)
        .map(|number| job(&format!("j{number}")))
        .collect()
}

#[tokio::test]
async fn a_campaign_is_a_few_calls_and_each_job_has_its_result() {
    let stage = Stage::start(&[]).await;
    let mut drafts = campaign(250);
    drafts.push(job("note").contact("contact-6a33").note("after j3"));
    stage.enqueue(&drafts).await;
    let _worker = worker(&stage).await;
    stage.until_done(251).await;
    let operations = stage.operations();
    assert_eq!(operations["create-note"], 1);
    let bulk = operations["create-association"];
    assert!((3..=8).contains(&bulk), "{operations:?}");
    assert!(
        operations.get("add-tags").copied().unwrap_or(0) <= 2,
        "{operations:?}"
    );
    let expected = json!({ "contactId": "contact-6a33", "tags": ["vip"] });
    assert_eq!(stage.result("j3").await, expected);
}

#[tokio::test]
async fn a_contact_that_is_not_there_hinders_no_other() {
    let stage = Stage::start(&[]).await;
    stage.enqueue(&campaign(4)).await;
    let stray = [job("stray").contact("nobody").build()];
    let each = penstock_shared::queue::enqueue::Admission::Each;
    stage.queue.enqueue(&stray, each).await.unwrap();
    let _worker = worker(&stage).await;
    stage.until_state("stray", State::Dead).await;
    for id in ["j0", "j1", "j2", "j3"] {
        stage.until_state(id, State::Done).await;
    }
    let dead = stage.dead("stray").await;
    assert_eq!(dead.cause, "contact-not-found");
    let expected = BTreeMap::from([("create-association", 1), ("add-tags", 1)]);
    assert_eq!(stage.operations(), expected);
}

#[tokio::test]
async fn updates_of_one_contact_are_one_call_and_the_later_fields_win() {
    let stage = Stage::start(&[]).await;
    let upsert = |id: &str, fields: Value| {
        let mut fields = fields;
        fields["email"] = "ann@example.com".into();
        fields["phone"] = "+14155550100".into();
        job(id).upsert_of(fields)
    };
    let drafts = [
        upsert(
            "a",
            json!({ "firstName": "Ann", "city": "Bern", "tags": ["first"] }),
        ),
        upsert("b", json!({ "firstName": "Anna" })),
        upsert("c", json!({ "lastName": "Li" })),
    ];
    stage.enqueue(&drafts).await;
    let _worker = worker(&stage).await;
    stage.until_done(3).await;
    assert_eq!(stage.operations(), BTreeMap::from([("upsert-contact", 1)]));
    let results = [
        stage.result("a").await,
        stage.result("b").await,
        stage.result("c").await,
    ];
    assert_eq!(
        [&results[0]["new"], &results[1]["new"], &results[2]["new"]],
        [true, false, false]
    );
    assert!(
        results
            .iter()
            .all(|result| result["contactId"] == results[0]["contactId"])
    );
    let contact = stage
        .contact(results[0]["contactId"].as_str().unwrap())
        .await;
    for (field, value) in [
        ("firstName", json!("Anna")),
        ("lastName", json!("Li")),
        ("city", json!("Bern")),
        ("phone", json!("+14155550100")),
        ("tags", json!(["first"])),
    ] {
        assert_eq!(contact[field], value, "{contact}");
    }
}

#[tokio::test]
async fn a_merged_call_that_is_refused_is_taken_apart_at_no_cost() {
    let stage = Stage::start(&[
        "422:op=add-tags:count=1",
        "422:op=create-association:count=1",
    ])
    .await;
    let of = |id: &str| job(id).contact("c").tag(id);
    stage.enqueue(&[of("a"), of("b"), of("c")]).await;
    stage.enqueue(&campaign(3)).await;
    let _worker = worker(&stage).await;
    stage.until_done(6).await;
    let operations = stage.operations();
    assert_eq!(operations["create-association"], 1);
    assert_eq!(operations["add-tags"], 1 + 3 + 3);
    for id in ["a", "b", "c", "j0", "j1", "j2"] {
        assert_eq!(stage.status(id).await.attempts(), 0, "{id}");
    }
    let order: Vec<_> = stage.calls_on("c").iter().map(|call| call.status).collect();
    assert_eq!(order, [Some(422), Some(201), Some(201), Some(201)]);
    assert_eq!(stage.contact("c").await["tags"], json!(["a", "b", "c"]));
}

#[tokio::test]
async fn a_merged_call_without_an_answer_is_repeated_and_each_contact_waits_it_out() {
    let stage = Stage::start(&["cut-after:op=create-association:count=1"]).await;
    let mut drafts = campaign(3);
    let next = |id: &str, contact: &str| job(id).contact(contact).note(id);
    drafts.extend([next("n1", "contact-6a30"), next("n2", "contact-6a31")]);
    stage.enqueue(&drafts).await;
    let _worker = worker(&stage).await;
    stage.until_done(5).await;
    let calls = stage.calls();
    let cut = calls.iter().find(|call| call.status.is_none()).unwrap();
    for note in calls.iter().filter(|call| call.operation == "create-note") {
        let waited = note.at.millis() - cut.done_at.unwrap().millis();
        assert!(
            waited >= 2_000 - 100,
            "{waited} ms after the call that was cut"
        );
    }
}

#[tokio::test]
async fn a_group_that_is_throttled_costs_no_attempt_and_stays_together() {
    let stage = Stage::start(&["429:op=create-association:count=1"]).await;
    stage.enqueue(&campaign(5)).await;
    let _worker = worker(&stage).await;
    stage.until_state("j0", State::Done).await;
    stage.until_done(5).await;
    for id in ["j0", "j4"] {
        assert_eq!(stage.status(id).await.attempts(), 0, "{id}");
    }
}

#[tokio::test]
async fn the_calls_that_were_saved_are_counted() {
    let stage = Stage::start(&[]).await;
    let metrics = format!("127.0.0.1:{}", free_port());
    stage.enqueue(&campaign(40)).await;
    let settings = [
        ("PENSTOCK_COALESCE", "on"),
        ("PENSTOCK_METRICS_LISTEN", &metrics),
    ];
    let _worker = stage.worker_with(&settings).await;
    stage.until_done(40).await;
    let saved = 40 - stage.sandbox.summary().calls;
    let line = format!("penstock_calls_saved_total {saved}");
    wait_until("the calls to be counted", PATIENCE, || async {
        let text = reqwest::get(format!("http://{metrics}/metrics"))
            .await
            .ok()?;
        text.text().await.ok().filter(|text| text.contains(&line))
    })
    .await;
    assert!(saved >= 30, "{saved}");
    assert_eq!(stage.calls_of(ACME).len() as u64, 40 - saved);
}
