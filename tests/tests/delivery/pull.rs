//! Contacts pulled from the API: each becomes an event, once, whatever happens on the way.

use penstock_shared::{job::state::State, queue::enqueue::Admission};
use penstock_tests::{
    fixture::job,
    harness::RedisOptions,
    sandbox::{Options, Seed, Summary},
};
use serde_json::{Value, json};

use super::stage::{ACME, Stage};

const SEARCH: &str = "search-contacts-advanced";

impl Stage {
    /// So many contacts, `c0` and so on; every third is called Ada.
    fn people(&self, count: usize) {
        for number in 0..count {
            let name = if number.is_multiple_of(3) {
                "Ada"
            } else {
                "Bob"
            };
            let email = format!("{name}{number}@example.com");
            let contact = json!({
                "id": format!("c{number}"), "locationId": ACME, "firstName": name, "lastName": "Lovelace", "email": email,
                "address1": "12 Rue de la Paix", "customFields": [{ "id": "f", "field_value": "gold" }],
            });
            self.sandbox.seed_contact(&contact).unwrap();
        }
    }

    async fn pull(&self, payload: Value) {
        let jobs = [job("pull").what("PullContacts", payload).build()];
        self.queue.enqueue(&jobs, Admission::Each).await.unwrap();
    }

    fn searches(&self) -> u64 {
        let summary = self.sandbox.summary();
        summary
            .by_operation
            .get(SEARCH)
            .copied()
            .unwrap_or_default()
    }
}

/// A worker dies in the midst of it. The next one goes on where it was, and tells of no contact twice.
#[tokio::test]
async fn every_contact_becomes_one_event_though_a_worker_dies() {
    let stage = Stage::start(&["delay=20ms:op=search-contacts-advanced"]).await;
    stage.people(350);
    stage.pull(json!({ "pageLimit": 20 })).await;
    let mut first = stage.worker().await;
    let seen = |summary: &Summary| summary.by_operation.get(SEARCH) >= Some(&7);
    stage.until_seen("some pages", seen).await;
    first.kill9();
    let _second = stage.worker().await;
    stage.until_done(351).await;
    let result = json!({ "contacts": 350, "pages": 18 });
    assert_eq!(stage.result("pull").await, result);
    for number in 0..350 {
        let event = stage.status(&format!("pull/c{number}")).await;
        assert_eq!(event.state, State::Done);
    }
    // 18 pages and an empty one. At the most the page under way was read twice.
    assert!(
        (19..=20).contains(&stage.searches()),
        "{}",
        stage.searches()
    );
}

#[tokio::test]
async fn only_those_that_a_query_finds_are_told() {
    let stage = Stage::start(&[]).await;
    stage.people(30);
    stage.pull(json!({ "query": "Ada", "pageLimit": 4 })).await;
    let _worker = stage.worker().await;
    stage.until_done(11).await;
    let result = json!({ "contacts": 10, "pages": 3 });
    assert_eq!(stage.result("pull").await, result);
    for number in (0..30).step_by(3) {
        stage.result(&format!("pull/c{number}")).await;
    }
}

#[tokio::test]
async fn only_those_of_a_business_are_told() {
    let stage = Stage::start(&[]).await;
    stage.people(45);
    let business = json!({ "id": "b1", "locationId": ACME });
    stage.sandbox.seed(Seed::Business, &business).unwrap();
    let ids: Vec<_> = (0..45)
        .step_by(2)
        .map(|number| format!("c{number}"))
        .collect();
    let belong = json!({ "locationId": ACME, "ids": ids, "businessId": "b1" });
    stage
        .by_another(reqwest::Method::POST, "/contacts/bulk/business", belong)
        .await;
    stage
        .pull(json!({ "businessId": "b1", "pageLimit": 10 }))
        .await;
    let _worker = stage.worker().await;
    stage.until_done(24).await;
    let result = json!({ "contacts": 23, "pages": 3 });
    assert_eq!(stage.result("pull").await, result);
    for id in &ids {
        stage.result(&format!("pull/{id}")).await;
    }
    stage.pull_dies_of_an_unknown_business().await;
}

impl Stage {
    async fn pull_dies_of_an_unknown_business(&self) {
        let stray = job("stray").what("PullContacts", json!({ "businessId": "nobody" }));
        let jobs = [stray.build()];
        self.queue.enqueue(&jobs, Admission::Each).await.unwrap();
        self.until_state("stray", State::Dead).await;
        assert_eq!(self.dead("stray").await.cause, "rejected");
    }
}

