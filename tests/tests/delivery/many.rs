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

#[tokio::test]
async fn a_job_for_many_contacts_tells_of_each() {
    let stage = Stage::start(&[]).await;
    stage.contacts(&["a", "b"]);
    let of = |contacts: Value| json!({ "contacts": contacts, "tags": [], "operation": "remove", "removeAllTags": true });
    let known = json!([{ "id": "a" }, { "id": "nobody" }]);
    let one = json!([{ "id": "b" }]);
    stage
        .enqueue_alone(&[
            job("many").what("BulkTags", of(known.clone())),
            job("one").what("BulkTags", of(one)),
            job("gone").what("BulkTags", of(json!([{ "id": "nobody" }]))),
            job("business").what(
                "SetBusiness",
                json!({ "contacts": known, "businessId": null }),
            ),
        ])
        .await;
    let _worker = stage.worker().await;
    for id in ["many", "one", "business"] {
        stage.until_state(id, State::Done).await;
    }
    let many = stage.result("many").await;
    assert_eq!(many["results"], json!([{ "contactId": "a", "tags": [] }]));
    assert_eq!(many["failed"][0]["contactId"], "nobody", "{many}");
    assert_eq!(many["failed"].as_array().unwrap().len(), 1, "{many}");
    assert_eq!(
        stage.result("one").await,
        json!({ "contactId": "b", "tags": [] })
    );
    let business = stage.result("business").await;
    assert_eq!(
        business["results"],
        json!([{ "contactId": "a", "businessId": null }])
    );
    assert_eq!(business["failed"][0]["contactId"], "nobody", "{business}");
    stage.until_state("gone", State::Dead).await;
    assert_eq!(stage.dead("gone").await.cause, "contact-not-found");
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
