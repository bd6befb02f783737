//! 20,000 due jobs at once: every one is claimed and ended, and no script's work grows with how many wait.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use penstock_shared::queue::{
    claim::MOST_CALLS,
    enqueue::{Admission, Enqueued},
};
use penstock_tests::fixture::{Bench, Draft, done, ids, job};

use crate::state::field;

const COUNT: usize = 20_000;
/// As many as one claim gives.
const SLOTS: usize = MOST_CALLS;

/// A bench with a quota that never stands in the way. Redis logs every command that reaches its own bound for scripts.
async fn wide() -> Bench {
    let mut bench = Bench::start().await;
    bench.quotas("10000000/1s", "10000000/1d").await;
    let bound: (String, String) = bench
        .server
        .get(["CONFIG", "GET", "busy-reply-threshold"])
        .await;
    let micros = format!("{}000", bound.1);
    bench
        .server
        .cli(["CONFIG", "SET", "slowlog-log-slower-than", &micros])
        .await;
    // Loading the library may have reached the default bound; it is done once.
    bench.server.cli(["SLOWLOG", "RESET"]).await;
    bench
}

async fn fill(bench: &Bench, draft: impl Fn(usize) -> Draft) {
    let queue = bench.queue();
    for start in (0..COUNT).step_by(2000) {
        let jobs: Vec<_> = (start..start + 2000)
            .map(|number| draft(number).build())
            .collect();
        let codes = queue.enqueue(&jobs, Admission::Each).await.unwrap();
        assert!(codes.iter().all(|code| *code == Enqueued::Accepted));
    }
}

/// Claims and ends until nothing is left; the number of claims. No job comes twice.
async fn drain(bench: &mut Bench, count: usize) -> usize {
    let mut seen = HashSet::new();
    for claims in 1.. {
        let claimed = bench.claim(SLOTS).await;
        if claimed.is_empty() {
            assert_eq!(seen.len(), count);
            return claims;
        }
        let ends: Vec<_> = claimed.iter().map(done).collect();
        for job in claimed {
            assert!(
                seen.insert(job.reference.as_str().to_owned()),
                "{} again",
                job.reference
            );
        }
        bench.settle(&ends).await;
        bench.pass(1);
    }
    unreachable!("the loop ends by itself")
}

/// How many commands Redis has run, those inside of scripts too.
async fn commands(bench: &Bench) -> u64 {
    let stats: String = bench.server.get(["INFO", "commandstats"]).await;
    let calls = stats.lines().filter_map(|line| line.split_once(":calls="));
    let calls = calls.filter_map(|(_, rest)| rest.split(',').next()?.parse::<u64>().ok());
    calls.sum()
}

/// The commands that it takes to claim and end ten jobs.
async fn cost_of_ten(bench: &mut Bench) -> u64 {
    let before = commands(bench).await;
    let claimed = bench.claim(20).await;
    assert_eq!(claimed.len(), 10);
    let ends: Vec<_> = claimed.iter().map(done).collect();
    bench.settle(&ends).await;
    commands(bench).await - before
}

async fn nothing_was_slow_and_nothing_is_left(bench: &Bench) {
    let slow: u64 = bench.server.get(["SLOWLOG", "LEN"]).await;
    let which = bench.server.cli(["SLOWLOG", "GET"]).await;
    assert_eq!(slow, 0, "{which:?}");
    let stats = bench.queue().stats().await.unwrap();
    assert_eq!((stats.ready, stats.running, stats.scheduled), (0, 0, 0));
    assert_eq!(stats.done_total, COUNT as u64);
    let lanes: u64 = bench
        .server
        .get(["ZCARD", &bench.queue().keys(0).lanes()])
        .await;
    assert_eq!(lanes, 0);
}

#[tokio::test]
async fn in_one_lane() {
    let mut few = wide().await;
    few.enqueue(
        &(0..30)
            .map(|number| job(&number.to_string()))
            .collect::<Vec<_>>(),
    )
    .await;
    let small = cost_of_ten(&mut few).await;

    let mut bench = wide().await;
    fill(&bench, |number| job(&number.to_string())).await;
    let large = cost_of_ten(&mut bench).await;
    assert_eq!(large, small);
    // However many slots there are, a claim gives a bounded number: in each of six turns half of what is left of that, and one at least.
    let claimed = bench.claim(10_000).await;
    assert_eq!(claimed.len(), MOST_CALLS - 1);
    bench
        .settle(&claimed.iter().map(done).collect::<Vec<_>>())
        .await;
    drain(&mut bench, COUNT - 10 - claimed.len()).await;
    nothing_was_slow_and_nothing_is_left(&bench).await;
}

