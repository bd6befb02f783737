//! Jobs that may become one call are given as a group, and each keeps its own state, place and end.

use penstock_shared::{
    job::state::{Ending, State},
    queue::{
        claim::Claimed,
        reference::Lane,
        settle::{Settled, Settlement},
    },
};
use penstock_tests::fixture::{
    Bench, Draft, all_delivered, back, by_itself, delivered, done, ids, job, settlement,
};

const LEASE: u64 = 5_000;

async fn bench() -> Bench {
    Bench::with(|terms| terms.coalesce = 10).await
}

/// One for each contact, all with the same tags.
fn campaign(count: usize) -> Vec<Draft> {
    (0..count)
        .map(|number| job(&format!("j{number}")))
        .collect()
}

/// Leaders and their riders.
fn groups(claimed: &[Claimed]) -> Vec<Vec<String>> {
    let names = |job: &Claimed| {
        let riders = job
            .riders
            .iter()
            .map(|rider| rider.reference.id().to_owned());
        [job.reference.id().to_owned()]
            .into_iter()
            .chain(riders)
            .collect()
    };
    claimed.iter().map(names).collect()
}

/// A rider is to be sent singly.
fn apart(group: &Claimed, at: usize) -> Settlement {
    let ending = Ending::Back {
        after: std::time::Duration::ZERO,
        attempt: false,
        delivery: false,
    };
    let mut settlement = settlement(&by_itself(group, &group.riders[at]), ending);
    settlement.fields.insert("singly", "1".to_owned());
    settlement
}

async fn states(bench: &Bench, ids: &[&str]) -> Vec<State> {
    let mut states = Vec::new();
    for id in ids {
        states.push(bench.state_of(id).await);
    }
    states
}

#[tokio::test]
async fn neighbours_in_a_sequence_ride_with_the_first() {
    let mut bench = bench().await;
    let of = |id: &str| job(id).contact("c").tag(id);
    bench
        .enqueue(&[
            of("a"),
            of("b"),
            of("c"),
            job("n").contact("c").note("n"),
            of("d"),
        ])
        .await;
    let claimed = bench.claim(20).await;
    assert_eq!(groups(&claimed), [["a", "b", "c"]]);
    assert!(claimed[0].riders.iter().all(|rider| rider.behind));
    assert_eq!(states(&bench, &["a", "b", "c"]).await, [State::Running; 3]);
    assert_eq!(states(&bench, &["n", "d"]).await, [State::Blocked; 2]);
    assert_eq!(
        bench.settle(&[all_delivered(&claimed[0])]).await,
        [Settled::Ok]
    );
    assert_eq!(states(&bench, &["a", "b", "c"]).await, [State::Done; 3]);
    assert_eq!(bench.drain().await, ["n", "d"]);
}

#[tokio::test]
async fn those_that_get_the_same_tags_ride_on_one_permit() {
    let mut bench = bench().await;
    bench.quotas("2/10s", "9/1d").await;
    let mut drafts = campaign(14);
    drafts.insert(3, job("other").tag("other"));
    bench.enqueue(&drafts).await;
    let claimed = bench.claim(20).await;
    let given = groups(&claimed);
    assert_eq!(given.len(), 2, "{given:?}");
    assert_eq!(given[0].len(), 10, "{given:?}");
    assert_eq!(given[1], ["other"]);
    assert!(claimed[0].riders.iter().all(|rider| !rider.behind));
    for group in &claimed {
        bench.settle(&[all_delivered(group)]).await;
    }
    let left = bench.queue().outlook(&Lane::ghl("acme")).await.unwrap();
    assert_eq!(left.ledger.burst.unwrap().left(true), 0);
    assert_eq!(left.ledger.daily.unwrap().left(true), 7);
    bench.pass(10_100);
    assert_eq!(
        groups(&bench.claim(20).await),
        [["j10", "j11", "j12", "j13"]]
    );
}

