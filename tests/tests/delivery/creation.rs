//! Contacts that are created: once, whatever becomes of the answer.

use std::collections::BTreeMap;

use penstock_shared::job::state::State;
use penstock_tests::{
    fixture::{Draft, job},
    harness::{Program, RedisOptions},
    sandbox::{Options, Quota},
};
use serde_json::{Value, json};

use crate::stage::{ACME, PATIENCE, Stage};

const ANN: &str = "ann@example.com";
const PHONE: &str = "+14155550100";

fn create(id: &str, payload: Value) -> Draft {
    job(id).what("CreateContact", payload)
}

fn ann(id: &str) -> Draft {
    create(
        id,
        json!({ "email": ANN, "phone": PHONE, "firstName": "Ann" }),
    )
}

/// One that does not wait for a search that lags.
async fn worker(stage: &Stage) -> Program {
    stage.worker_with(&[("PENSTOCK_SEARCH_LAG", "2s")]).await
}

/// A stage whose location has these contacts, and may have several of one email.
async fn open_to_twins(faults: &[&str]) -> Stage {
    let mut options = Options::default();
    options.quota.burst.calls = 100_000;
    options.allow_duplicates = true;
    options.faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    Stage::on(RedisOptions::default(), options).await
}

impl Stage {
    /// What was asked of the API, but for what the test has asked.
    fn asked(&self) -> BTreeMap<&'static str, usize> {
        let mut asked = self.operations();
        asked.remove("get-contact");
        asked
    }
}

#[tokio::test]
async fn a_contact_is_created_and_known_from_then_on() {
    let stage = Stage::start(&[]).await;
    let _worker = worker(&stage).await;
    stage
        .enqueue(&[
            ann("made"),
            job("tag").email(ANN),
            create("named", json!({ "name": "Bo" })),
        ])
        .await;
    stage.until_done(3).await;
    let made = stage.result("made").await;
    let id = made["contactId"].as_str().unwrap();
    assert_eq!(made, json!({ "contactId": id, "new": true }));
    assert_eq!(stage.operations_on(id), ["add-tags"]);
    let expected = BTreeMap::from([("create-contact", 2), ("add-tags", 1)]);
    assert_eq!(stage.asked(), expected);
    assert_eq!(stage.contact(id).await["firstName"], "Ann");
}

/// Where the location allows no second one, who is there gets what the new one was to have.
#[tokio::test]
async fn a_contact_that_is_there_is_updated_instead() {
    let stage = Stage::start(&["cut-after:op=update-contact:count=1"]).await;
    stage.person("old", ANN);
    let _worker = worker(&stage).await;
    let payload = json!({ "email": ANN, "lastName": "Li", "gender": "f", "companyName": "X" });
    stage.enqueue(&[create("a", payload)]).await;
    stage.until_done(1).await;
    let expected = json!({ "contactId": "old", "new": false });
    assert_eq!(stage.result("a").await, expected);
    // The update is repeated, and it is remembered that nothing was created.
    let expected = BTreeMap::from([("create-contact", 1), ("update-contact", 2)]);
    assert_eq!(stage.asked(), expected);
    assert_eq!(stage.contact("old").await["lastName"], "Li");
}

#[tokio::test]
async fn an_unanswered_creation_is_found() {
    let stage = Stage::start(&["cut-after:op=create-contact:count=1"]).await;
    let _worker = worker(&stage).await;
    stage.enqueue(&[ann("a"), job("tag").phone(PHONE)]).await;
    stage.until_done(2).await;
    let result = stage.result("a").await;
    let id = result["contactId"].as_str().unwrap();
    assert_eq!(result, json!({ "contactId": id, "new": true }));
    let asked = BTreeMap::from([
        ("create-contact", 1),
        ("get-duplicate-contact", 2),
        ("add-tags", 1),
    ]);
    assert_eq!(stage.asked(), asked);
    // It is read, and has all that the job says.
    assert_eq!(stage.operations_on(id), ["get-contact", "add-tags"]);
    assert_eq!(stage.sandbox.summary().duplicates, 0);
}

/// It is looked for twice, a while apart.
#[tokio::test]
async fn a_creation_that_had_no_effect_is_sent_once_more() {
    let stage = Stage::start(&["cut-before:op=create-contact:count=1"]).await;
    let _worker = worker(&stage).await;
    stage
        .enqueue(&[create("a", json!({ "phone": PHONE }))])
        .await;
    stage.until_done(1).await;
    let asked = BTreeMap::from([("create-contact", 2), ("get-duplicate-contact", 2)]);
    assert_eq!(stage.asked(), asked);
}