/// From the API's contacts to a flow's effects at the API, with the fields that events of GHL's own have.
#[tokio::test]
async fn a_flow_follows_each_contact() {
    const FLOW: &str = r#"
[[flow]]
name = "welcome"
on = "contact.pulled"
when = "data.firstName == 'Ada'"
do = [{ job = "AttachNote", payload = { contact = "{{ person.ref }}", body = "{{ data.name }}, {{ data.address1 }}: {{ data.customFields[0].value }}" } }]
"#;
    let stage = Stage::start(&[]).await;
    stage.people(5);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("flows.toml");
    std::fs::write(&file, FLOW).unwrap();
    stage.pull(json!({ "pageLimit": 2 })).await;
    let flows = [("PENSTOCK_FLOWS", file.to_str().unwrap())];
    let _worker = stage.worker_with(&flows).await;
    // The walk, five events, two notes.
    stage.until_done(8).await;
    assert_eq!(stage.operations()["create-note"], 2);
    let path = "/contacts/c3/notes";
    let notes = stage
        .by_another(reqwest::Method::GET, path, json!({}))
        .await;
    let body = &notes["notes"][0]["body"];
    assert_eq!(body, "Ada Lovelace, 12 Rue de la Paix: gold");
}

/// Each page has a permit; others of the tenant are served between two pages.
#[tokio::test]
async fn the_quota_is_kept_to() {
    let mut options = Options::default();
    options.quota.burst = "4/1s".parse().unwrap();
    let stage = Stage::on(RedisOptions::default(), options).await;
    stage.people(50);
    stage.pull(json!({ "pageLimit": 5 })).await;
    stage.enqueue(&[job("other").contact("c7")]).await;
    let quota = [("PENSTOCK_GHL_BURST", "4/1s")];
    let _worker = stage.worker_with(&quota).await;
    stage.until_done(52).await;
    let summary = stage.sandbox.summary();
    assert_eq!((summary.calls, summary.over_quota), (12, 0));
    let calls = stage.calls();
    assert_ne!(calls.last().unwrap().operation, "add-tags");
}

/// What is found could not be stored: it is not asked for. A page that was asked for is stored, however many are on it.
#[tokio::test]
async fn a_full_backlog_is_waited_for_without_a_call() {
    let stage = Stage::start(&[]).await;
    stage.people(20);
    let later = [job("later").contact("c0").run_at(4_000_000_000_000).build()];
    stage.queue.enqueue(&later, Admission::Each).await.unwrap();
    stage.pull(json!({})).await;
    let _worker = stage.worker_with(&[("PENSTOCK_MAX_BACKLOG", "1")]).await;
    stage.until_state("pull", State::Scheduled).await;
    assert_eq!(stage.searches(), 0);
    stage.hasten_later("later").await;
    stage.until_state("later", State::Done).await;
    stage.hasten("pull").await;
    stage.until_done(22).await;
    let result = json!({ "contacts": 20, "pages": 1 });
    assert_eq!(stage.result("pull").await, result);
}

/// A long walk meets many failures: only those of one page in a row count.
#[tokio::test]
async fn failures_of_earlier_pages_are_forgiven() {
    // A call that meets one is not counted by the others.
    let failures: Vec<_> = [0, 1, 2]
        .map(|after| format!("503:op={SEARCH}:after={after}:count=1"))
        .into();
    let failures: Vec<_> = failures.iter().map(String::as_str).collect();
    let stage = Stage::start(&failures).await;
    stage.people(15);
    stage.pull(json!({ "pageLimit": 5 })).await;
    let attempts = [("PENSTOCK_MAX_ATTEMPTS", "2")];
    let _worker = stage.worker_with(&attempts).await;
    stage.until_done(16).await;
    assert_eq!(stage.sandbox.summary().faults, 3);
    assert_eq!(stage.searches(), 7);
}

/// One that keeps failing is dead, and goes on where it was once it is retried.
#[tokio::test]
async fn a_dead_walk_goes_on_where_it_was() {
    let fault = format!("503:op={SEARCH}:after=2");
    let stage = Stage::start(&[&fault]).await;
    stage.people(20);
    stage.pull(json!({ "pageLimit": 5 })).await;
    let attempts = [("PENSTOCK_MAX_ATTEMPTS", "2")];
    let _worker = stage.worker_with(&attempts).await;
    stage.until_state("pull", State::Dead).await;
    assert_eq!(stage.dead("pull").await.cause, "exhausted");
    stage.faults(&[]);
    let before = stage.searches();
    stage.ask(&["dead", "retry", "pull"]).await;
    stage.until_done(21).await;
    assert_eq!(stage.searches() - before, 3);
    let result = json!({ "contacts": 20, "pages": 4 });
    assert_eq!(stage.result("pull").await, result);
}
