//! `release`: what waits until its tenant may write goes on, and nothing else.

use std::time::Duration;

use penstock_shared::{
    job::state::{Ending, State},
    queue::{claim::Claimed, govern::Refused, reference::Lane, run::field, settle::Settlement},
};
use penstock_tests::fixture::{Bench, START, back, job, settlement};

const HALF_A_MINUTE: u64 = 30_000;

/// It would have written something.
fn read_only(claimed: &Claimed) -> Settlement {
    let ending = Ending::Back {
        after: Duration::from_millis(HALF_A_MINUTE),
        attempt: false,
        delivery: false,
    };
    let mut end = settlement(claimed, ending);
    end.transition.read_only = true;
    end.fields.insert(field::READ_ONLY, "1".to_owned());
    end
}

async fn release(bench: &Bench) {
    bench.queue().release(&Lane::ghl("acme")).await.unwrap();
}

#[tokio::test]
async fn what_may_not_write_yet_holds_nobody_but_its_contact() {
    let mut bench = Bench::start().await;
    bench
        .enqueue(&[
            job("first").contact("c-1"),
            job("second").contact("c-1"),
            job("other"),
        ])
        .await;
    let claimed = bench.claim(1).await;
    bench.settle(&[read_only(&claimed[0])]).await;
    assert_eq!(bench.state_of("first").await, State::Scheduled);
    assert_eq!(bench.state_of("second").await, State::Blocked);
    assert_eq!(bench.claim_ids(9).await, ["other"]);
    let waiting = Refused {
        writes: vec![Lane::ghl("acme")],
        ..Refused::default()
    };
    assert_eq!(bench.queue().refused().await.unwrap(), waiting);
    release(&bench).await;
    assert_eq!(bench.queue().refused().await.unwrap(), Refused::default());
    assert_eq!(bench.drain().await, ["first", "second"]);
}

#[tokio::test]
async fn what_waits_for_something_else_goes_on_waiting() {
    let mut bench = Bench::start().await;
    let later = job("later").run_at(START + 60_000);
    bench.enqueue(&[job("writes"), job("failed"), later]).await;
    for claimed in bench.claim(9).await {
        let end = match claimed.reference.id() {
            "writes" => read_only(&claimed),
            _ => back(&claimed, HALF_A_MINUTE),
        };
        bench.settle(&[end]).await;
    }
    release(&bench).await;
    let before = bench.snapshot().await;
    release(&bench).await;
    assert_eq!(bench.snapshot().await, before, "once is enough");
    assert_eq!(bench.claim_ids(9).await, ["writes"]);
}

/// Many more than one call looks at.
#[tokio::test]
async fn all_go_on_however_many_they_are() {
    let mut bench = Bench::start().await;
    let many: Vec<_> = (0..1_200).map(|at| job(&format!("j-{at}"))).collect();
    bench.enqueue(&many).await;
    bench.quotas("10000/10s", "100000/1d").await;
    let mut claimed = bench.claim(48).await;
    while !claimed.is_empty() {
        let ends: Vec<_> = claimed.iter().map(read_only).collect();
        bench.settle(&ends).await;
        claimed = bench.claim(48).await;
    }
    release(&bench).await;
    let lane = bench.queue().lane_status(&Lane::ghl("acme")).await.unwrap();
    assert_eq!(lane.held_until_ms, None);
    assert_eq!(bench.drain_by(48).await, 1_200);
}