/// Its worker dies with the answer: another finds what was made.
#[tokio::test]
async fn a_crash_with_the_answer_makes_no_second_contact() {
    let stage = Stage::start(&[]).await;
    let settings = [
        ("PENSTOCK_FAILPOINT", "after-response:abort"),
        ("PENSTOCK_SEARCH_LAG", "2s"),
    ];
    let mut first = stage
        .worker_of("penstock-worker-failpoints", &settings)
        .await;
    stage.enqueue(&[ann("a")]).await;
    assert!(!first.wait_exit(PATIENCE).await.success());
    let _second = worker(&stage).await;
    stage.until_done(1).await;
    assert_eq!(stage.result("a").await["new"], true);
    assert_eq!(stage.asked()["create-contact"], 1);
}

/// Its search may not show for a while what the API has made: before, nobody is asked.
#[tokio::test]
async fn it_is_not_looked_for_before_the_search_has_caught_up() {
    let stage = Stage::start(&["cut-after:op=create-contact:count=1", "search-lag=4s"]).await;
    let _worker = stage.worker_with(&[("PENSTOCK_SEARCH_LAG", "5s")]).await;
    stage.enqueue(&[ann("a")]).await;
    stage.until_done(1).await;
    let calls = stage.calls();
    let (cut, search) = (&calls[0], &calls[1]);
    assert_eq!(search.operation, "get-duplicate-contact");
    assert!(search.at.millis() >= cut.done_at.unwrap().millis() + 5_000);
    assert_eq!(stage.asked()["create-contact"], 1);
}

/// With one permit at a time no search is repeated for want of the next.
#[tokio::test]
async fn each_step_of_a_look_has_a_permit() {
    let mut options = Options::default();
    options.quota.burst = Quota {
        calls: 1,
        window: std::time::Duration::from_secs(1),
    };
    options.faults = vec!["cut-after:op=create-contact:count=1".parse().unwrap()];
    let stage = Stage::on(RedisOptions::default(), options).await;
    let settings = [
        ("PENSTOCK_GHL_BURST", "1/1s"),
        ("PENSTOCK_SEARCH_LAG", "2s"),
    ];
    let _worker = stage.worker_with(&settings).await;
    stage.enqueue(&[ann("a")]).await;
    stage.until_done(1).await;
    let asked = BTreeMap::from([("create-contact", 1), ("get-duplicate-contact", 2)]);
    assert_eq!(
        (stage.asked(), stage.sandbox.summary().over_quota),
        (asked, 0)
    );
}

/// Of two that go by the contact's names nobody can tell which it is, if it is one of them.
#[tokio::test]
async fn two_that_may_be_it_are_left_to_a_person() {
    let stage = open_to_twins(&["cut-before:op=create-contact:count=1"]).await;
    stage.person("one", ANN);
    let other = json!({ "id": "other", "phone": PHONE, "locationId": ACME });
    stage.sandbox.seed_contact(&other).unwrap();
    let _worker = worker(&stage).await;
    stage.enqueue(&[ann("a")]).await;
    stage.until_state("a", State::Dead).await;
    assert_eq!(stage.dead("a").await.cause, "ambiguous");
    let shown = stage.ask(&["dead", "show", "a"]).await;
    assert_eq!(shown["evidence"], json!({ "contacts": ["one", "other"] }));
    let done = ["dead", "resolve", "a", "--done", "--effect", "one"];
    let changed = json!({ "matched": 1, "changed": 1 });
    assert_eq!(stage.ask(&done).await, changed);
    assert_eq!(stage.asked()["create-contact"], 1);
}

/// Nobody can search for a contact that has neither.
#[tokio::test]
async fn one_without_email_and_phone_is_left_to_a_person() {
    let stage = Stage::start(&["cut-after:op=create-contact:count=1"]).await;
    let _worker = worker(&stage).await;
    stage.enqueue(&[create("a", json!({ "name": "Bo" }))]).await;
    stage.until_state("a", State::Dead).await;
    assert_eq!(stage.dead("a").await.cause, "ambiguous");
    let shown = stage.ask(&["dead", "show", "a"]).await;
    assert_eq!(
        shown["evidence"],
        json!({ "cannotBeReadBack": "CreateContact" })
    );
    assert_eq!(stage.asked(), BTreeMap::from([("create-contact", 1)]));
}

