//! A worker's slots between tenants: a slow one never takes the last.

use penstock_shared::queue::{
    claim::{ClaimRequest, Claimed},
    govern::Govern,
};
use penstock_tests::fixture::{Bench, Draft, job};

fn jobs(tenant: &str, count: usize) -> Vec<Draft> {
    (0..count)
        .map(|number| job(&number.to_string()).of(tenant))
        .collect()
}

fn of(jobs: &[Claimed], tenant: &str) -> usize {
    jobs.iter()
        .filter(|job| job.reference.tenant() == tenant)
        .count()
}

fn request(bench: &mut Bench, slots: usize, held: &[(&str, usize)]) -> ClaimRequest {
    let held = held
        .iter()
        .map(|(tenant, count)| (format!("ghl/{tenant}"), *count));
    ClaimRequest {
        held: held.collect(),
        ..bench.request(slots)
    }
}

#[tokio::test]
async fn a_tenant_takes_slots_while_it_holds_fewer_than_are_free() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs("acme", 50)).await;
    for (slots, held, given) in [
        (8, 0, 4),
        (7, 0, 4),
        (6, 2, 2),
        (6, 6, 0),
        (1, 0, 1),
        (1, 1, 0),
    ] {
        let request = request(&mut bench, slots, &[("acme", held)]);
        let claimed = bench.claim_as("w", &request).await.jobs;
        assert_eq!(claimed.len(), given, "{held} held of {slots}");
    }
}

/// One claim fills few slots of a large worker: it is all of them that count.
#[tokio::test]
async fn a_large_worker_fills_half_of_its_slots_for_one_tenant() {
    let mut bench = Bench::start().await;
    bench.quotas("10000/10s", "200000/1d").await;
    bench.enqueue(&jobs("acme", 1000)).await;
    let mut held = 0;
    loop {
        let request = request(&mut bench, 1000 - held, &[("acme", held)]);
        let claim = bench.claim_as("w", &request).await;
        held += claim.jobs.len();
        if claim.jobs.is_empty() {
            break;
        }
    }
    assert_eq!(held, 500);
}

#[tokio::test]
async fn the_rest_is_for_the_others() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs("acme", 50)).await;
    bench.pass(1);
    bench.enqueue(&jobs("zenith", 50)).await;
    bench.pass(1);
    let claimed = bench.claim(16).await;
    assert_eq!((of(&claimed, "acme"), of(&claimed, "zenith")), (6, 5));
    // What one holds already counts in every claim.
    let held = request(&mut bench, 4, &[("acme", 8), ("zenith", 1)]);
    let claimed = bench.claim_as("w", &held).await.jobs;
    assert_eq!((of(&claimed, "acme"), of(&claimed, "zenith")), (0, 2));
}

#[tokio::test]
async fn a_tenant_that_holds_half_leaves_another_its_turn_in_the_same_claim() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs("acme", 9)).await;
    bench.pass(1);
    bench.enqueue(&jobs("zenith", 1)).await;
    let held = request(&mut bench, 4, &[("acme", 4)]);
    let claimed = bench.claim_as("w", &held).await.jobs;
    assert_eq!((of(&claimed, "acme"), of(&claimed, "zenith")), (0, 1));
}

/// One slot is free, and every lane before has its share of this worker.
#[tokio::test]
async fn lanes_that_may_take_no_more_do_not_stand_before_one_that_may() {
    let mut bench = Bench::start().await;
    for tenant in ["acme", "bcme", "ccme", "zenith"] {
        bench.enqueue(&jobs(tenant, 2)).await;
        bench.pass(1);
    }
    let held = [("acme", 1), ("bcme", 3), ("ccme", 2)];
    let held = request(&mut bench, 1, &held);
    let claimed = bench.claim_as("w", &held).await.jobs;
    assert_eq!(of(&claimed, "zenith"), 1);
}

#[tokio::test]
async fn lanes_are_served_by_turns() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs("acme", 9)).await;
    bench.pass(1);
    bench.enqueue(&jobs("zenith", 9)).await;
    // One just served is put back no earlier than now, or an old backlog would always be first.
    let mut order = Vec::new();
    for _ in 0..6 {
        bench.pass(1);
        order.push(bench.claim_one().await.reference.tenant().to_owned());
    }
    assert_eq!(
        order,
        ["acme", "zenith", "acme", "zenith", "acme", "zenith"]
    );
}

/// What is enqueued and what ends does not put a lane behind the others, or one to which much comes would wait for ever.
#[tokio::test]
async fn a_lane_to_which_much_comes_keeps_its_turn() {
    let mut bench = Bench::start().await;
    bench.enqueue(&jobs("zenith", 9)).await;
    bench.enqueue(&jobs("acme", 1)).await;
    let mut order = Vec::new();
    for number in 1..=6 {
        bench.pass(1);
        let claimed = bench.claim_one().await;
        order.push(claimed.reference.tenant().to_owned());
        bench.pass(1);
        bench.enqueue(&[job(&number.to_string())]).await;
    }
    let turns = order.iter().filter(|tenant| *tenant == "acme").count();
    assert_eq!(turns, 3, "{order:?}");
}

async fn weigh(bench: &Bench, tenant: &str, weight: u32) {
    let set = Govern::Set {
        burst: None,
        daily: None,
        weight: Some(weight),
    };
    bench.queue().govern(tenant, &set).await.unwrap();
}

#[tokio::test]
async fn a_heavier_tenant_is_served_as_many_times_in_its_turn() {
    let mut bench = Bench::start().await;
    weigh(&bench, "zenith", 3).await;
    for tenant in ["acme", "zenith", "bcme"] {
        bench.enqueue(&jobs(tenant, 20)).await;
        bench.pass(1);
    }
    let mut order = String::new();
    for _ in 0..10 {
        bench.pass(1);
        order += &bench.claim_one().await.reference.tenant()[..1];
    }
    assert_eq!(order, "azzzbazzzb");
}

#[tokio::test]
async fn a_heavier_tenant_has_as_many_more_slots_of_a_worker() {
    let mut bench = Bench::start().await;
    weigh(&bench, "zenith", 3).await;
    for tenant in ["acme", "zenith"] {
        bench.enqueue(&jobs(tenant, 90)).await;
    }
    let claimed = bench.claim(63).await;
    let (acme, zenith) = (of(&claimed, "acme"), of(&claimed, "zenith"));
    // The heaviest holds as many as are left free, the other a third of it.
    assert_eq!((acme, zenith), (9, 27));
    let more = [("acme", acme), ("zenith", zenith)];
    let request = request(&mut bench, 27, &more);
    assert!(bench.claim_as("w", &request).await.jobs.is_empty());
}
