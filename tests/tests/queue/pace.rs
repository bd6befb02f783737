//! What a lane's jobs cost, counted as they end.

use std::time::Duration;

use penstock_shared::{
    outcome::Cause,
    queue::{
        claim::Claimed,
        reference::Lane,
        settle::{Advance, Fields, Settlement, Step},
    },
};
use penstock_tests::fixture::{Bench, Draft, back, dead, delivered, job};

use crate::state::field;

fn jobs(count: usize) -> Vec<Draft> {
    (0..count)
        .map(|number| job(&format!("j{number}")))
        .collect()
}

/// So many calls were made, and took so long.
fn after(end: Settlement, calls: u32, ms: u64) -> Settlement {
    Settlement {
        calls,
        took: Duration::from_millis(ms),
        ..end
    }
}

async fn pace(bench: &Bench) -> Option<String> {
    let lane = bench.queue().keys(0).lane("ghl/acme");
    field(bench, &lane, "pace").await
}

async fn claimed(bench: &mut Bench, count: usize) -> Vec<Claimed> {
    bench.enqueue(&jobs(count)).await;
    let claimed = bench.claim(2 * count).await;
    assert_eq!(claimed.len(), count);
    claimed
}

#[tokio::test]
async fn all_ends_of_a_batch_are_counted_and_once() {
    let mut bench = Bench::start().await;
    let jobs = claimed(&mut bench, 4).await;
    assert_eq!(pace(&bench).await, None);
    let ends = [
        after(delivered(&jobs[0]), 1, 100),
        after(dead(&jobs[1], Cause::Rejected), 2, 300),
        // It waits for another attempt.
        after(back(&jobs[2], 1000), 1, 5),
        // It goes back to the front.
        after(back(&jobs[3], 0), 1, 10),
    ];
    bench.settle(&ends).await;
    assert_eq!(pace(&bench).await.as_deref(), Some("2/5/1/415"));
    let before = bench.snapshot().await;
    bench.settle(&ends).await;
    assert_eq!(bench.snapshot().await, before);
}

#[tokio::test]
async fn who_rides_in_a_call_makes_none() {
    let mut bench = Bench::with(|terms| terms.coalesce = 10).await;
    bench.enqueue(&jobs(3)).await;
    let group = bench.claim_one().await;
    let riders = group.riders.iter().map(|rider| {
        let rider = Claimed {
            reference: rider.reference.clone(),
            record: rider.record.clone(),
            riders: Vec::new(),
            ..group.clone()
        };
        after(delivered(&rider), 0, 0)
    });
    let end = Settlement {
        riders: riders.collect(),
        ..after(delivered(&group), 1, 200)
    };
    bench.settle(&[end]).await;
    assert_eq!(pace(&bench).await.as_deref(), Some("3/1/0/200"));
}

#[tokio::test]
async fn a_call_between_is_counted_with_its_step() {
    let mut bench = Bench::start().await;
    let jobs = claimed(&mut bench, 1).await;
    let step = Step {
        number: 1,
        answered: true,
        fields: Fields::new(),
        intent: None,
        report: None,
        calls: 1,
        took: Duration::from_millis(70),
    };
    let queue = bench.queue();
    for _ in 0..2 {
        let advance = queue.advance(&jobs[0].reference, jobs[0].token, &step);
        assert_eq!(advance.await.unwrap(), Advance::Granted);
        assert_eq!(pace(&bench).await.as_deref(), Some("0/1/0/70"));
    }
    bench.settle(&[after(delivered(&jobs[0]), 1, 30)]).await;
    assert_eq!(pace(&bench).await.as_deref(), Some("1/2/0/100"));
    let outlook = queue.outlook(&Lane::ghl("acme")).await.unwrap();
    // So few are taken together with one that is guessed: one call of 200 ms.
    assert_eq!(outlook.pace.calls_for(10), 15);
    assert_eq!(outlook.pace.call_ms(), 100);
}

#[tokio::test]
async fn what_is_old_counts_ever_less() {
    let mut bench = Bench::start().await;
    let jobs = claimed(&mut bench, 2).await;
    bench.settle(&[after(delivered(&jobs[0]), 999, 9990)]).await;
    assert_eq!(pace(&bench).await.as_deref(), Some("1/999/0/9990"));
    bench.settle(&[after(delivered(&jobs[1]), 3, 10)]).await;
    assert_eq!(pace(&bench).await.as_deref(), Some("1/501/0/5000"));
}
