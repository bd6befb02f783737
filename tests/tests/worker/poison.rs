//! A job that ends every worker that runs it.

use std::os::unix::process::ExitStatusExt as _;

use nix::sys::signal::Signal;
use penstock_shared::{job::state::State, outcome::Cause};
use penstock_tests::{
    fixture::{Draft, job},
    harness::wait_until,
    lab::world::FRAGILE,
    sandbox::Call,
};

use crate::stage::{ACME, PATIENCE, Stage};

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
    stage.until_poisoned(times).await;
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

/// They were in flight each time, and have lost as many leases: that is not held against them.
#[tokio::test]
async fn neighbours_that_lost_as_many_leases_are_done() {
    let stage = Stage::start(&["hang:op=add-tags"]).await;
    let neighbours = ["a", "b", "c", "d"].map(|id| job(id).contact(&format!("c-{id}")));
    let poison = job("poison").contact(POISON);
    stage.enqueue(&[poison]).await;
    stage.enqueue(&neighbours).await;
    for round in 1..=2 {
        let mut worker = stage.worker().await;
        stage.until_called(5 * round).await;
        worker.kill9();
    }
    // From now on they run one by one, and the poison is the only one that ends its worker.
    stage.faults(&["hang:contact=c-poison", "delay=200ms"]);
    let mut worker = stage.worker().await;
    stage.until_poisoned(3).await;
    worker.kill9();
    let _healthy = stage.worker().await;
    stage.until_done(4).await;
    stage.until_state("poison", State::Dead).await;
    assert_eq!(
        stage.dead("poison").await.cause,
        Cause::Poison.as_str(),
        "it ran alone"
    );
}

/// They wait for one another, each longer than a delivery may take: that is no part of its time.
#[tokio::test]
async fn many_suspects_are_done_one_by_one() {
    const SUSPECTS: u64 = 12;
    let stage = Stage::start(&["delay=700ms:op=create-task"]).await;
    let drafts: Vec<_> = (0..SUSPECTS)
        .map(|at| {
            job(&format!("{at}"))
                .contact(&format!("c-{at}"))
                .task("Once")
                // In the line stands only what no worker has ever had.
                .high()
        })
        .collect();
    stage.enqueue(&drafts).await;
    for at in 0..SUSPECTS {
        let run = stage.queue.keys(0).run(&format!("{ACME}/{at}"));
        let lost = ["HSET", &run, "lost", "2"];
        stage.redis.cli(lost).await;
    }
    // Four calls and a lease are less than all of them take.
    let _worker = stage.worker_with(&[("PENSTOCK_HTTP_TIMEOUT", "1s")]).await;
    stage.until_done(SUSPECTS).await;
    let calls = stage.calls();
    assert_eq!(calls.len() as u64, SUSPECTS);
    for (one, next) in calls.iter().zip(&calls[1..]) {
        assert!(one.done_at.unwrap() <= next.at, "{one:?} beside {next:?}");
    }
}

impl Stage {
    async fn until_called(&self, times: usize) {
        wait_until("the calls", PATIENCE, || {
            std::future::ready((self.calls().len() >= times).then_some(()))
        })
        .await;
    }

    async fn until_poisoned(&self, times: usize) {
        wait_until("the call that kills", PATIENCE, || {
            std::future::ready((parted(self).0.len() == times).then_some(()))
        })
        .await;
    }
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

/// Its workers die of their own doing, in the middle of its call. Others were in flight beside it, until that was the last time.
#[tokio::test]
async fn a_job_that_aborts_its_workers_is_dead_and_its_neighbours_are_done() {
    let stage = Stage::start(&["hang:op=add-tags"]).await;
    let beside = ["a", "b", "c", "d"].map(|id| job(id).contact(&format!("c-{id}")));
    stage.enqueue(&[job("poison").contact(POISON)]).await;
    stage.enqueue(&beside).await;
    // All five have come to their middle.
    abort(&stage, "mid-call:abort@5").await;
    abort(&stage, "mid-call:abort@5").await;
    let before = stage.calls().len();
    // Now it alone takes so long.
    stage.faults(&["hang:contact=c-poison", "delay=20ms:op=add-tags"]);
    stage.enqueue(&neighbours()).await;
    abort(&stage, "mid-call:abort").await;
    let (kills, _) = parted(&stage);
    let last = kills.last().unwrap().at;
    let others = &stage.calls()[before..];
    assert!(others.len() > 1, "neighbours ran before it");
    for call in others.iter().filter(|call| call.at != last) {
        assert!(call.done_at.unwrap() <= last, "{call:?} was in flight");
    }

    let _healthy = stage.worker().await;
    stage.until_done(CONTACTS * JOBS + 4).await;
    stage.until_state("poison", State::Dead).await;
    assert_eq!(stage.dead("poison").await.cause, Cause::Poison.as_str());
    assert_eq!(parted(&stage).0.len(), 3, "it ran no more");
}

/// Runs a worker until it ends there.
async fn abort(stage: &Stage, failpoint: &str) {
    let mut worker = stage.begin_of(FRAGILE, &[("PENSTOCK_FAILPOINT", failpoint)]);
    let status = worker.wait_exit(PATIENCE).await;
    assert_eq!(status.signal(), Some(Signal::SIGABRT as i32), "{status}");
}
