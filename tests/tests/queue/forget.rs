//! `forget`: what is done frees its id after a while, what is dead never.

use std::time::Duration;

use penstock_shared::{
    job::state::{Ending, State},
    outcome::Cause,
    queue::enqueue::Enqueued,
};
use penstock_tests::fixture::{Bench, done, job};
use serde_json::json;

use crate::letter::{dies, letters};

const DAY: u64 = 24 * 3_600_000;

#[tokio::test]
async fn nothing_is_forgotten_before_its_time() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    bench.drain().await;
    bench.pass(DAY - 1);
    let before = bench.snapshot().await;
    assert!(!bench.queue().forget(0).await.unwrap());
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(bench.enqueue(&[job("a")]).await, [Enqueued::Duplicate]);
}

/// Whose effect is whose stands until a lost call is looked for no more, as long as that may have become since the settings were read.
#[tokio::test]
async fn it_is_kept_for_ten_quarantines_at_the_least() {
    let mut bench = Bench::with(|terms| {
        terms.retention = Duration::from_secs(10);
        terms.quarantine = Duration::from_secs(5);
    })
    .await;
    bench.enqueue(&[job("a")]).await;
    bench.drain().await;
    bench.queue().lengthen_quarantine(Duration::from_secs(30));
    for (passes, is_known) in [(399_999, true), (1, false)] {
        bench.pass(passes);
        bench.queue().forget(0).await.unwrap();
        let found = bench.queue().find("a", Some("acme")).await.unwrap();
        assert_eq!(!found.is_empty(), is_known);
    }
}

#[tokio::test]
async fn what_is_done_frees_its_id_and_its_effect() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let mut end = done(&bench.claim_one().await);
    end.transition.ending = Ending::Done {
        result: json!({}),
        effect: Some("note-1".into()),
    };
    bench.settle(&[end]).await;
    bench.pass(1);
    bench.enqueue(&[job("b")]).await;
    bench.drain().await;
    bench.pass(DAY - 1);
    assert!(!bench.queue().forget(0).await.unwrap());
    let before = bench.snapshot().await;
    assert!(!bench.queue().forget(0).await.unwrap());
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(
        bench.queue().maker_of("acme", "note-1").await.unwrap(),
        None
    );
    assert_eq!(
        bench.enqueue(&[job("a").tag("new")]).await,
        [Enqueued::Accepted]
    );
    assert_eq!(bench.state_of("b").await, State::Done);
}

#[tokio::test]
async fn dead_letters_are_never_forgotten() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Rejected).await;
    bench.pass(1000 * DAY);
    let before = bench.snapshot().await;
    assert!(!bench.queue().forget(0).await.unwrap());
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(letters(&bench).await, ["a"]);
    assert_eq!(
        bench.enqueue(&[job("a").tag("new")]).await,
        [Enqueued::Conflict]
    );
}

#[tokio::test]
async fn one_call_forgets_a_bounded_number_and_says_that_there_may_be_more() {
    let mut bench = Bench::start().await;
    bench.quotas("10000/10s", "200000/1d").await;
    let drafts: Vec<_> = (0..300).map(|number| job(&number.to_string())).collect();
    bench.enqueue(&drafts).await;
    assert_eq!(bench.drain_by(60).await, 300);
    bench.pass(DAY);
    assert!(bench.queue().forget(0).await.unwrap());
    let key = bench.queue().keys(0).job("acme");
    let left: u64 = bench.server.get(["HLEN", &key]).await;
    assert_eq!(left, 100);
    assert!(!bench.queue().forget(0).await.unwrap());
    let left: u64 = bench.server.get(["HLEN", &key]).await;
    assert_eq!(left, 0);
}
