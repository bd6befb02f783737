//! A job that ends every worker that runs it.

use penstock_shared::{job::state::State, outcome::Cause};
use penstock_tests::{
    fixture::{Draft, job},
    sandbox::Call,
};

use crate::stage::Stage;

const POISON: &str = "c-poison";
/// Enough to be under way for as long as it takes to notice a dead worker, and still to be when the last run begins.
const CONTACTS: u64 = 3;
const JOBS: u64 = 10;

fn neighbours() -> Vec<Draft> {
    let of = |contact: u64, at: u64| {
        let draft = job(&format!("neighbour-{contact}-{at}")).contact(&format!("c-{contact}"));
        draft.tag(&format!("t-{at}"))
    };
    (0..CONTACTS)
        .flat_map(|contact| (0..JOBS).map(move |at| of(contact, at)))
        .collect()
}

/// The calls that end their workers, and all others.
fn parted(stage: &Stage) -> (Vec<Call>, Vec<Call>) {
    let kills = |call: &Call| call.path.contains(POISON) && call.operation == "add-tags";
    stage.calls().into_iter().partition(kills)
}

/// Runs a worker until it has sent the call that ends it.
async fn sacrifice(stage: &Stage, times: usize) {
    let mut worker = stage.worker().await;
    stage
        .until_seen("the call that kills", |seen| {
            seen.by_operation.contains_key("add-tags")
        })
        .await;
    penstock_tests::harness::wait_until("the call that kills", crate::stage::PATIENCE, || {
        std::future::ready((parted(stage).0.len() == times).then_some(()))
    })
    .await;
    worker.kill9();
}

#[tokio::test]
async fn a_job_that_kills_its_workers_is_dead_and_its_neighbours_are_done() {
    let stage = Stage::start(&["hang:contact=c-poison", "delay=400ms:op=add-tags"]).await;
    let poison = job("poison").contact(POISON);
    let after = job("after").contact(POISON).note("The next one runs");
    stage.enqueue(&[poison, after]).await;
    sacrifice(&stage, 1).await;
    sacrifice(&stage, 2).await;
    stage.enqueue(&neighbours()).await;
    sacrifice(&stage, 3).await;
    the_last_run_was_alone(&stage);

    stage.faults(&[]);
    let _healthy = stage.worker().await;
    stage.until_done(CONTACTS * JOBS + 1).await;
    let dead = stage.dead("poison").await;
    assert_eq!(dead.cause, Cause::Poison.as_str());
    assert_eq!(dead.run.lost(), 3);
    assert!(dead.job.is_some(), "its payload is kept");
    assert_eq!(parted(&stage).0.len(), 3, "it ran no more");
    assert_eq!(stage.status("after").await.state, State::Done);
}

/// Its neighbours are innocent: none of them was in flight.
fn the_last_run_was_alone(stage: &Stage) {
    let (kills, others) = parted(stage);
    let begun = kills.last().unwrap().at;
    let all = usize::try_from(CONTACTS * JOBS).unwrap();
    assert!(
        (1..all).contains(&others.len()),
        "{} neighbours ran before it: the test shows nothing",
        others.len()
    );
    for call in others {
        let ended = call.done_at.expect("it was answered");
        assert!(ended <= begun, "{call:?} was in flight beside the last run");
    }
}
