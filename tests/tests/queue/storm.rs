//! Storms: so many events in a window, each counted once, and from then on until it is quiet.

use penstock_shared::{
    queue::storms::Weather::{self, Breaks, Calm, Storm},
    quota::Quota,
};
use penstock_tests::fixture::Bench;

const WINDOW: u64 = 60_000;

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

async fn counted(bench: &Bench, events: &str, id: &str, now: u64) -> Weather {
    counted_by(bench, &["2/1m"], events, (id, now)).await
}

async fn counted_by(bench: &Bench, most: &[&str], events: &str, this: (&str, u64)) -> Weather {
    let most: Vec<_> = most.iter().map(|text| quota(text)).collect();
    let counted = bench.queue().count_event("acme", events, this, &most).await;
    counted.unwrap()
}

async fn rages(bench: &Bench, events: &str) -> bool {
    let (queue, most) = (bench.queue(), [quota("2/1m")]);
    let storm = queue.storm_of("acme", events, &most);
    storm.await.unwrap().is_some()
}

#[tokio::test]
async fn one_too_many_in_a_window_is_a_storm_and_told_once() {
    let bench = Bench::start().await;
    assert_eq!(counted(&bench, "x", "a", 1_000).await, Calm);
    assert_eq!(counted(&bench, "x", "b", 2_000).await, Calm);
    // Handled again it counts once.
    assert_eq!(counted(&bench, "x", "a", 3_000).await, Calm);
    assert!(!rages(&bench, "x").await);
    assert_eq!(
        counted(&bench, "x", "c", 4_000).await,
        Breaks(quota("2/1m"))
    );
    assert_eq!(counted(&bench, "x", "d", 5_000).await, Storm(quota("2/1m")));
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
    assert_eq!(
        counted(&bench, "x", "one too many", soon).await,
        Breaks(quota("2/1m"))
    );
}

/// A loop that goes through a system with a small quota never breaks the short one.
#[tokio::test]
async fn a_slow_storm_breaks_the_quota_of_a_long_window() {
    let (bench, most) = (Bench::start().await, ["3/1m", "5/1h"]);
    for at in 0..5 {
        let (id, now) = (format!("event-{at}"), 1_000 + at * WINDOW / 2);
        let weather = counted_by(&bench, &most, "x", (&id, now)).await;
        assert_eq!(weather, Calm, "{at}");
    }
    let sixth = ("event-5", 1_000 + 5 * WINDOW / 2);
    let weather = counted_by(&bench, &most, "x", sixth).await;
    assert_eq!(weather, Breaks(quota("5/1h")));
}
