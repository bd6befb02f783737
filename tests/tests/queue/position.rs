//! How many jobs go before one that waits.

use penstock_shared::queue::position::Ahead;
use penstock_tests::fixture::{Bench, Draft, back, job};

async fn ahead(bench: &Bench, id: &str) -> (u64, u64) {
    let Ahead { jobs, own, .. } = bench.status(id).await.ahead.expect("it waits");
    (jobs, own)
}

/// Each in a millisecond of its own.
async fn enqueue(bench: &mut Bench, drafts: &[Draft]) {
    for draft in drafts {
        bench.enqueue(std::slice::from_ref(draft)).await;
        bench.pass(1);
    }
}

#[tokio::test]
async fn due_ones_go_by_when_they_became_due() {
    let mut bench = Bench::start().await;
    enqueue(&mut bench, &["a", "b", "c"].map(job)).await;
    bench.enqueue(&[job("high").high(), job("low").low()]).await;
    for (id, before) in [("high", 0), ("a", 1), ("b", 2), ("c", 3), ("low", 4)] {
        assert_eq!(ahead(&bench, id).await, (before, 0), "{id}");
        assert_eq!(bench.status(id).await.position, Some(before), "{id}");
    }
    bench.claim_one().await;
    assert_eq!(bench.status("high").await.ahead, None);
    assert_eq!(ahead(&bench, "c").await, (2, 0));
}

/// Of three contacts, one after the other.
#[tokio::test]
async fn blocked_ones_go_before_what_came_after_them() {
    let mut bench = Bench::start().await;
    let of = |contact: &str, id: &str| job(&format!("{contact}{id}")).contact(contact);
    let drafts = ["x", "y", "z"].map(|contact| ["1", "2", "3"].map(|id| of(contact, id)));
    enqueue(&mut bench, &drafts.concat()).await;
    for (at, id) in ["x1", "x2", "x3", "y1", "y2", "y3", "z1", "z2", "z3"]
        .iter()
        .enumerate()
    {
        let (jobs, own) = ahead(&bench, id).await;
        // The head of its own sequence may be counted among those of its contact too.
        assert!((at as u64..=at as u64 + 1).contains(&jobs), "{id}: {jobs}");
        assert_eq!(own, at as u64 % 3, "{id}");
    }
    assert_eq!(bench.status("z1").await.position, Some(2));
    assert_eq!(bench.status("z2").await.position, None);
}

#[tokio::test]
async fn a_scheduled_one_comes_after_whatever_is_due_before_it() {
    let mut bench = Bench::start().await;
    let at = |ms| bench.now + ms;
    let (first, second) = (
        job("first").run_at(at(5_000)),
        job("second").run_at(at(9_000)),
    );
    enqueue(&mut bench, &[second, first, job("a"), job("b")]).await;
    assert_eq!(ahead(&bench, "first").await, (2, 0));
    assert_eq!(ahead(&bench, "second").await, (3, 0));
    assert_eq!(ahead(&bench, "b").await, (1, 0));
}

#[tokio::test]
async fn who_waits_for_another_attempt_is_waited_for() {
    let mut bench = Bench::start().await;
    let drafts = ["a", "b"].map(|id| job(id).contact("c"));
    bench.enqueue(&drafts).await;
    let a = bench.claim_one().await;
    bench.settle(&[back(&a, 60_000)]).await;
    let status = bench.status("b").await;
    let expected = Ahead {
        jobs: 1,
        own: 1,
        retry_ms: Some(bench.now + 60_000),
    };
    assert_eq!(status.ahead, Some(expected));
    let eta = bench.queue().eta(&status).await.unwrap();
    assert!(eta >= Some(bench.now + 60_000), "{eta:?}");
}

/// Sequences are more than are looked at: it is an estimate then, and never more than there are.
#[tokio::test]
async fn of_many_sequences_some_are_looked_at() {
    let mut bench = Bench::start().await;
    for page in 0..4 {
        let drafts = (0..200).flat_map(|number| {
            let contact = format!("c{page}-{number}");
            ["u", "n"].map(|id| job(&format!("{id}{page}-{number}")).contact(&contact))
        });
        bench.enqueue(&drafts.collect::<Vec<_>>()).await;
        bench.pass(1);
    }
    bench.enqueue(&[job("last")]).await;
    assert_eq!(ahead(&bench, "last").await.0, 1_600);
    let (middle, _) = ahead(&bench, "u2-0").await;
    assert!((400..=1_200).contains(&middle), "{middle}");
}
