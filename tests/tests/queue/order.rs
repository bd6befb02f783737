//! Order per contact (law 5).

use penstock_shared::{job::state::State, outcome::Cause};
use penstock_tests::fixture::{Bench, Draft, START, back, dead, done, job};

fn of_one(ids: &[&str]) -> Vec<Draft> {
    ids.iter().map(|id| job(id).contact("c")).collect()
}

#[tokio::test]
async fn jobs_of_one_contact_run_one_at_a_time_as_they_were_enqueued() {
    let mut bench = Bench::start().await;
    bench.enqueue(&of_one(&["z", "y"])).await;
    bench.pass(5);
    bench.enqueue(&of_one(&["x", "w"])).await;
    assert_eq!(bench.claim(20).await.len(), 1);
    bench.live(6000, &[]).await;
    assert_eq!(bench.drain().await, ["z", "y", "x", "w"]);
}

#[tokio::test]
async fn jobs_of_different_contacts_and_tenants_do_not_wait_for_each_other() {
    let mut bench = Bench::start().await;
    let drafts = [
        job("a").contact("c"),
        job("b").contact("d"),
        job("c").contact("c").of("zenith"),
        job("d").contact("c"),
    ];
    bench.enqueue(&drafts).await;
    let mut given = bench.claim_ids(20).await;
    given.sort();
    assert_eq!(given, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_future_one_joins_at_its_moment_and_blocks_nothing_before() {
    let mut bench = Bench::start().await;
    let [a, b, c] = ["a", "b", "c"].map(|id| job(id).contact("c"));
    bench.enqueue(&[a, b.run_at(START + 1000), c]).await;
    let first = bench.claim_one().await;
    assert_eq!(first.reference.id(), "a");
    bench.pass(1000);
    // It has come due behind `c`, which was here before its moment; `d` is enqueued after it.
    assert!(bench.claim(1).await.is_empty());
    assert_eq!(bench.state_of("b").await, State::Blocked);
    bench.enqueue(&of_one(&["d"])).await;
    bench.settle(&[done(&first)]).await;
    assert_eq!(bench.drain().await, ["c", "b", "d"]);
}

/// No claim has looked at the lane between its moment and the later one's coming.
#[tokio::test]
async fn a_future_one_goes_before_what_was_enqueued_after_its_moment() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("s").contact("c").run_at(START + 1000)])
        .await;
    bench.pass(2000);
    bench.enqueue(&of_one(&["n"])).await;
    assert_eq!(bench.drain().await, ["s", "n"]);
}

/// The same where a limited lane is not looked at for a while.
#[tokio::test]
async fn a_future_one_of_a_limited_lane_takes_its_place_at_its_moment() {
    let mut bench = Bench::start().await;
    bench.quotas("1/10s", "9/1d").await;
    bench.enqueue(&of_one(&["a"])).await;
    bench
        .enqueue(&[job("s").contact("c").run_at(START + 1000)])
        .await;
    let a = bench.claim_one().await;
    bench.settle(&[done(&a)]).await;
    bench.pass(2000);
    assert!(bench.claim(1).await.is_empty());
    bench.enqueue(&of_one(&["n"])).await;
    bench.pass(8000);
    assert_eq!(bench.claim_ids(1).await, ["s"]);
}

#[tokio::test]
async fn several_future_ones_join_by_their_moments() {
    let mut bench = Bench::start().await;
    let drafts = [("c", 300), ("a", 100), ("b", 200)]
        .map(|(id, at)| job(id).contact("c").run_at(START + at));
    bench.enqueue(&drafts).await;
    bench.pass(1000);
    assert_eq!(bench.drain().await, ["a", "b", "c"]);
}

/// A campaign: more jobs of one moment than one script moves, their ids and priorities against their order.
#[tokio::test]
async fn very_many_future_ones_of_one_moment_join_in_the_order_enqueued() {
    const CONTACTS: usize = 1_500;
    let mut bench = Bench::start().await;
    bench.quotas("1000000/10s", "10000000/1d").await;
    let drafts: Vec<_> = (0..CONTACTS)
        .flat_map(|number| {
            let contact = format!("c{number}");
            let of = |id: String| job(&id).contact(&contact).run_at(START + 1000);
            [of(format!("z{number}")), of(format!("a{number}")).low()]
        })
        .collect();
    bench.enqueue(&drafts).await;
    bench.pass(1000);
    let mut begun = std::collections::HashSet::new();
    let mut ended = 0;
    while ended < drafts.len() {
        let claimed = bench.claim(512).await;
        assert!(!claimed.is_empty(), "{ended} have ended");
        for job in &claimed {
            let (first, number) = job.reference.id().split_at(1);
            let is_first = begun.insert(number.to_owned());
            assert_eq!(is_first, first == "z", "{number}");
        }
        let ends: Vec<_> = claimed.iter().map(done).collect();
        bench.settle(&ends).await;
        ended += claimed.len();
    }
}

#[tokio::test]
async fn a_retrying_one_keeps_its_place() {
    let mut bench = Bench::start().await;
    bench.enqueue(&of_one(&["a", "b"])).await;
    let a = bench.claim_one().await;
    bench.settle(&[back(&a, 60_000)]).await;
    bench.enqueue(&of_one(&["c"])).await;
    bench.pass(59_999);
    assert!(bench.claim(9).await.is_empty());
    bench.pass(1);
    assert_eq!(bench.drain().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn one_that_ends_later_keeps_the_next_waiting() {
    let mut bench = Bench::start().await;
    bench.enqueue(&of_one(&["a", "b"])).await;
    let a = bench.claim_one().await;
    bench.live(300_000, std::slice::from_ref(&a)).await;
    assert!(bench.claim(9).await.is_empty());
    bench.settle(&[done(&a)]).await;
    assert_eq!(bench.claim_ids(9).await, ["b"]);
}

#[tokio::test]
async fn a_dead_one_lets_the_next_go() {
    let mut bench = Bench::start().await;
    bench.enqueue(&of_one(&["a", "b", "c"])).await;
    let a = bench.claim_one().await;
    bench.settle(&[dead(&a, Cause::Rejected)]).await;
    assert_eq!(bench.drain().await, ["b", "c"]);
}

#[tokio::test]
async fn one_that_was_taken_over_is_still_before_the_next() {
    let mut bench = Bench::start().await;
    bench.enqueue(&of_one(&["a", "b"])).await;
    bench.claim_one().await;
    bench.live(6000, &[]).await;
    assert_eq!(bench.drain().await, ["a", "b"]);
}

#[tokio::test]
async fn priority_never_reorders_one_contacts_jobs() {
    let mut bench = Bench::start().await;
    let drafts = [
        job("a").contact("c").low(),
        job("b").contact("c"),
        job("c").contact("c").high(),
    ];
    bench.enqueue(&drafts).await;
    assert_eq!(bench.drain().await, ["a", "b", "c"]);
}

#[tokio::test]
async fn nothing_of_an_ended_sequence_is_left_behind() {
    let mut bench = Bench::start().await;
    bench.enqueue(&of_one(&["a", "b", "c"])).await;
    bench
        .enqueue(&[job("l").contact("c").low(), job("h").contact("c").high()])
        .await;
    bench.drain().await;
    let keys = bench.queue().keys(0).clone();
    let left = bench.snapshot().await;
    for family in [
        keys.seq(""),
        keys.blocked(""),
        keys.priority(""),
        keys.due(""),
        keys.high(""),
    ] {
        let still: Vec<_> = left
            .0
            .keys()
            .filter(|key| key.starts_with(&family))
            .collect();
        assert!(still.is_empty(), "{still:?}");
    }
}
