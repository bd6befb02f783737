//! A rolling deploy under load: one worker after the other is told to end, and a new one takes its place.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::check::{Invariant, Violation, check};
use super::history::{Fate, History};
use super::ledger::Call;
use super::producer;
use super::workload::{Size, Workload};
use super::world::{Make, PATIENCE, WORKER, World, name_of};
use crate::harness::Program;

/// Between two restarts: the load lasts as long as they do.
const EVERY: Duration = Duration::from_secs(1);
const WORKERS: usize = 3;
/// Jobs for each restart.
const JOBS: usize = 100;

/// What a rolling deploy came to.
#[derive(Debug)]
pub struct Deployed {
    /// For the judge.
    pub history: History,
    /// How often a worker was replaced.
    pub restarts: usize,
    /// The longest time without an effect, while there was work.
    pub longest_pause: Duration,
    /// What is wrong with it: nothing may even have been tried twice.
    pub violations: Vec<Violation>,
}

/// Replaces workers so many times.
///
/// # Panics
/// When a worker that was told to end does not, or with another code than 0.
pub async fn deploy(restarts: usize, seed: u64) -> Deployed {
    let workload = Workload::draw(seed, Size::of(restarts * JOBS));
    let total = workload.total();
    let mut world = World::start(Make {
        latency: "5ms..300ms".into(),
        seed,
        ..Make::default()
    })
    .await;
    world.seed(&workload);
    let (mut workers, mut left_behind) = (Vec::new(), Vec::new());
    for _ in 0..WORKERS {
        workers.push(world.worker(WORKER, &[]).await);
    }
    let (queue, began) = (world.queue_over_link().await, Instant::now());
    let rounds = u32::try_from(restarts).unwrap_or(u32::MAX);
    let producing = tokio::spawn(producer::enqueue(queue, workload.jobs, EVERY * rounds));
    for round in 0..rounds {
        sleep_until(began + EVERY * round).await;
        let new = world.worker(WORKER, &[]).await;
        workers.push(new);
        let old = workers.remove(0);
        left_behind.extend(see_off(&mut world, old).await);
    }
    let promises = timeout(PATIENCE, producing)
        .await
        .expect("all is acknowledged");
    let promises = promises.expect("the producer does not panic");
    world.until_all_ended(total as u64).await;
    for worker in workers {
        left_behind.extend(see_off(&mut world, worker).await);
    }
    let mut history = world.history(promises, Vec::new()).await;
    history.links_cut = false;
    Deployed {
        longest_pause: longest_pause(&history.calls),
        restarts,
        violations: [
            check(&history),
            tried_again(&history),
            alarms(&world, &history).await,
            left_behind,
        ]
        .concat(),
        history,
    }
}

/// Tells a worker to end, and waits for that; returns what it holds though it is gone, which waits for the end of its lease.
async fn see_off(world: &mut World, mut worker: Program) -> Vec<Violation> {
    let name = format!("/{}/", name_of(&worker).await);
    worker.sigterm();
    let status = worker.wait_exit(PATIENCE).await;
    assert!(
        status.success(),
        "a worker that drained ended with {status}"
    );
    world.dismiss(worker);
    let running = world.queue.keys(0).running();
    let running: Vec<String> = world.redis.get(["HVALS", &running]).await;
    let held = running.into_iter().filter(|by| by.contains(&name));
    let violations = held.map(|by| Violation {
        invariant: Invariant::NothingLeft,
        evidence: format!("a worker has ended, and has not handed back what it ran: {by}"),
    });
    violations.collect()
}

/// A deploy costs no attempt, and kills no job: none dies but of what it asks for of a contact that was deleted.
fn tried_again(history: &History) -> Vec<Violation> {
    let fates = history.fates.iter();
    let is_refused = |fate: &Fate| {
        let death = fate.death.as_ref();
        death.is_some_and(|death| death.cause == "contact-not-found") && fate.attempts <= 1
    };
    let tried =
        fates.filter(|(_, fate)| (fate.attempts > 0 || fate.death.is_some()) && !is_refused(fate));
    let violations = tried.map(|(id, fate)| Violation {
        invariant: Invariant::Attempts,
        evidence: format!("{id} was not done at its first attempt: {fate:?}"),
    });
    violations.collect()
}

/// Nobody thinks that Redis has forgotten anything.
async fn alarms(world: &World, history: &History) -> Vec<Violation> {
    let config = world.queue.keys(0).config();
    let travel: Option<String> = world.redis.get(["HGET", &config, "travel"]).await;
    let lines = history.outputs.iter().flat_map(|output| &output.lines);
    let told = lines.filter(|line| line.contains("has lost what it had acknowledged"));
    let alarms = travel.into_iter().chain(told.cloned());
    let violations = alarms.map(|evidence| Violation {
        invariant: Invariant::NothingLeft,
        evidence: format!("a false alarm: {evidence}"),
    });
    violations.collect()
}

fn longest_pause(calls: &[Call]) -> Duration {
    let mut effects: Vec<_> = calls
        .iter()
        .filter_map(|call| call.effect.as_ref().map(|effect| effect.at))
        .collect();
    effects.sort_unstable();
    let pauses = effects.windows(2).map(|pair| pair[1].since(pair[0]));
    pauses.max().unwrap_or_default()
}
