//! `edit`: another payload for a dead letter.

use penstock_shared::{
    job::state::State,
    outcome::Cause,
    queue::{repair::Changed, run::field, settle::Settled},
};
use penstock_tests::fixture::{Bench, Draft, dead, done, job};
use serde_json::json;

use crate::{
    lapse::forget_a_claim,
    letter::{dies, letter, redrive},
    state::run_field,
};

#[tokio::test]
async fn it_stays_dead_until_it_is_sent_again() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a").contact("c"), Cause::Rejected).await;
    let old = letter(&bench, "a").await;
    let new = job("a").contact("d").tag("new").job();
    assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), Changed::Ok);
    let before = bench.snapshot().await;
    assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), Changed::Ok);
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(bench.state_of("a").await, State::Dead);
    assert_eq!(letter(&bench, "a").await.job.unwrap().payload, new.payload);
    // It is about another contact now, and waits for that one's jobs.
    bench.enqueue(&[job("b").contact("d")]).await;
    redrive(&bench, &["a"]).await;
    assert_eq!(bench.state_of("a").await, State::Blocked);
    assert_eq!(bench.drain().await, ["b", "a"]);
}

/// Whom it was for, which contact was there instead, how far it had come: it would go on at that with what it says now.
#[tokio::test]
async fn what_was_learnt_for_the_old_payload_is_forgotten() {
    const LEARNT: [&str; 13] = [
        field::CONTACT,
        field::LOOKUP,
        field::FORGOTTEN,
        field::INSTEAD,
        field::SEEN,
        field::ABSENT,
        field::UNREAD,
        field::PAGE,
        field::PLACE,
        field::POLL,
        field::PARTS,
        field::LOOKS,
        field::SINGLY,
    ];
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let mut end = dead(&bench.claim_one().await, Cause::Rejected);
    end.fields.extend(LEARNT.map(|name| (name, "1".to_owned())));
    bench.settle(&[end]).await;
    let old = letter(&bench, "a").await;
    let new = job("a").tag("new").job();
    assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), Changed::Ok);
    let new = letter(&bench, "a").await;
    for name in LEARNT {
        assert_eq!(old.run.text(name), Some("1"), "{name}");
        assert_eq!(new.run.text(name), None, "{name}");
    }
    assert_eq!(new.cause, Cause::Rejected.as_str());
}

fn tags_of(id: &str, contacts: &[&str]) -> Draft {
    let contacts: Vec<_> = contacts.iter().map(|id| json!({ "id": id })).collect();
    job(id).what(
        "BulkTags",
        json!({ "contacts": contacts, "tags": ["x"], "operation": "add" }),
    )
}

/// Its parts are jobs of their own, and would not say what it says then.
#[tokio::test]
async fn what_is_spread_over_others_is_refused() {
    let mut bench = Bench::start().await;
    dies(&mut bench, tags_of("one", &["c"]), Cause::Rejected).await;
    bench.enqueue(&[tags_of("many", &["c", "d"])]).await;
    for claimed in bench.claim(3).await {
        let end = match claimed.reference.id() {
            "many" => dead(&claimed, Cause::Expired),
            _ => done(&claimed),
        };
        bench.settle(&[end]).await;
    }
    for (id, contacts, code) in [
        ("many", ["c", "e"].as_slice(), Changed::Spread),
        ("many", &["c"], Changed::Spread),
        ("one", &["c", "d"], Changed::Spread),
        ("one", &["d"], Changed::Ok),
    ] {
        let old = letter(&bench, id).await;
        let new = tags_of(id, contacts).job();
        assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), code, "{id}");
    }
}

/// A worker stood still with the old one, and tells much later what came of it.
#[tokio::test]
async fn what_came_of_the_old_payload_says_nothing_of_the_new_one() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let late = bench.claim_one().await;
    bench.live(6_000, &[]).await;
    let end = dead(&bench.claim_one().await, Cause::Rejected);
    bench.settle(&[end]).await;
    let old = letter(&bench, "a").await;
    let new = job("a").tag("new").job();
    assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), Changed::Ok);
    redrive(&bench, &["a"]).await;
    assert_eq!(bench.settle(&[done(&late)]).await, [Settled::Lost]);
    assert_eq!(run_field(&bench, "a", "orphan").await, None);
}