/// What is looked at and not taken stands where it stood.
#[tokio::test]
async fn what_does_not_ride_keeps_its_place() {
    let mut bench = bench().await;
    bench.quotas("1/10s", "99/1d").await;
    let mut drafts: Vec<_> = (0..30)
        .map(|number| job(&format!("n{number}")).tag(&format!("tag-{number}")))
        .collect();
    drafts.insert(0, job("a"));
    drafts.insert(1, job("b"));
    bench.enqueue(&drafts).await;
    assert_eq!(groups(&bench.claim(20).await), [["a", "b"]]);
    bench.quotas("100/10s", "99/1d").await;
    let rest: Vec<_> = (0..30).map(|number| format!("n{number}")).collect();
    assert_eq!(ids(&bench.claim(200).await), rest);
}

#[tokio::test]
async fn a_contact_named_otherwise_rides_if_its_id_is_remembered() {
    let mut bench = bench().await;
    let email = |name: &str| job(name).email(&format!("{name}@example.com"));
    let known = email("known").job().payload.contact_refs();
    let queue = bench.queue();
    let id = "id-of-known".parse().unwrap();
    queue.learn("acme", &id, &known).await.unwrap();
    bench
        .enqueue(&[job("a"), email("known"), email("stranger")])
        .await;
    let claimed = bench.claim(20).await;
    assert_eq!(groups(&claimed), [vec!["a", "known"], vec!["stranger"]]);
    assert_eq!(claimed[0].riders[0].contact.as_deref(), Some("id-of-known"));
}

#[tokio::test]
async fn riders_that_are_not_named_come_back_as_they_were() {
    let mut bench = bench().await;
    let of = |id: &str| job(id).contact("c").tag(id);
    bench.enqueue(&[of("a"), of("b"), of("c")]).await;
    let group = bench.claim(20).await.remove(0);
    bench.settle(&[back(&group, 1_000)]).await;
    assert_eq!(bench.state_of("a").await, State::Scheduled);
    assert_eq!(states(&bench, &["b", "c"]).await, [State::Blocked; 2]);
    for id in ["b", "c"] {
        let status = bench.status(id).await;
        assert!(status.run.is_empty(), "{status:?}");
    }
    bench.pass(1_000);
    // It has failed once, so it goes singly; the others still ride.
    assert_eq!(groups(&bench.claim(20).await), [["a"]]);
}

#[tokio::test]
async fn one_that_is_taken_apart_is_sent_singly_and_in_its_turn() {
    let mut bench = bench().await;
    let of = |id: &str| job(id).contact("c").tag(id);
    bench.enqueue(&[of("a"), of("b"), of("c"), of("d")]).await;
    let group = bench.claim(20).await.remove(0);
    let end = Settlement {
        riders: vec![
            delivered(&by_itself(&group, &group.riders[0])),
            apart(&group, 1),
        ],
        ..delivered(&group)
    };
    assert_eq!(bench.settle(&[end]).await, [Settled::Ok]);
    assert_eq!(states(&bench, &["a", "b"]).await, [State::Done; 2]);
    let next = bench.claim(20).await;
    assert_eq!(groups(&next), [["c"]]);
    assert_eq!(next[0].run.text("singly"), Some("1"));
    bench.settle(&[done(&next[0])]).await;
    assert_eq!(groups(&bench.claim(20).await), [["d"]]);
}

#[tokio::test]
async fn of_many_contacts_each_has_its_own_end() {
    let mut bench = bench().await;
    let mut drafts = campaign(4);
    drafts.push(job("next").contact("contact-6a32").tag("later"));
    bench.enqueue(&drafts).await;
    let group = bench.claim(20).await.remove(0);
    let end = Settlement {
        riders: vec![
            delivered(&by_itself(&group, &group.riders[0])),
            apart(&group, 1),
        ],
        ..delivered(&group)
    };
    bench.settle(&[end]).await;
    assert_eq!(states(&bench, &["j0", "j1"]).await, [State::Done; 2]);
    assert_eq!(states(&bench, &["j2", "j3"]).await, [State::Ready; 2]);
    // Its contact is j2's.
    assert_eq!(bench.state_of("next").await, State::Blocked);
    assert_eq!(groups(&bench.claim(20).await), [["j2"], ["j3"]]);
}

