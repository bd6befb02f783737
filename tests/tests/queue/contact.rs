//! References that turn out to be one contact: their jobs are one sequence from then on.

use penstock_shared::{
    job::{ContactId, ContactRef, state::State},
    queue::claim::Claimed,
};
use penstock_tests::fixture::{Bench, START, back, done, ids, job};

const EMAIL: &str = "jane@example.com";
const PHONE: &str = "+14155550100";

/// The API says that this e-mail address and this telephone number are contact `c1`.
pub(crate) async fn learn(bench: &Bench) {
    let references = [
        ContactRef::Email(EMAIL.parse().unwrap()),
        ContactRef::Phone(PHONE.parse().unwrap()),
    ];
    let id: ContactId = "c1".parse().unwrap();
    bench.queue().learn("acme", &id, &references).await.unwrap();
}

/// `e` by e-mail, `p` by telephone, `i` by id, enqueued in this order and all due.
async fn three(bench: &Bench) {
    let drafts = [
        job("e").email(EMAIL),
        job("p").phone(PHONE),
        job("i").contact("c1"),
    ];
    bench.enqueue(&drafts).await;
}

fn sorted(claimed: &[Claimed]) -> Vec<String> {
    let mut ids = ids(claimed);
    ids.sort();
    ids
}

#[tokio::test]
async fn until_it_is_known_they_are_several() {
    let mut bench = Bench::start().await;
    three(&bench).await;
    assert_eq!(sorted(&bench.claim(20).await), ["e", "i", "p"]);
}

#[tokio::test]
async fn an_upsert_enqueued_earlier_unites_them() {
    let mut bench = Bench::start().await;
    let drafts = [
        job("u").upsert(EMAIL, PHONE),
        job("e").email(EMAIL),
        job("p").phone(PHONE),
        job("other").email("joe@example.com"),
    ];
    bench.enqueue(&drafts).await;
    assert_eq!(sorted(&bench.claim(20).await), ["other", "u"]);
    bench.live(6000, &[]).await;
    let order = bench.drain().await;
    let order: Vec<_> = order.iter().filter(|id| *id != "other").collect();
    assert_eq!(order, ["u", "e", "p"]);
}

/// It has been done, and none of its contact's jobs is open: what it named is known all the same.
#[tokio::test]
async fn an_upsert_that_is_done_unites_what_comes_later() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("u").upsert(EMAIL, PHONE)]).await;
    bench.drain().await;
    bench
        .enqueue(&[job("p").phone(PHONE), job("e").email(EMAIL)])
        .await;
    assert_eq!(bench.claim_ids(20).await, ["p"]);
}

#[tokio::test]
async fn an_upsert_of_the_future_unites_what_comes_later() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("u").upsert(EMAIL, PHONE).run_at(START + 60_000)])
        .await;
    bench
        .enqueue(&[job("p").phone(PHONE), job("e").email(EMAIL)])
        .await;
    assert_eq!(bench.claim_ids(20).await, ["p"]);
}

#[tokio::test]
async fn an_upsert_unites_sequences_that_are_open() {
    let mut bench = Bench::start().await;
    let drafts = [
        job("e1").email(EMAIL),
        job("p1").phone(PHONE),
        job("e2").email(EMAIL),
        job("p2").phone(PHONE),
        job("u").upsert(EMAIL, PHONE),
        job("p3").phone(PHONE),
    ];
    bench.enqueue(&drafts).await;
    assert_eq!(bench.drain().await, ["e1", "p1", "e2", "p2", "u", "p3"]);
}

#[tokio::test]
async fn learning_unites_waiting_ones_by_the_time_of_enqueuing() {
    let mut bench = Bench::start().await;
    three(&bench).await;
    learn(&bench).await;
    assert_eq!(bench.state_of("e").await, State::Ready);
    assert_eq!(bench.state_of("p").await, State::Blocked);
    assert_eq!(bench.state_of("i").await, State::Blocked);
    bench.enqueue(&[job("q").phone(PHONE)]).await;
    assert_eq!(bench.drain().await, ["e", "p", "i", "q"]);
}

#[tokio::test]
async fn what_runs_at_that_moment_goes_on_and_the_rest_waits_for_all_of_it() {
    let mut bench = Bench::start().await;
    three(&bench).await;
    bench
        .enqueue(&[job("e2").email(EMAIL), job("i2").contact("c1")])
        .await;
    let running = bench.claim(20).await;
    assert_eq!(sorted(&running), ["e", "i", "p"]);
    learn(&bench).await;
    for job in &running {
        assert!(bench.claim(20).await.is_empty());
        bench.settle(&[done(job)]).await;
    }
    assert_eq!(bench.drain().await, ["e2", "i2"]);
}

#[tokio::test]
async fn what_waits_stands_behind_what_runs_though_it_was_earlier() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("e").email(EMAIL)]).await;
    let e = bench.claim_one().await;
    bench.settle(&[back(&e, 100)]).await;
    bench.enqueue(&[job("p").phone(PHONE)]).await;
    let p = bench.claim_one().await;
    learn(&bench).await;
    bench.pass(100);
    assert!(bench.claim(20).await.is_empty());
    bench.settle(&[done(&p)]).await;
    assert_eq!(bench.drain().await, ["e"]);
}

