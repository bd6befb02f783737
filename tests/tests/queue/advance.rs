//! `advance`: from one call of a job to its next.

use std::time::Duration;

use penstock_shared::{
    job::state::State,
    queue::{
        claim::Claimed,
        settle::{Advance, Fields, Settled, Step},
    },
};
use penstock_tests::fixture::{Bench, back, done, job};

use crate::state::run_field;

fn step(number: u32, answered: bool) -> Step {
    Step {
        number,
        answered,
        fields: Fields::from([("contact", "c1".to_owned())]),
        intent: Some(format!("intent {number}")),
        report: None,
        calls: 0,
        took: Duration::ZERO,
    }
}

async fn advance(bench: &Bench, claimed: &Claimed, step: &Step) -> Advance {
    let queue = bench.queue();
    queue
        .advance(&claimed.reference, claimed.token, step)
        .await
        .unwrap()
}

async fn flying(bench: &Bench) -> Option<String> {
    let key = bench.queue().keys(0).lane("ghl/acme");
    crate::state::field(bench, &key, "flying").await
}

#[tokio::test]
async fn granted_writes_the_journal_and_is_repeated_without_effect() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    assert_eq!(advance(&bench, &a, &step(1, true)).await, Advance::Granted);
    assert_eq!(
        run_field(&bench, "a", "contact").await.as_deref(),
        Some("c1")
    );
    assert_eq!(
        run_field(&bench, "a", "intent").await.as_deref(),
        Some("intent 1")
    );
    let before = bench.snapshot().await;
    bench.pass(50);
    assert_eq!(advance(&bench, &a, &step(1, true)).await, Advance::Granted);
    assert_eq!(bench.snapshot().await, before);
    // Another step is another call.
    assert_eq!(advance(&bench, &a, &step(2, true)).await, Advance::Granted);
    assert_eq!(
        run_field(&bench, "a", "intent").await.as_deref(),
        Some("intent 2")
    );
    assert_eq!(flying(&bench).await.as_deref(), Some("1"));
}

/// A step that was under way for long, was sent again, and arrives while the next step's call is made: that call keeps its job and its permit.
#[tokio::test]
async fn one_that_comes_after_a_later_one_changes_nothing() {
    let mut bench = Bench::start().await;
    bench.quotas("2/10s", "9/1d").await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    assert_eq!(advance(&bench, &a, &step(1, true)).await, Advance::Granted);
    assert_eq!(advance(&bench, &a, &step(2, false)).await, Advance::Granted);
    let before = bench.snapshot().await;
    bench.pass(50);
    assert_eq!(advance(&bench, &a, &step(1, true)).await, Advance::Granted);
    assert_eq!(bench.snapshot().await, before);
    assert_eq!(bench.settle(&[done(&a)]).await, [Settled::Ok]);
}

#[tokio::test]
async fn an_empty_value_takes_a_field_out() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    advance(&bench, &a, &step(1, true)).await;
    let mut out = step(2, false);
    out.fields.insert("contact", String::new());
    assert_eq!(advance(&bench, &a, &out).await, Advance::Granted);
    assert_eq!(run_field(&bench, "a", "contact").await, None);
}

#[tokio::test]
async fn every_further_call_takes_a_further_permit() {
    let mut bench = Bench::start().await;
    bench.quotas("3/10s", "9/1d").await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let a = bench.claim_one().await;
    assert_eq!(advance(&bench, &a, &step(1, true)).await, Advance::Granted);
    assert_eq!(advance(&bench, &a, &step(2, true)).await, Advance::Granted);
    assert!(bench.claim(1).await.is_empty());
    assert_eq!(advance(&bench, &a, &step(3, true)).await, Advance::Later);
}

/// What was not answered has its permit still: nothing was sent with it.
#[tokio::test]
async fn a_step_without_a_call_takes_no_permit() {
    let mut bench = Bench::start().await;
    bench.quotas("1/10s", "9/1d").await;
    bench.enqueue(&[job("a")]).await;
    let a = bench.claim_one().await;
    for number in 1..5 {
        assert_eq!(
            advance(&bench, &a, &step(number, false)).await,
            Advance::Granted
        );
    }
    assert_eq!(flying(&bench).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn without_a_permit_the_job_is_back_with_what_it_learnt_and_nothing_is_counted() {
    let mut bench = Bench::start().await;
    bench.quotas("1/10s", "9/1d").await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let a = bench.claim_one().await;
    assert_eq!(advance(&bench, &a, &step(1, true)).await, Advance::Later);
    assert_eq!(bench.state_of("a").await, State::Ready);
    assert_eq!(
        run_field(&bench, "a", "contact").await.as_deref(),
        Some("c1")
    );
    // The intent is of a call that may not be sent.
    assert_eq!(run_field(&bench, "a", "intent").await, None);
    assert_eq!(flying(&bench).await.as_deref(), Some("0"));

    let before = bench.snapshot().await;
    assert_eq!(advance(&bench, &a, &step(1, true)).await, Advance::Later);
    // Its delivery has ended: an end that comes all the same has no effect, and neither has a further step.
    assert_eq!(bench.settle(&[back(&a, 700)]).await, [Settled::Ok]);
    assert_eq!(bench.settle(&[done(&a)]).await, [Settled::Ok]);
    assert_eq!(advance(&bench, &a, &step(2, true)).await, Advance::Lost);
    assert_eq!(bench.snapshot().await, before);

    // It is first when the permit is back, at the moment that the index names.
    bench.pass(9999);
    assert!(bench.claim(1).await.is_empty());
    bench.pass(1);
    let again = bench.claim_one().await;
    assert_eq!(again.reference, a.reference);
    assert_eq!((again.deliveries, again.run.attempts()), (1, 0));
    assert!(again.token > a.token);
}

#[tokio::test]
async fn a_step_of_an_earlier_delivery_is_lost() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let first = bench.claim_one().await;
    advance(&bench, &first, &step(1, true)).await;
    bench.settle(&[back(&first, 0)]).await;
    let before = bench.snapshot().await;
    assert_eq!(advance(&bench, &first, &step(1, true)).await, Advance::Lost);
    assert_eq!(bench.snapshot().await, before);
    let second = bench.claim_one().await;
    let before = bench.snapshot().await;
    assert_eq!(advance(&bench, &first, &step(1, true)).await, Advance::Lost);
    assert_eq!(bench.snapshot().await, before);
    // The same number in another delivery is another step.
    assert_eq!(
        advance(&bench, &second, &step(1, true)).await,
        Advance::Granted
    );
    bench.settle(&[done(&second)]).await;
    let before = bench.snapshot().await;
    assert_eq!(
        advance(&bench, &second, &step(1, true)).await,
        Advance::Lost
    );
    assert_eq!(bench.snapshot().await, before);
}
