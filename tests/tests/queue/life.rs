//! One job's life, from end to end.

use penstock_shared::{
    job::{Priority, state::State},
    outcome::Cause,
    queue::{
        dead::Filter,
        enqueue::Enqueued,
        repair::{Changed, Redrive},
        settle::Settled,
    },
};
use penstock_tests::fixture::{Bench, back, dead, done, job};

#[tokio::test]
async fn a_job_goes_through_all_its_states() {
    let mut bench = Bench::start().await;
    assert_eq!(bench.enqueue(&[job("a")]).await, [Enqueued::Accepted]);
    assert_eq!(bench.state_of("a").await, State::Ready);

    let first = bench.claim_one().await;
    assert_eq!((first.reference.id(), first.deliveries), ("a", 1));
    assert_eq!(bench.state_of("a").await, State::Running);
    assert_eq!(bench.settle(&[back(&first, 1000)]).await, [Settled::Ok]);
    assert_eq!(bench.state_of("a").await, State::Scheduled);
    assert!(bench.claim(1).await.is_empty());

    bench.pass(1000);
    let second = bench.claim_one().await;
    assert_eq!((second.deliveries, second.run.attempts()), (2, 1));
    let refused = dead(&second, Cause::Rejected);
    assert_eq!(bench.settle(&[refused]).await, [Settled::Ok]);
    assert_eq!(bench.state_of("a").await, State::Dead);

    let queue = bench.queue();
    let letters = queue.dead(&Filter::default(), 10, None).await.unwrap();
    assert_eq!((letters.len(), letters[0].cause.as_str()), (1, "rejected"));
    let causes = queue.dead_causes().await.unwrap();
    assert_eq!(causes, [("rejected".to_owned(), 1)]);
    let again = Redrive {
        letter: crate::letter::named("a"),
        priority: Priority::Low,
        delay: std::time::Duration::ZERO,
    };
    let changed = queue.redrive(&[again], false).await.unwrap();
    assert_eq!(changed, [Changed::Ok]);
    assert_eq!(bench.state_of("a").await, State::Ready);

    let third = bench.claim_one().await;
    assert_eq!((third.deliveries, third.run.attempts()), (3, 0));
    assert_eq!(bench.settle(&[done(&third)]).await, [Settled::Ok]);
    assert_eq!(bench.state_of("a").await, State::Done);
    let stats = bench.queue().stats().await.unwrap();
    assert_eq!((stats.done_total, stats.dead, stats.running), (1, 0, 0));
}
