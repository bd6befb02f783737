//! Jobs that wait for each other, by what they refer to or by their places in a sequence.

use penstock_shared::queue::circle::Circle;
use penstock_tests::fixture::{Bench, Draft, START, job};
use serde_json::json;

fn of(id: &str, parent: &str) -> Draft {
    job(id).what(
        "AddTags",
        json!({ "contact": { "job": parent }, "tags": ["x"] }),
    )
}

/// What `made` has made is a record of this contact's.
fn link(id: &str, contact: &str, made: &str) -> Draft {
    let record = json!({ "job": made, "pointer": "/id" });
    let payload = json!({ "contact": { "id": contact }, "system": "smore", "record": record });
    job(id).what("LinkRecord", payload)
}

async fn circle(bench: &Bench, waiting: &str, parent: &str) -> Option<Circle> {
    let (queue, parent) = (bench.queue(), parent.parse().unwrap());
    queue.circle("acme", waiting, &parent).await.unwrap()
}

#[tokio::test]
async fn jobs_that_refer_to_each_other_are_found() {
    let bench = Bench::start().await;
    bench
        .enqueue(&[of("c1", "c2"), of("c2", "c1"), of("outside", "c1")])
        .await;
    assert_eq!(circle(&bench, "c1", "c2").await, Some(Circle::Refers));
    // It only waits for those that are one.
    assert_eq!(circle(&bench, "outside", "c1").await, None);
    bench
        .enqueue(&[of("a", "b"), of("b", "c"), of("c", "a")])
        .await;
    assert_eq!(circle(&bench, "a", "b").await, Some(Circle::Refers));
}

#[tokio::test]
async fn what_stands_behind_the_job_that_waits_for_it_is_found() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[link("link", "x", "made"), job("made").contact("x")])
        .await;
    assert_eq!(circle(&bench, "link", "made").await, Some(Circle::Behind));
    // Through another one.
    bench
        .enqueue(&[
            link("other", "y", "by"),
            of("by", "last"),
            job("last").contact("y"),
        ])
        .await;
    assert_eq!(circle(&bench, "other", "by").await, Some(Circle::Behind));
    // One that stands before it lets it pass, if it waits for that one itself.
    bench
        .enqueue(&[
            link("first", "p", "behind"),
            link("head", "q", "first"),
            job("behind").contact("q"),
        ])
        .await;
    assert_eq!(circle(&bench, "first", "behind").await, None);
    assert_eq!(circle(&bench, "head", "first").await, Some(Circle::Behind));
    // Each waits for what stands behind the other.
    bench
        .enqueue(&[
            link("left", "l", "right-behind"),
            link("right", "r", "left-behind"),
            job("left-behind").contact("l"),
            job("right-behind").contact("r"),
        ])
        .await;
    for (head, behind) in [("left", "right-behind"), ("right", "left-behind")] {
        assert_eq!(circle(&bench, head, behind).await, Some(Circle::Behind));
    }
    // One of the future is behind it once it has come.
    bench
        .enqueue(&[
            link("early", "z", "late"),
            job("late").contact("z").run_at(START + 60_000),
        ])
        .await;
    assert_eq!(circle(&bench, "early", "late").await, None);
    bench.claim(20).await;
    bench.live(60_000, &[]).await;
    bench.claim(20).await;
    assert_eq!(circle(&bench, "early", "late").await, Some(Circle::Behind));
}

#[tokio::test]
async fn what_only_waits_its_turn_is_none() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[
            of("child", "parent"),
            job("before").contact("x"),
            job("parent").contact("x"),
        ])
        .await;
    assert_eq!(circle(&bench, "child", "parent").await, None);
    // What is done, or unknown, waits for nothing.
    bench.drain().await;
    assert_eq!(circle(&bench, "child", "parent").await, None);
    assert_eq!(circle(&bench, "child", "nobody").await, None);
}
