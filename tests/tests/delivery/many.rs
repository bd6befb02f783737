//! Tags and businesses of many contacts: one call, and a result for each.

use std::collections::BTreeMap;

use penstock_shared::{job::state::State, queue::enqueue::Admission};
use penstock_tests::{
    fixture::{Draft, job},
    harness::Program,
};
use serde_json::{Value, json};

use crate::stage::{ACME, Stage};

async fn worker(stage: &Stage) -> Program {
    let settings = [
        ("PENSTOCK_COALESCE", "on"),
        ("PENSTOCK_COALESCE_MAX", "200"),
    ];
    stage.worker_with(&settings).await
}

fn contact(number: usize) -> String {
    format!("c{number}")
}

fn tags(id: &str, contacts: &[&str], operation: &str, tags: &[&str]) -> Draft {
    let contacts: Vec<_> = contacts.iter().map(|id| json!({ "id": id })).collect();
    let payload = json!({ "contacts": contacts, "operation": operation, "tags": tags });
    job(id).what("BulkTags", payload)
}

fn business(id: &str, contact: &str) -> Draft {
    let payload = json!({ "contacts": [{ "id": contact }], "businessId": "b1" });
    job(id).what("SetBusiness", payload)
}

impl Stage {
    fn contacts(&self, ids: &[&str]) {
        for id in ids {
            let contact = json!({ "id": id, "locationId": ACME, "tags": ["old"] });
            self.sandbox.seed_contact(&contact).unwrap();
        }
    }

    /// Without their contacts.
    async fn enqueue_alone(&self, drafts: &[Draft]) {
        let jobs: Vec<_> = drafts.iter().map(Draft::build).collect();
        self.queue.enqueue(&jobs, Admission::Each).await.unwrap();
    }
}

#[tokio::test]
async fn jobs_of_one_contact_each_become_one_call_and_those_that_fail_are_sent_singly() {
    let stage = Stage::start(&[]).await;
    stage.contacts(&["a", "b", "c"]);
    let drafts = [
        tags("ja", &["a"], "remove", &["old"]),
        tags("jb", &["b"], "remove", &["old"]),
        tags("stray", &["nobody"], "remove", &["old"]),
        // Another change, and one of another type, are calls of their own.
        tags("jc", &["c"], "add", &["old"]),
    ];
    stage.enqueue_alone(&drafts).await;
    let _worker = worker(&stage).await;
    for id in ["ja", "jb", "jc"] {
        stage.until_state(id, State::Done).await;
    }
    stage.until_state("stray", State::Dead).await;
    assert_eq!(stage.dead("stray").await.cause, "contact-not-found");
    for (id, contact) in [("ja", "a"), ("jb", "b")] {
        let expected = json!({ "contactId": contact, "tags": [] });
        assert_eq!(stage.result(id).await, expected);
        assert_eq!(stage.contact(contact).await["tags"], json!([]));
    }
    let expected = json!({ "contactId": "c", "tags": ["old"] });
    assert_eq!(stage.result("jc").await, expected);
    let mut operations = stage.operations();
    operations.remove("get-contact");
    let one_each = [
        ("create-association", 1),
        ("remove-tags", 1),
        ("add-tags", 1),
    ];
    assert_eq!(operations, BTreeMap::from(one_each));
}

/// It is spread over jobs of one contact each: those stand in their contacts' sequences, and one that fails is a dead letter of its own.
#[tokio::test]
async fn a_job_for_many_contacts_tells_of_each() {
    let stage = Stage::start(&[]).await;
    stage.contacts(&["a", "b"]);
    let of = |contacts: Value| json!({ "contacts": contacts, "tags": [], "operation": "remove", "removeAllTags": true });
    let known = json!([{ "id": "a" }, { "id": "nobody" }]);
    stage
        .enqueue_alone(&[
            job("many").what("BulkTags", of(known.clone())),
            job("after").contact("a"),
            job("one").what("BulkTags", of(json!([{ "id": "b" }]))),
            job("business").what(
                "SetBusiness",
                json!({ "contacts": known, "businessId": null }),
            ),
        ])
        .await;
    assert_eq!(stage.status("after").await.state, State::Blocked);
    let _worker = worker(&stage).await;
    for id in ["many", "one", "business", "after"] {
        stage.until_state(id, State::Done).await;
    }
    for (id, part) in [("many", "many/2"), ("business", "business/2")] {
        let failed = json!([{ "contactId": "nobody", "id": part }]);
        assert_eq!(
            stage.result(id).await,
            json!({ "done": 1, "failed": failed })
        );
    }
    assert_eq!(stage.dead("many/2").await.cause, "contact-not-found");
    assert_eq!(stage.dead("business/2").await.cause, "rejected");
    assert_eq!(
        stage.result("many/1").await,
        json!({ "contactId": "a", "tags": [] })
    );
    assert_eq!(stage.contact("a").await["tags"], json!(["vip"]));
}

