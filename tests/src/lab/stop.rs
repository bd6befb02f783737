//! A worker that stands still exactly between its last check and the send: what no queue can see, so what comes of it is counted.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use penstock_shared::{
    job::{JobType, state::State},
    queue::enqueue::Admission,
};

use super::check::{Invariant, Violation, check};
use super::ledger::Call;
use super::specimen::one;
use super::world::{FRAGILE, Make, PATIENCE, WORKER, World};
use crate::harness::{Program, wait_until};

const TENANT: &str = "crash";
/// What a worker says of a twin that its sweep has found, where it is to remove it.
const SWEPT_UP: &str = "a twin was removed";
/// What a worker says of one that came late, where nobody looks for it.
const CAME_LATE: &str = "a delivery that came too late has made this effect";
/// The later of the two sweeps is over by then.
const SWEPT: Duration = Duration::from_secs(30);

/// What a stop came to.
#[derive(Debug)]
pub struct Stopped {
    /// Of what.
    pub job_type: JobType,
    /// How often the effect was made.
    pub effects: usize,
    /// What is wrong with it: more than one effect, if nothing else.
    pub violations: Vec<Violation>,
    /// Whether a worker told of the twin: with the marker its sweep, without it the one that finds what was kept of the late delivery.
    pub twin_told: bool,
}

impl Stopped {
    /// What is wrong with it beside the second effect, which is what is expected.
    pub fn unexpected(&self) -> impl Iterator<Item = &Violation> {
        let is_expected = |one: &Violation| one.invariant == Invariant::Once && self.effects == 2;
        let violations = self.violations.iter();
        violations.filter(move |one| !is_expected(one))
    }
}

/// Stops so many workers, some at a time, and tells of each as it is over. The settings are the workers', such as those of the marker.
pub async fn stop_all(
    count: usize,
    at_once: usize,
    settings: &[(String, String)],
    mut told: impl FnMut(&Stopped),
) -> Vec<Stopped> {
    let types = [JobType::AttachNote, JobType::CreateTask];
    let types = (0..count).map(|number| types[number % types.len()]);
    let stops = types.map(|job_type| stop(job_type, settings.to_vec()));
    let mut stopping = stream::iter(stops).buffer_unordered(at_once);
    let mut all = Vec::new();
    while let Some(one) = stopping.next().await {
        told(&one);
        all.push(one);
    }
    all
}

async fn stop(job_type: JobType, settings: Vec<(String, String)>) -> Stopped {
    let mut world = World::start(Make {
        settings: settings.clone(),
        ..Make::default()
    })
    .await;
    world.seed_contact(TENANT, "c1");
    let stop = [("PENSTOCK_FAILPOINT", "before-send:stop")];
    let mut stopped = world.worker(FRAGILE, &stop).await;
    let wanted = one(job_type);
    let stored = world
        .queue
        .enqueue(std::slice::from_ref(&wanted.job), Admission::Each);
    stored.await.expect("the job is stored");
    stopped.wait_for_line("before-send", PATIENCE).await;
    // Another one takes over, looks for what was sent, twice, finds nothing, and sends it.
    let other = world.worker(WORKER, &[]).await;
    wait_until("the job to be done by another", PATIENCE, || async {
        let found = world.queue.find(&wanted.promise.id, Some(TENANT)).await;
        let status = found.expect("Redis answers").pop()?;
        (status.state == State::Done).then_some(())
    })
    .await;
    stopped.sigcont();
    stopped.wait_for_line("nothing was written", PATIENCE).await;
    let twin_told = is_twin_told(&settings, [&stopped, &other]).await;
    wait_until("nothing to be open, sweeps included", PATIENCE, || async {
        let stats = world.queue.stats().await.ok()?;
        (stats.ready + stats.scheduled + stats.blocked + stats.running == 0).then_some(())
    })
    .await;
    for mut worker in [stopped, other] {
        worker.sigterm();
        worker.wait_exit(PATIENCE).await;
        world.dismiss(worker);
    }
    let history = world.history(vec![wanted.promise], Vec::new()).await;
    let made = |call: &&Call| call.effect.is_some() && call.operation.starts_with("create-");
    let effects = history.calls.iter().filter(made);
    Stopped {
        job_type,
        effects: effects.count(),
        violations: check(&history),
        twin_told,
    }
}

/// Whether some worker told of the twin. Without a marker nobody looks for it, but Redis keeps what the late delivery came to; with one it is looked
/// for twice.
async fn is_twin_told(settings: &[(String, String)], workers: [&Program; 2]) -> bool {
    let is_on = |(name, value): &(String, String)| name == "PENSTOCK_MARKER" && value == "on";
    let twin = if settings.iter().any(is_on) {
        SWEPT_UP
    } else {
        CAME_LATE
    };
    let began = Instant::now();
    wait_until("the sweeps to be over", PATIENCE, || async {
        let mut lines = workers.iter().flat_map(|worker| worker.stderr());
        let told = lines.any(|line| line.contains(twin));
        (told || began.elapsed() > SWEPT).then_some(told)
    })
    .await
}