#[tokio::test]
async fn a_group_whose_lease_ends_comes_back_whole() {
    let mut bench = bench().await;
    let of = |id: &str| job(id).contact("c").tag(id);
    bench.enqueue(&[of("a"), of("b"), job("x"), job("y")]).await;
    let lost = bench.claim(20).await;
    assert_eq!(groups(&lost), [["a", "b"], ["x", "y"]]);
    bench.live(LEASE + 1, &[]).await;
    let again = bench.claim(20).await;
    assert_eq!(groups(&again), [["a"], ["x"], ["y"]]);
    for job in &again {
        assert_eq!((job.run.lost(), job.deliveries), (1, 2));
        assert!(job.run.number("lostAt").is_some());
    }
    assert_eq!(bench.state_of("b").await, State::Blocked);
    // Whoever had it may write nothing any more.
    assert_eq!(
        bench.settle(&[all_delivered(&lost[0])]).await,
        [Settled::Lost]
    );
    assert_eq!(bench.state_of("b").await, State::Blocked);
}

#[tokio::test]
async fn the_same_claim_again_gives_the_same_group() {
    let mut bench = bench().await;
    bench.enqueue(&campaign(3)).await;
    bench
        .enqueue(&[
            job("a").contact("c").tag("1"),
            job("b").contact("c").tag("2"),
        ])
        .await;
    let request = bench.request(20);
    let first = bench.claim_as("w", &request).await.jobs;
    let again = bench.claim_as("w", &request).await.jobs;
    assert_eq!(groups(&first), [vec!["j0", "j1", "j2"], vec!["a", "b"]]);
    // By name.
    assert_eq!(groups(&again), [vec!["a", "b"], vec!["j0", "j1", "j2"]]);
    let behind: Vec<_> = again[0].riders.iter().map(|rider| rider.behind).collect();
    assert_eq!(behind, [true]);
}

#[tokio::test]
async fn settled_again_nothing_changes() {
    let mut bench = bench().await;
    bench.enqueue(&campaign(3)).await;
    let group = bench.claim(20).await.remove(0);
    let end = Settlement {
        riders: vec![
            delivered(&by_itself(&group, &group.riders[0])),
            apart(&group, 1),
        ],
        ..delivered(&group)
    };
    assert_eq!(
        bench.settle(std::slice::from_ref(&end)).await,
        [Settled::Ok]
    );
    let before = bench.snapshot().await;
    assert_eq!(bench.settle(&[end]).await, [Settled::Ok]);
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn a_rider_ends_only_with_its_leader() {
    let mut bench = bench().await;
    bench.enqueue(&campaign(2)).await;
    let group = bench.claim(20).await.remove(0);
    let before = bench.snapshot().await;
    let alone = delivered(&by_itself(&group, &group.riders[0]));
    assert_eq!(bench.settle(&[alone]).await, [Settled::Lost]);
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn with_an_open_breaker_each_goes_singly() {
    let mut bench = bench().await;
    let fails: Vec<_> = (0..5)
        .map(|number| job(&format!("f{number}")).note("f"))
        .collect();
    bench.enqueue(&fails).await;
    for failed in bench.claim(20).await {
        let mut end = back(&failed, 60_000);
        end.transition.api = Some(penstock_shared::job::state::Api::Down);
        bench.settle(&[end]).await;
    }
    bench.enqueue(&campaign(3)).await;
    bench.pass(5_000);
    assert_eq!(groups(&bench.claim(20).await), [["j0"]]);
}

#[tokio::test]
async fn turned_off_each_has_its_own_call() {
    let mut bench = Bench::start().await;
    bench.enqueue(&campaign(3)).await;
    assert_eq!(groups(&bench.claim(20).await), [["j0"], ["j1"], ["j2"]]);
}
