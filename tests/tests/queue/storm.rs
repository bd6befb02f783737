//! Storms: so many events in a window, each counted once, and from then on until it is quiet.

use penstock_shared::queue::storms::Weather::{self, Breaks, Calm, Storm};
use penstock_tests::fixture::Bench;

const WINDOW: u64 = 60_000;

async fn counted(bench: &Bench, events: &str, id: &str, now: u64) -> Weather {
    let (queue, most) = (bench.queue(), "2/1m".parse().unwrap());
    let counted = queue.count_event("acme", events, (id, now), most);
    counted.await.unwrap()
}

async fn rages(bench: &Bench, events: &str) -> bool {
    let (queue, most) = (bench.queue(), "2/1m".parse().unwrap());
    queue.is_stormed("acme", events, most).await.unwrap()
}

#[tokio::test]
async fn one_too_many_in_a_window_is_a_storm_and_told_once() {
    let bench = Bench::start().await;
    assert_eq!(counted(&bench, "x", "a", 1_000).await, Calm);
    assert_eq!(counted(&bench, "x", "b", 2_000).await, Calm);
    // Handled again it counts once.
    assert_eq!(counted(&bench, "x", "a", 3_000).await, Calm);
    assert!(!rages(&bench, "x").await);
    assert_eq!(counted(&bench, "x", "c", 4_000).await, Breaks);
    assert_eq!(counted(&bench, "x", "d", 5_000).await, Storm);
    assert!(rages(&bench, "x").await);
    // Nobody else's.
    assert_eq!(counted(&bench, "y", "e", 5_000).await, Calm);
    assert!(!rages(&bench, "y").await);
}

#[tokio::test]
async fn what_is_older_than_the_window_does_not_count() {
    let bench = Bench::start().await;
    for at in 0..6 {
        let id = format!("event-{at}");
        let now = 1_000 + at * WINDOW / 2;
        assert_eq!(counted(&bench, "x", &id, now).await, Calm, "{at}");
    }
    let soon = 1_000 + 5 * WINDOW / 2 + 1;
    assert_eq!(counted(&bench, "x", "one too many", soon).await, Breaks);
}
