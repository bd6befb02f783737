//! `discard`: dead letters are deleted for good.

use penstock_shared::{
    outcome::Cause,
    queue::{
        enqueue::Enqueued,
        repair::{Changed, Named, Redrive},
        settle::Settled,
    },
};
use penstock_tests::fixture::{Bench, back, dead, done, job};

use crate::{
    letter::{again, bury, dies, letters, named, redrive},
    state::run_field,
};

async fn discard(bench: &Bench, ids: &[&str]) -> Vec<Changed> {
    let jobs: Vec<_> = ids.iter().map(|id| named(id)).collect();
    bench.queue().discard(&jobs).await.unwrap()
}

#[tokio::test]
async fn nothing_of_it_is_left_and_its_id_is_free() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let mut end = back(&bench.claim_one().await, 0);
    end.history = Some("{}".into());
    bench.settle(&[end]).await;
    bury(&mut bench, Cause::Rejected).await;
    assert_eq!(discard(&bench, &["a"]).await, [Changed::Ok]);
    let left = bench.snapshot().await;
    for key in left.0.keys() {
        assert!(
            !key.contains("acme/a") && !key.contains("dead") && !key.contains("causes"),
            "{key}"
        );
    }
    assert_eq!(
        bench.enqueue(&[job("a").tag("new")]).await,
        [Enqueued::Accepted]
    );
    assert_eq!(bench.claim_one().await.deliveries, 1);
}

#[tokio::test]
async fn what_is_not_dead_is_refused() {
    let mut bench = Bench::start().await;
    bench.enqueue(&["done", "running", "ready"].map(job)).await;
    let first = bench.claim_one().await;
    bench.settle(&[penstock_tests::fixture::done(&first)]).await;
    bench.claim_one().await;
    let before = bench.snapshot().await;
    let not = Changed::NotDead;
    let codes = discard(&bench, &["done", "running", "ready", "none"]).await;
    assert_eq!(codes, [not, not, not, Changed::Unknown]);
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn of_several_each_is_judged_by_itself_and_a_second_time_it_is_unknown() {
    let mut bench = Bench::start().await;
    for (id, cause) in [
        ("a", Cause::Rejected),
        ("b", Cause::Exhausted),
        ("c", Cause::Rejected),
    ] {
        dies(&mut bench, job(id), cause).await;
    }
    let codes = discard(&bench, &["a", "none", "a", "b"]).await;
    let (ok, unknown) = (Changed::Ok, Changed::Unknown);
    assert_eq!(codes, [ok, unknown, unknown, ok]);
    assert_eq!(letters(&bench).await, ["c"]);
    let causes = bench.queue().dead_causes().await.unwrap();
    assert_eq!(causes, [("rejected".to_owned(), 1)]);
    let before = bench.snapshot().await;
    assert_eq!(discard(&bench, &["a", "b"]).await, [unknown; 2]);
    assert_eq!(bench.snapshot().await, before);
}

/// A worker stood still with the one that was deleted, and tells much later what came of it.
#[tokio::test]
async fn what_came_of_it_says_nothing_of_the_next_job_of_its_id() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let late = bench.claim_one().await;
    bench.live(6_000, &[]).await;
    bury(&mut bench, Cause::Rejected).await;
    assert_eq!(discard(&bench, &["a"]).await, [Changed::Ok]);
    bench.pass(1);
    bench.enqueue(&[job("a")]).await;
    let end = back(&bench.claim_one().await, 0);
    bench.settle(&[end]).await;
    assert_eq!(bench.settle(&[done(&late)]).await, [Settled::Lost]);
    assert_eq!(run_field(&bench, "a", "orphan").await, None);
}

/// Somebody has repaired and retried it meanwhile, and it died of something else: that is another matter.
#[tokio::test]
async fn one_that_has_died_again_since_it_was_looked_at_is_left_alone() {
    let mut bench = Bench::start().await;
    dies(&mut bench, job("a"), Cause::Rejected).await;
    let queue = bench.queue();
    let looked_at = queue.dead_by_id("a", Some("acme")).await.unwrap().remove(0);
    redrive(&bench, &["a"]).await;
    bench.pass(5);
    let claimed = bench.claim_one().await;
    bench.settle(&[dead(&claimed, Cause::Ambiguous)]).await;
    let before = bench.snapshot().await;
    let again = Redrive {
        letter: Named::of(&looked_at),
        ..again("a")
    };
    for resend in [false, true] {
        let changed = queue.redrive(std::slice::from_ref(&again), resend).await;
        assert_eq!(changed.unwrap(), [Changed::Stale]);
    }
    let changed = queue.discard(&[Named::of(&looked_at)]).await.unwrap();
    assert_eq!(changed, [Changed::Stale]);
    let changed = queue.resolve_done(&looked_at, None).await.unwrap();
    assert_eq!(changed, Changed::Stale);
    assert_eq!(bench.snapshot().await, before);
}