/// The API is known to have created what it then refused: a retry looks for it.
#[tokio::test]
async fn a_refusal_that_may_have_created_is_looked_for_when_it_is_retried() {
    let stage = Stage::start(&["html:status=422:effect=yes:op=create-contact:count=1"]).await;
    let _worker = worker(&stage).await;
    stage.enqueue(&[ann("a")]).await;
    stage.until_state("a", State::Dead).await;
    assert_eq!(stage.dead("a").await.cause, "rejected");
    let changed = json!({ "matched": 1, "changed": 1 });
    assert_eq!(stage.ask(&["dead", "retry", "a"]).await, changed);
    stage.until_done(1).await;
    assert_eq!(stage.asked()["create-contact"], 1);
    assert_eq!(stage.result("a").await["new"], true);
}

/// Whoever was made in the same seconds may be why it was refused: what it says is not lost.
#[tokio::test]
async fn who_was_there_a_moment_before_gets_what_it_says() {
    let stage = Stage::start(&["cut-after:op=create-contact:count=1"]).await;
    let _worker = worker(&stage).await;
    stage
        .enqueue(&[
            job("first").upsert_of(json!({ "email": ANN })),
            create(
                "second",
                json!({ "email": ANN, "firstName": "Bob", "city": "Bern" }),
            ),
        ])
        .await;
    stage.until_done(2).await;
    let first = stage.result("first").await;
    let id = first["contactId"].as_str().unwrap();
    assert_eq!(
        stage.result("second").await,
        json!({ "contactId": id, "new": false })
    );
    let contact = stage.contact(id).await;
    assert_eq!(
        (&contact["firstName"], &contact["city"]),
        (&json!("Bob"), &json!("Bern"))
    );
    let asked = BTreeMap::from([
        ("upsert-contact", 1),
        ("create-contact", 1),
        ("get-duplicate-contact", 1),
        ("update-contact", 1),
    ]);
    assert_eq!(stage.asked(), asked);
}

/// Who was there instead is no matter of another payload's.
#[tokio::test]
async fn an_edited_letter_is_not_written_onto_who_was_there() {
    let stage = Stage::start(&["400:op=update-contact:count=1"]).await;
    stage.person("old", ANN);
    let _worker = worker(&stage).await;
    stage.enqueue(&[ann("a")]).await;
    stage.until_state("a", State::Dead).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let edited = json!({ "email": "bob@example.com", "firstName": "Bob" });
    std::fs::write(&file, edited.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    for command in [
        ["dead", "edit", "a", "--payload", path].as_slice(),
        &["dead", "retry", "a"],
    ] {
        assert_eq!(stage.ask(command).await["changed"], 1);
    }
    stage.until_done(1).await;
    let result = stage.result("a").await;
    assert_eq!(result["new"], true);
    assert_ne!(result["contactId"], "old");
    assert_eq!(stage.contact("old").await["email"], ANN);
}

/// It may still be applied: what comes after it waits as after any other update.
#[tokio::test]
async fn an_update_that_died_with_its_worker_is_waited_out() {
    let stage = Stage::start(&[]).await;
    stage.person("old", ANN);
    let settings = [("PENSTOCK_FAILPOINT", "before-send:abort@2")];
    let mut first = stage
        .worker_of("penstock-worker-failpoints", &settings)
        .await;
    stage
        .enqueue(&[
            create("a", json!({ "email": ANN, "lastName": "Li" })),
            job("tag").email(ANN),
        ])
        .await;
    assert!(!first.wait_exit(PATIENCE).await.success());
    let _second = worker(&stage).await;
    stage.until_done(2).await;
    assert_eq!(stage.operations_on("old"), ["update-contact", "add-tags"]);
    let calls = stage.calls_on("old");
    let waited = calls[1].at.millis() - calls[0].done_at.unwrap().millis();
    // The lost one has ended a timeout after its lease, and is heard out for a quarantine.
    assert!(waited >= 2_000, "{waited}");
}

/// It answers, and that it says so costs no attempt.
#[tokio::test]
async fn one_that_is_gone_as_it_is_to_be_updated_is_no_failure() {
    let stage = Stage::start(&["404:op=update-contact:count=1"]).await;
    stage.person("old", ANN);
    let _worker = worker(&stage).await;
    stage.enqueue(&[ann("a")]).await;
    stage
        .until_job("a", "put off", |job| {
            job.state == State::Scheduled && job.run.text("instead").is_none()
        })
        .await;
    stage.hasten("a").await;
    stage.until_done(1).await;
    let done = stage.status("a").await.done.unwrap().0;
    assert_eq!(done.attempts, 0);
    assert_eq!(done.result, json!({ "contactId": "old", "new": false }));
    let asked = BTreeMap::from([("create-contact", 2), ("update-contact", 2)]);
    assert_eq!(stage.asked(), asked);
}
