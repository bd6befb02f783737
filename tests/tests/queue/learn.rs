//! `learn` and `unlearn`: what is known of contacts' names.

use penstock_shared::job::ContactRef;
use penstock_tests::fixture::{Bench, done, job};

use crate::contact::learn;

const DAY: u64 = 24 * 3_600_000;
const EMAIL: &str = "jane@example.com";
const PHONE: &str = "+14155550100";

async fn aliases(bench: &Bench) -> usize {
    let key = bench.queue().keys(0).alias("acme");
    bench.server.get(["HLEN", &key]).await
}

/// Goes through all that is known of the tenant's contacts.
async fn unlearn(bench: &Bench) {
    let mut cursor = Some("0".to_owned());
    while let Some(at) = cursor {
        cursor = bench.queue().unlearn("acme", &at).await.unwrap();
    }
}

#[tokio::test]
async fn a_contacts_id_is_remembered_under_its_other_names() {
    let bench = Bench::start().await;
    let email = ContactRef::Email(EMAIL.parse().unwrap());
    let queue = bench.queue();
    assert_eq!(queue.remembered("acme", &email).await.unwrap(), None);
    learn(&bench).await;
    assert_eq!(
        queue.remembered("acme", &email).await.unwrap().as_deref(),
        Some("c1")
    );
    assert_eq!(queue.remembered("zenith", &email).await.unwrap(), None);
    let key = queue.keys(0).contact(&format!("acme/{}", email.key()));
    let left: u64 = bench.server.get(["PTTL", &key]).await;
    assert!((DAY - 600_000..=DAY).contains(&left), "{left}");
    queue.unremember("acme", &email).await.unwrap();
    assert_eq!(queue.remembered("acme", &email).await.unwrap(), None);
}

#[tokio::test]
async fn learning_the_same_again_changes_nothing() {
    let bench = Bench::start().await;
    bench
        .enqueue(&[job("e").email(EMAIL), job("p").phone(PHONE).low()])
        .await;
    learn(&bench).await;
    let before = bench.snapshot().await;
    learn(&bench).await;
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn what_is_learnt_again_is_known_for_a_day_from_then() {
    let mut bench = Bench::start().await;
    learn(&bench).await;
    bench.pass(DAY - 1);
    learn(&bench).await;
    bench.pass(DAY - 1);
    unlearn(&bench).await;
    assert_eq!(aliases(&bench).await, 2);
    bench.pass(1);
    unlearn(&bench).await;
    assert_eq!(aliases(&bench).await, 0);
}

/// It was enqueued earlier, and says that its references are one contact.
#[tokio::test]
async fn what_an_upsert_of_the_future_says_is_known_until_then() {
    let mut bench = Bench::start().await;
    let due = bench.now + 2 * DAY;
    let upsert = job("u").upsert(EMAIL, PHONE);
    bench.enqueue(&[upsert.run_at(due)]).await;
    // Another that says the same, and is done, takes nothing away.
    bench.enqueue(&[job("v").upsert(EMAIL, PHONE)]).await;
    assert_eq!(bench.drain().await, ["v"]);
    bench.pass(2 * DAY - 1);
    unlearn(&bench).await;
    let drafts = [job("e").email(EMAIL), job("p").phone(PHONE)];
    bench.enqueue(&drafts).await;
    assert_eq!(bench.claim_ids(9).await, ["e"]);
}

#[tokio::test]
async fn what_is_old_and_idle_is_unlearnt() {
    let mut bench = Bench::start().await;
    learn(&bench).await;
    assert_eq!(aliases(&bench).await, 2);
    bench.pass(DAY - 1);
    let before = bench.snapshot().await;
    unlearn(&bench).await;
    assert_eq!(bench.snapshot().await, before);
    bench.pass(1);
    unlearn(&bench).await;
    assert_eq!(aliases(&bench).await, 0);
    let before = bench.snapshot().await;
    unlearn(&bench).await;
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn what_open_jobs_rest_on_is_not_unlearnt() {
    let mut bench = Bench::start().await;
    learn(&bench).await;
    bench
        .enqueue(&[job("e").email(EMAIL), job("p").phone(PHONE)])
        .await;
    bench.pass(2 * DAY);
    let before = bench.snapshot().await;
    unlearn(&bench).await;
    assert_eq!(bench.snapshot().await, before);
    let e = bench.claim_one().await;
    bench.settle(&[done(&e)]).await;
    unlearn(&bench).await;
    assert_eq!(aliases(&bench).await, 2);
    bench.drain().await;
    unlearn(&bench).await;
    assert_eq!(aliases(&bench).await, 0);
}