/// Redis was restarted from an older file, and may have forgotten that the old payload was sent.
#[tokio::test]
async fn a_note_that_may_be_there_all_the_same_is_refused() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("note").note("Hello"), Cause::Rejected).await;
    dies(&mut bench, job("tag"), Cause::Rejected).await;
    forget_a_claim(&mut bench).await;
    for (id, code) in [("note", Changed::Undecided), ("tag", Changed::Ok)] {
        let old = letter(&bench, id).await;
        let new = job(id).tag("new").job();
        assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), code, "{id}");
    }
    // One that died since is known.
    bench.live(60_000, &[]).await;
    dies(&mut bench, job("later").note("Hello"), Cause::Rejected).await;
    let old = letter(&bench, "later").await;
    let new = job("later").note("Other").job();
    assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), Changed::Ok);
}

#[tokio::test]
async fn what_is_not_dead_is_refused() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Rejected).await;
    let mut old = letter(&bench, "a").await;
    redrive(&bench, &["a"]).await;
    let before = bench.snapshot().await;
    let new = job("a").tag("new").job();
    assert_eq!(
        bench.queue().edit(&old, &new).await.unwrap(),
        Changed::NotDead
    );
    old.id = "none".into();
    assert_eq!(
        bench.queue().edit(&old, &new).await.unwrap(),
        Changed::Unknown
    );
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn one_that_has_died_again_since_is_refused() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Rejected).await;
    let old = letter(&bench, "a").await;
    redrive(&bench, &["a"]).await;
    bench.pass(5);
    crate::letter::bury(&mut bench, Cause::Rejected).await;
    let before = bench.snapshot().await;
    let new = job("a").tag("new").job();
    assert_eq!(
        bench.queue().edit(&old, &new).await.unwrap(),
        Changed::Stale
    );
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn one_whose_call_may_have_taken_effect_is_refused() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a").note("hello")]).await;
    let mut end = dead(&bench.claim_one().await, Cause::Ambiguous);
    end.fields.insert("intent", "sent".into());
    bench.settle(&[end]).await;
    let old = letter(&bench, "a").await;
    let before = bench.snapshot().await;
    let new = job("a").note("other").job();
    assert_eq!(
        bench.queue().edit(&old, &new).await.unwrap(),
        Changed::Undecided
    );
    assert_eq!(bench.snapshot().await, before);
}

/// Redis' clock has gone back, so the moment of death is later than the clock says.
#[tokio::test]
async fn one_that_died_after_the_clock_went_back_can_be_edited() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Rejected).await;
    bench.now -= 2000;
    dies(&mut bench, job("b"), Cause::Rejected).await;
    let old = letter(&bench, "b").await;
    let new = job("b").tag("new").job();
    assert_eq!(bench.queue().edit(&old, &new).await.unwrap(), Changed::Ok);
}

#[tokio::test]
async fn what_cannot_be_decoded_is_mended_by_it() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Undecodable).await;
    let key = bench.queue().keys(0).job("acme");
    bench.server.cli(["HSET", &key, "a", "garbage"]).await;
    let old = letter(&bench, "a").await;
    assert_eq!(old.raw.as_deref(), Some(b"garbage".as_slice()));
    let changed = bench.queue().edit(&old, &job("a").job()).await.unwrap();
    assert_eq!(changed, Changed::Ok);
    assert_eq!(redrive(&bench, &["a"]).await, [Changed::Ok]);
    assert_eq!(bench.drain().await, ["a"]);
}

/// Redis may have forgotten that it was sent: there is no record of it, and still a person has to decide first.
#[tokio::test]
async fn what_is_ambiguous_without_an_intent_is_decided_first() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Ambiguous).await;
    let old = letter(&bench, "a").await;
    let new = job("a").tag("new").job();
    let edited = bench.queue().edit(&old, &new).await.unwrap();
    assert_eq!(edited, Changed::Undecided);
}
