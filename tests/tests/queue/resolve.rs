//! `resolve`: a person decides that an ambiguous job took effect.

use penstock_shared::{
    job::state::{Ending, State},
    outcome::Cause,
    queue::{repair::Changed, sms_report::SmsReport},
};
use penstock_tests::fixture::{Bench, dead, done, job};

use crate::letter::{dies, letter, letters, redrive};

async fn ambiguous() -> Bench {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a").note("hello"), Cause::Ambiguous).await;
    bench
}

#[tokio::test]
async fn it_is_done_and_its_effect_is_its_own() {
    let mut bench = ambiguous().await;
    let old = letter(&bench, "a").await;
    let queue = bench.queue();
    assert_eq!(
        queue.resolve_done(&old, Some("note-1")).await.unwrap(),
        Changed::Ok
    );
    assert_eq!(bench.state_of("a").await, State::Done);
    assert_eq!(
        queue.maker_of("acme", "note-1").await.unwrap().as_deref(),
        Some("a")
    );
    assert!(letters(&bench).await.is_empty());
    assert_eq!(queue.dead_causes().await.unwrap(), []);
    let before = bench.snapshot().await;
    assert_eq!(
        queue.resolve_done(&old, Some("note-1")).await.unwrap(),
        Changed::NotDead
    );
    assert_eq!(bench.snapshot().await, before);
    // It is forgotten as any other that is done.
    bench.pass(24 * 3_600_000);
    bench.queue().forget(0).await.unwrap();
    assert!(
        bench
            .queue()
            .find("a", Some("acme"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn without_an_effect_it_is_done_too() {
    let bench = ambiguous().await;
    let old = letter(&bench, "a").await;
    assert_eq!(
        bench.queue().resolve_done(&old, None).await.unwrap(),
        Changed::Ok
    );
    assert_eq!(bench.state_of("a").await, State::Done);
}

#[tokio::test]
async fn what_cannot_be_decided_is_refused() {
    let mut bench = ambiguous().await;
    dies(&mut bench, job("b"), Cause::Rejected).await;
    let (a, b) = (letter(&bench, "a").await, letter(&bench, "b").await);
    let mut unknown = a.clone();
    unknown.id = "none".into();
    let before = bench.snapshot().await;
    let queue = bench.queue();
    assert_eq!(
        queue.resolve_done(&b, None).await.unwrap(),
        Changed::NotAmbiguous
    );
    assert_eq!(
        queue.resolve_done(&unknown, None).await.unwrap(),
        Changed::Unknown
    );
    assert_eq!(bench.snapshot().await, before);
    redrive(&bench, &["a"]).await;
    let before = bench.snapshot().await;
    assert_eq!(
        queue.resolve_done(&a, None).await.unwrap(),
        Changed::NotDead
    );
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn another_jobs_effect_is_refused() {
    let mut bench = ambiguous().await;
    bench.enqueue(&[job("b").note("hello")]).await;
    let mut end = done(&bench.claim_one().await);
    end.transition.ending = Ending::Done {
        result: serde_json::json!({}),
        effect: Some("note-1".into()),
    };
    bench.settle(&[end]).await;
    let a = letter(&bench, "a").await;
    let before = bench.snapshot().await;
    let changed = bench
        .queue()
        .resolve_done(&a, Some("note-1"))
        .await
        .unwrap();
    assert_eq!(changed, Changed::EffectTaken);
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn one_whose_record_is_gone_can_be_decided() {
    let bench = ambiguous().await;
    let a = letter(&bench, "a").await;
    let key = bench.queue().keys(0).job("acme");
    bench.server.cli(["HDEL", &key, "a"]).await;
    assert_eq!(
        bench.queue().resolve_done(&a, None).await.unwrap(),
        Changed::Ok
    );
    assert_eq!(bench.state_of("a").await, State::Done);
}

/// Whoever tells has seen it waiting; it dies before that is kept, and looks no more.
#[tokio::test]
async fn what_is_told_of_a_message_just_as_it_dies_decides_it() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a").note("hello")]).await;
    let mut found = bench.queue().find("a", Some("acme")).await.unwrap();
    let was = found.pop().unwrap();
    assert_eq!(was.state, State::Ready);
    let jobs = bench.claim(10).await;
    bench.settle(&[dead(&jobs[0], Cause::Ambiguous)]).await;
    let report = SmsReport {
        by: "delivery-report".to_owned(),
        status: Some("DELIVERED".to_owned()),
    };
    let told = bench.queue().tell_report(&was, &report).await;
    assert!(!told.unwrap(), "nothing is under way");
    assert_eq!(bench.state_of("a").await, State::Done);
    let mut found = bench.queue().find("a", Some("acme")).await.unwrap();
    let (record, _) = found.pop().unwrap().done.unwrap();
    assert_eq!(record.result, report.result());
}

#[tokio::test]
async fn what_is_told_of_a_message_decides_no_other_death() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a").note("hello"), Cause::Rejected).await;
    let mut found = bench.queue().find("a", Some("acme")).await.unwrap();
    let was = found.pop().unwrap();
    let report = SmsReport {
        by: "reply".to_owned(),
        status: None,
    };
    let before = bench.snapshot().await;
    bench.queue().tell_report(&was, &report).await.unwrap();
    assert_eq!(bench.snapshot().await, before);
}
