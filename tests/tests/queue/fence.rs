//! Fencing (law 2): who lost its lease changes nothing.

use std::time::Duration;

use penstock_shared::{
    job::state::{Api, Ending, Hold},
    outcome::{Cause, Permit},
    queue::settle::{Advance, Fields, Settled, Settlement, Step},
};
use penstock_tests::{
    fixture::{Bench, back, dead, done, job, settlement},
    harness::{Entry, Snapshot},
};

use penstock_shared::queue::claim::Claimed;

use crate::state::lasting;

/// Every way in which a delivery ends, with all that an end can carry.
fn endings(claimed: &Claimed) -> Vec<Settlement> {
    let deferred = Ending::Deferred {
        after: Duration::from_secs(9),
        ending: Box::new(done(claimed).transition.ending),
    };
    let mut heavy = back(claimed, 0);
    heavy.transition.permit = Permit::Unanswered;
    heavy.transition.api = Some(Api::Down);
    heavy.transition.hold = Some(Hold {
        wait: Duration::from_secs(60),
        why: "needs-authorisation",
        token: Some("f1".into()),
    });
    heavy.fields.insert("contact", "stolen".into());
    heavy.history = Some("{}".into());
    vec![
        done(claimed),
        dead(claimed, Cause::Rejected),
        back(claimed, 0),
        back(claimed, 700),
        settlement(claimed, deferred),
        heavy,
    ]
}

/// All but what a delivery leaves beside its job for who has that next.
async fn untouched(bench: &Bench) -> Snapshot {
    let mut snapshot = lasting(bench).await;
    let runs = bench.queue().keys(0).run("");
    snapshot.0.retain(|key, entry| {
        let Entry::Hash(fields) = entry else {
            return true;
        };
        if key.starts_with(&runs) {
            fields.remove("late");
            fields.remove("orphan");
            fields.remove("orphanBy");
        }
        !fields.is_empty()
    });
    snapshot
}

async fn changes_nothing(bench: &Bench, stale: &Claimed) {
    let before = untouched(bench).await;
    for settlement in endings(stale) {
        assert_eq!(
            bench.settle(std::slice::from_ref(&settlement)).await,
            [Settled::Lost],
            "{settlement:?}"
        );
        assert_eq!(untouched(bench).await, before, "{settlement:?}");
    }
    for answered in [false, true] {
        let step = Step {
            number: 1,
            answered,
            fields: Fields::from([("contact", "stolen".to_owned())]),
            intent: Some("stolen".into()),
            report: None,
            calls: 0,
            took: Duration::ZERO,
        };
        let advance = bench
            .queue()
            .advance(&stale.reference, stale.token, &step)
            .await;
        assert_eq!(advance.unwrap(), Advance::Lost);
        assert_eq!(untouched(bench).await, before);
    }
    let held = [(stale.reference.clone(), stale.token)];
    let lost = bench.queue().renew(0, "w", &held).await.unwrap().lost;
    assert_eq!(lost, std::slice::from_ref(&stale.reference));
    assert_eq!(untouched(bench).await, before);
}

#[tokio::test]
async fn after_another_worker_has_taken_over() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[job("a").contact("c"), job("b").contact("c")])
        .await;
    let stale = bench.claim_one().await;
    bench.live(6000, &[]).await;
    let owner = bench.claim_one().await;
    assert_eq!(owner.reference, stale.reference);
    assert!(owner.token > stale.token);
    changes_nothing(&bench, &stale).await;
    assert_eq!(bench.settle(&[done(&owner)]).await, [Settled::Ok]);
    changes_nothing(&bench, &stale).await;
}

/// Its lease has ended, and another claim has taken it back but not given it out.
#[tokio::test]
async fn after_the_job_was_taken_back_to_its_lane() {
    let mut bench = Bench::with(|_| {}).await;
    bench.quotas("1/10s", "9/1d").await;
    bench.enqueue(&[job("a")]).await;
    let stale = bench.claim_one().await;
    bench.live(6000, &[]).await;
    assert!(bench.claim(1).await.is_empty());
    changes_nothing(&bench, &stale).await;
}

#[tokio::test]
async fn after_the_job_has_been_dead_and_was_sent_again() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let stale = bench.claim_one().await;
    bench.settle(&[dead(&stale, Cause::Rejected)]).await;
    crate::letter::redrive(&bench, &["a"]).await;
    changes_nothing(&bench, &stale).await;
    bench.claim_one().await;
    changes_nothing(&bench, &stale).await;
}

/// Redis has come back without its last second: it has forgotten the claim, and the number of it.
#[tokio::test]
async fn after_redis_has_forgotten_the_claim() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a")]).await;
    let config = bench.queue().keys(0).config();
    let before: Option<String> = bench.server.get(["HGET", &config, "fence"]).await;
    let stale = bench.claim_one().await;
    bench.live(6000, &[]).await;
    let before = before.unwrap_or_else(|| "0".to_owned());
    bench.server.cli(["HSET", &config, "fence", &before]).await;
    let owner = bench.claim_one().await;
    assert_eq!(owner.reference, stale.reference);
    assert!(owner.token > stale.token);
    changes_nothing(&bench, &stale).await;
}

#[tokio::test]
async fn with_a_token_that_nobody_was_given() {
    let mut bench = Bench::start().await;
    bench.enqueue(&[job("a"), job("b")]).await;
    let mut forged = bench.claim_one().await;
    forged.token += 1;
    changes_nothing(&bench, &forged).await;
    // Nobody has claimed this one.
    let waiting = "ghl/acme/1b";
    forged.reference = penstock_shared::queue::reference::Reference::parse(waiting).unwrap();
    changes_nothing(&bench, &forged).await;
}
