//! A Redis that is full refuses what is new, and works off what it has.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    outcome::Cause,
    queue::{
        enqueue::{Admission, Enqueued},
        error::QueueError,
        repair::Changed,
        settle::{Advance, Fields, Settled, Step},
    },
};
use penstock_tests::fixture::{Bench, Draft, back, dead, done, job};

use crate::letter::{again, letter};

async fn fill(bench: &Bench, bytes: &str) {
    bench
        .server
        .cli(["CONFIG", "SET", "maxmemory", bytes])
        .await;
}

fn is_full<T: std::fmt::Debug>(result: &Result<T, QueueError>) {
    assert!(matches!(result, Err(QueueError::Full)), "{result:?}");
}

#[tokio::test]
async fn what_is_new_is_refused_and_nothing_changed() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("dead"), job("due")]).await;
    let first = bench.claim_one().await;
    bench.settle(&[dead(&first, Cause::Rejected)]).await;
    let old = letter(&bench, "dead").await;
    let before = bench.snapshot().await;
    fill(&bench, "1").await;
    let queue = bench.queue();
    let new: Vec<_> = [job("new")].iter().map(Draft::build).collect();
    for admission in [Admission::Each, Admission::AllOrNothing] {
        let stored = queue.enqueue(&new, admission).await;
        let interrupted = stored.unwrap_err();
        assert_eq!(interrupted.settled, [None]);
        is_full::<()>(&Err(interrupted.error));
    }
    is_full(&queue.redrive(&[again("dead")], false).await);
    is_full(&queue.edit(&old, &job("dead").tag("new").job()).await);
    assert_eq!(bench.snapshot().await, before);
    fill(&bench, "0").await;
    assert_eq!(bench.enqueue(&[job("new")]).await, [Enqueued::Accepted]);
}

/// Or it would stay full for ever.
#[tokio::test]
async fn what_is_stored_is_worked_off() {
    let mut bench = Bench::start().await;
    let drafts = [job("a").contact("c"), job("b").contact("c"), job("d")];
    bench.enqueue(&drafts).await;
    fill(&bench, "1").await;
    assert_eq!(bench.drain().await, ["a", "b", "d"]);
    assert_eq!(bench.queue().stats().await.unwrap().done_total, 3);
}

/// As after a restart without persistence, or where no program of this version has been before.
async fn forget_functions(bench: &Bench) {
    bench.server.cli(["FUNCTION", "FLUSH", "SYNC"]).await;
}

#[tokio::test]
async fn functions_that_are_gone_are_loaded_again() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    forget_functions(&bench).await;
    assert_eq!(bench.drain().await, ["a"]);
    let libraries = bench.server.info("number_of_libraries").await;
    assert_eq!(libraries, "1", "they are sent each time");
}

/// A full Redis loads none.
#[tokio::test]
async fn what_is_stored_is_worked_off_without_functions_too() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c"), job("b").contact("c")])
        .await;
    fill(&bench, "1").await;
    forget_functions(&bench).await;
    assert_eq!(bench.drain().await, ["a", "b"]);
    let new: Vec<_> = [job("new")].iter().map(Draft::build).collect();
    let stored = bench.queue().enqueue(&new, Admission::Each).await;
    is_full::<()>(&Err(stored.unwrap_err().error));
}

#[tokio::test]
async fn a_full_one_can_be_connected_to() {
    let bench = Bench::start().await;
    fill(&bench, "1").await;
    let stats = bench.another().await.unwrap().stats().await;
    assert_eq!(stats.unwrap().ready, 0);
    // In another namespace nothing is laid out yet, and that is something new.
    bench.server.cli(["FLUSHALL"]).await;
    is_full(&bench.another().await.map(drop));
}

#[tokio::test]
async fn what_has_begun_is_ended() {
    let mut bench = Bench::start().await;
    bench.enqueue(&["a", "b", "c", "d"].map(job)).await;
    let jobs = bench.claim(8).await;
    fill(&bench, "1").await;
    let queue = bench.queue();
    let held = [(jobs[0].reference.clone(), jobs[0].token)];
    assert_eq!(queue.renew(0, "w", &held).await.unwrap().lost, []);
    queue.pass_on(0).await.unwrap();
    let quotas = ("1/10s".parse().unwrap(), "9/1d".parse().unwrap());
    queue
        .register(0, "w", quotas, &HashMap::new())
        .await
        .unwrap();
    let step = Step {
        number: 1,
        answered: false,
        fields: Fields::from([("contact", "c1".to_owned())]),
        intent: Some("sent".into()),
        report: None,
        calls: 0,
        took: Duration::ZERO,
    };
    let advance = queue
        .advance(&jobs[0].reference, jobs[0].token, &step)
        .await;
    assert_eq!(advance.unwrap(), Advance::Granted);
    let ends = [
        done(&jobs[0]),
        dead(&jobs[1], Cause::Ambiguous),
        back(&jobs[2], 9),
        dead(&jobs[3], Cause::Rejected),
    ];
    assert_eq!(bench.settle(&ends).await, [Settled::Ok; 4]);
    let b = letter(&bench, "b").await;
    assert_eq!(queue.resolve_done(&b, None).await.unwrap(), Changed::Ok);
    // This is how room is made.
    let discarded = queue.discard(&[crate::letter::named("d")]).await;
    assert_eq!(discarded.unwrap(), [Changed::Ok]);
    bench.pass(u64::try_from(Duration::from_secs(86_400).as_millis()).unwrap());
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