/// Somebody deletes one that is dead before all have ended: that does not make it done.
#[tokio::test]
async fn one_that_was_deleted_is_not_told_of_as_done() {
    let stage = Stage::start(&["delay=2s:op=add-tags:count=1"]).await;
    stage.contacts(&["a"]);
    let drafts = [
        job("first").contact("a"),
        tags("many", &["a", "nobody"], "add", &["x"]),
    ];
    stage.enqueue_alone(&drafts).await;
    let _worker = worker(&stage).await;
    stage.until_state("many/2", State::Dead).await;
    stage.ask(&["dead", "delete", "many/2"]).await;
    stage.until_state("many", State::Done).await;
    let result = stage.result("many").await;
    assert_eq!(result["done"], 1);
    let told = [&result["failed"], &result["unknown"]];
    let lost = json!([{ "contactId": "nobody", "id": "many/2" }]);
    assert!(told.contains(&&lost), "{result}");
}

/// Whoever stores it again gets the same jobs, and they are one call.
#[tokio::test]
async fn one_for_many_is_one_call_however_often_it_is_stored() {
    let stage = Stage::start(&[]).await;
    let ids: Vec<_> = (0..80).map(contact).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    stage.contacts(&ids);
    let drafts = [tags("many", &ids, "add", &["x"])];
    stage.enqueue_alone(&drafts).await;
    stage.enqueue_alone(&drafts).await;
    let _worker = worker(&stage).await;
    stage.until_done(81).await;
    assert_eq!(
        stage.result("many").await,
        json!({ "done": 80, "failed": [] })
    );
    assert_eq!(stage.operations()["create-association"], 1);
}

/// The API takes fifty at once.
#[tokio::test]
async fn a_business_is_set_for_fifty_contacts_a_call() {
    const COUNT: usize = 120;
    let stage = Stage::start(&[]).await;
    let ids: Vec<_> = (0..COUNT).map(contact).collect();
    stage.contacts(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let mut drafts: Vec<_> = ids.iter().map(|id| business(id, id)).collect();
    drafts.push(business("stray", "nobody"));
    stage.enqueue_alone(&drafts).await;
    let _worker = worker(&stage).await;
    stage.until_state("stray", State::Dead).await;
    assert_eq!(stage.dead("stray").await.cause, "rejected");
    for id in &ids {
        stage.until_state(id, State::Done).await;
        let expected = json!({ "contactId": id, "businessId": "b1" });
        assert_eq!(stage.result(id).await, expected);
    }
    let calls = stage.operations()["add-remove-contact-from-business"];
    assert!((4..=8).contains(&calls), "{calls} calls");
    assert_eq!(stage.contact("c7").await["businessId"], "b1");
}

#[tokio::test]
async fn a_call_without_an_answer_is_repeated() {
    let stage = Stage::start(&[
        "cut-after:op=add-remove-contact-from-business:count=1",
        "cut-before:op=create-association:count=1",
    ])
    .await;
    stage.contacts(&["a", "b", "c", "d"]);
    stage
        .enqueue_alone(&[
            business("ba", "a"),
            business("bb", "b"),
            tags("tc", &["c"], "add", &["x"]),
            tags("td", &["d"], "add", &["x"]),
        ])
        .await;
    let _worker = worker(&stage).await;
    stage.until_done(4).await;
    assert_eq!(stage.contact("d").await["tags"], json!(["old", "x"]));
    assert_eq!(stage.contact("b").await["businessId"], "b1");
}