#[tokio::test]
async fn one_that_failed_at_that_moment_goes_back_to_its_place() {
    let mut bench = Bench::start().await;
    three(&bench).await;
    let running = bench.claim(20).await;
    learn(&bench).await;
    let (e, rest) = (&running[0], &running[1..]);
    assert_eq!(e.reference.id(), "e");
    bench.settle(&[back(e, 1000)]).await;
    for job in rest {
        bench.settle(&[done(job)]).await;
    }
    bench.enqueue(&[job("q").phone(PHONE)]).await;
    bench.pass(1000);
    assert_eq!(bench.drain().await, ["e", "q"]);
}

/// The same names at another tenant are other contacts.
#[tokio::test]
async fn another_tenants_contacts_are_not_united() {
    let mut bench = Bench::start().await;
    learn(&bench).await;
    let drafts = [
        job("e").of("zenith").email(EMAIL),
        job("p").of("zenith").phone(PHONE),
    ];
    bench.enqueue(&drafts).await;
    assert_eq!(sorted(&bench.claim(20).await), ["e", "p"]);
}

/// After the union the head counts with the highest priority behind it, wherever that came from.
#[tokio::test]
async fn a_head_counts_with_what_came_to_stand_behind_it() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("other")]).await;
    bench.pass(1);
    bench
        .enqueue(&[job("e").email(EMAIL), job("p").phone(PHONE).high()])
        .await;
    learn(&bench).await;
    assert_eq!(bench.state_of("p").await, State::Blocked);
    assert_eq!(bench.drain().await, ["e", "p", "other"]);
}

#[tokio::test]
async fn an_upsert_that_unites_gives_the_head_its_urgency_too() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("other")]).await;
    bench.pass(1);
    let drafts = [
        job("e").email(EMAIL),
        job("p").phone(PHONE).high(),
        job("u").upsert(EMAIL, PHONE).low(),
    ];
    bench.enqueue(&drafts).await;
    assert_eq!(bench.drain().await, ["e", "p", "other", "u"]);
}

#[tokio::test]
async fn a_long_chain_of_unions_is_one_sequence_at_its_end() {
    let mut bench = Bench::start().await;
    let name = |number: usize| format!("c{number}");
    // Every union finds an earlier head under the next name, so that each root gives way to the next.
    let drafts: Vec<_> = (0..12)
        .rev()
        .map(|number| job(&format!("{number:02}")).contact(&name(number)))
        .collect();
    bench.enqueue(&drafts).await;
    for number in 1..12 {
        let id: ContactId = name(number).parse().unwrap();
        let other = ContactRef::Id(name(number - 1).parse().unwrap());
        bench.queue().learn("acme", &id, &[other]).await.unwrap();
    }
    let expected: Vec<_> = (0..12).rev().map(|number| format!("{number:02}")).collect();
    assert_eq!(bench.claim(40).await.len(), 1);
    bench.live(6000, &[]).await;
    assert_eq!(bench.drain().await, expected);
}

/// An office's number: each of its people is upserted when the one before is done, so that each union finds nothing open.
#[tokio::test]
async fn many_people_with_one_number_stay_one_sequence() {
    let mut bench = Bench::start().await;
    bench.quotas("100000/10s", "1000000/1d").await;
    for number in 0..100 {
        let id = format!("u{number}");
        let upsert = job(&id).upsert(&format!("p{number}@example.com"), PHONE);
        bench.enqueue(&[upsert]).await;
        assert_eq!(bench.drain().await, [id]);
    }
    bench
        .enqueue(&[
            job("a").phone(PHONE),
            job("b").email("p0@example.com"),
            job("c").email("p99@example.com"),
        ])
        .await;
    assert_eq!(bench.claim_ids(20).await, ["a"]);
    bench.live(6000, &[]).await;
    assert_eq!(bench.drain().await, ["a", "b", "c"]);
    assert_eq!(bench.queue().stats().await.unwrap().blocked, 0);
}

/// A phone that everybody in a house has: however many are united by it, the order holds, and nothing is left behind.
#[tokio::test]
async fn very_many_references_of_one_contact_are_one() {
    const MANY: usize = 1_500;
    let mut bench = Bench::start().await;
    let email = |at: usize| format!("p{at}@example.com");
    let reference = |at: usize| ContactRef::Email(email(at).parse().unwrap());
    let phone = ContactRef::Phone(PHONE.parse().unwrap());
    for at in 0..MANY {
        let id = format!("id{at}").parse().unwrap();
        let queue = bench.queue();
        queue.learn("acme", &id, &[reference(at)]).await.unwrap();
        let both = [reference(at), phone.clone()];
        queue.learn("acme", &id, &both).await.unwrap();
    }
    let drafts = [
        job("first").email(&email(0)),
        job("p").phone(PHONE),
        job("middle").email(&email(MANY / 2)),
        job("id").contact("id7"),
        job("last").email(&email(MANY - 1)),
    ];
    bench.enqueue(&drafts).await;
    for id in ["first", "p", "middle", "id", "last"] {
        let claimed = bench.claim(9).await;
        assert_eq!(ids(&claimed), [id]);
        bench.settle(&[done(&claimed[0])]).await;
    }
    assert_eq!(bench.queue().stats().await.unwrap().blocked, 0);
}