#[tokio::test]
async fn in_five_thousand_lanes() {
    let mut bench = wide().await;
    fill(&bench, |number| {
        job(&number.to_string()).of(&format!("tenant-{}", number % 5000))
    })
    .await;
    let claims = drain(&mut bench, COUNT).await;
    // A claim takes all four jobs of each of six lanes; the last gives nothing.
    assert!(claims <= COUNT.div_ceil(4 * 6) + 1, "{claims}");
    nothing_was_slow_and_nothing_is_left(&bench).await;
}

/// Each of the lanes that a claim looks at gets some moved, and gives some: none uses up what one claim may move.
#[tokio::test]
async fn that_come_due_at_one_moment_in_many_lanes() {
    let mut bench = wide().await;
    let at = bench.now + 1000;
    let of = |number| format!("tenant-{}", number % 50);
    fill(&bench, |number| {
        job(&number.to_string()).of(&of(number)).run_at(at)
    })
    .await;
    bench.pass(1000);
    let claimed = bench.claim(SLOTS).await;
    let tenants: BTreeSet<_> = claimed.iter().map(|job| job.reference.tenant()).collect();
    assert!(tenants.len() >= 6 && claimed.len() >= 36, "{tenants:?}");
}

/// All behind one contact, they are moved and give nothing; the worker is told to go on asking until somebody else's come.
#[tokio::test]
async fn behind_one_contact_do_not_keep_the_others_waiting() {
    let mut bench = wide().await;
    let at = bench.now + 1000;
    let campaign = |number: usize| job(&number.to_string()).contact("one").run_at(at);
    bench
        .enqueue(&(0..500).map(campaign).collect::<Vec<_>>())
        .await;
    bench
        .enqueue(&[job("other").contact("two").run_at(at + 1)])
        .await;
    bench.pass(1001);
    let mut given = Vec::new();
    loop {
        let request = bench.request(SLOTS);
        let claim = bench.claim_as("w", &request).await;
        given.extend(ids(&claim.jobs));
        if !claim.bounded {
            break;
        }
    }
    assert_eq!(given, ["0", "other"]);
}

/// All at one moment of the future, so that they are moved as they come due.
#[tokio::test]
async fn that_come_due_at_one_moment() {
    let mut bench = wide().await;
    let at = bench.now + 1000;
    fill(&bench, |number| job(&number.to_string()).run_at(at)).await;
    assert!(bench.claim(SLOTS).await.is_empty());
    bench.pass(1000);
    drain(&mut bench, COUNT).await;
    nothing_was_slow_and_nothing_is_left(&bench).await;
}

/// All of one contact: one at a time, and what waits behind costs nothing.
#[tokio::test]
async fn of_one_contact() {
    let mut bench = wide().await;
    fill(&bench, |number| job(&format!("{number:05}")).contact("c")).await;
    for number in 0..50 {
        let claimed = bench.claim(SLOTS).await;
        assert_eq!(claimed.len(), 1);
        assert_eq!(claimed[0].reference.id(), format!("{number:05}"));
        bench.settle(&[done(&claimed[0])]).await;
    }
}

/// Of two jobs each.
const PAIRS: usize = 4_000;

/// What gets more urgent while it waits leaves its place in the line empty.
#[tokio::test]
async fn with_very_many_places_left_empty_one_claim_passes_over_some_of_them() {
    let mut bench = wide().await;
    let draft = |kind: &str, number| job(&format!("{kind}{number}")).contact(&format!("c{number}"));
    let pairs: Vec<_> = (0..PAIRS).map(|number| draft("first", number)).collect();
    bench.enqueue(&pairs).await;
    let behind: Vec<_> = (0..PAIRS)
        .map(|number| draft("second", number).high())
        .collect();
    bench.enqueue(&behind).await;
    bench.enqueue(&[job("last")]).await;

    let lane = bench.queue().keys(0).lane("ghl/acme");
    let mut seen = HashSet::new();
    while seen.len() < 2 * PAIRS + 1 {
        let before = ghosts(&bench, &lane).await;
        let request = bench.request(SLOTS);
        let claim = bench.claim_as("w", &request).await;
        let passed = before - ghosts(&bench, &lane).await;
        assert!(passed <= 256 + SLOTS, "{passed}");
        assert!(!claim.jobs.is_empty() || claim.next == Some(Duration::ZERO));
        let ends: Vec<_> = claim.jobs.iter().map(done).collect();
        bench.settle(&ends).await;
        seen.extend(claim.jobs.into_iter().map(|job| job.reference));
        bench.pass(1);
    }
    assert_eq!(ghosts(&bench, &lane).await, 0);
}

async fn ghosts(bench: &Bench, lane: &str) -> usize {
    let stored = field(bench, lane, "ghosts").await;
    stored.map_or(0, |count| count.parse().unwrap())
}
