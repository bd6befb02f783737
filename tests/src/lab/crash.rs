//! A crash at every failpoint, for every type of job: another worker finishes, nothing is lost and nothing is silent.

use futures::{StreamExt, stream};
use penstock_shared::{job::state::State, queue::enqueue::Admission};
use penstock_worker::failpoint::POINTS;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};

use super::check::{Effects, Invariant, Violation, check};
use super::history::History;
use super::specimen::{self, CONTACTS, Specimen, TENANT, Told};
use super::workload::{Wanted, profile};
use super::world::{FRAGILE, MARKER_KEY, Make, PATIENCE, WORKER, World};
use crate::harness::{Program, wait_until};

/// A call takes so long that its middle, a renewal and a drain come before its answer.
const SLOW: &str = "delay=900ms";
/// Those that each call passes.
const OF_CALLS: [&str; 3] = ["before-send", "mid-call", "after-response"];
/// Where a crash leaves no doubt: nothing was sent, or all is written down.
const CERTAIN: [&str; 3] = ["after-claim", "before-intent", "after-settle"];

/// One crash.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Where.
    pub point: &'static str,
    /// Of what.
    pub of: Specimen,
}

/// What a crash came to.
#[derive(Debug)]
pub struct Crashed {
    /// Where it was.
    pub point: &'static str,
    /// Of what.
    pub of: String,
    /// How the job ended.
    pub ended: String,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
}

/// Every point with every type.
pub fn every_cell() -> Vec<Cell> {
    let specimens = specimen::all();
    let cells = POINTS.iter().flat_map(|point| {
        let passing = specimens.iter().filter(|of| of.passes(point));
        passing.map(|of| Cell {
            point,
            of: of.clone(),
        })
    });
    cells.collect()
}

/// So many of them, drawn from this seed: every type before any comes again, at ever another point.
pub fn some_cells(count: usize, seed: u64) -> Vec<Cell> {
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut specimens, mut points) = (specimen::all(), POINTS);
    specimens.shuffle(&mut dice);
    points.shuffle(&mut dice);
    let rounds = (0..points.len()).flat_map(|round| {
        let specimens = specimens.iter().enumerate();
        specimens.filter_map(move |(at, of)| {
            let passed: Vec<_> = points
                .into_iter()
                .filter(|point| of.passes(point))
                .collect();
            // One that passes fewer has no turn in the last rounds.
            let point = (round < passed.len()).then(|| passed[(at + round) % passed.len()])?;
            Some(Cell {
                point,
                of: of.clone(),
            })
        })
    });
    rounds.take(count).collect()
}

/// Crashes in each of the cells, so many at a time, and tells of each as it is over.
///
/// # Panics
/// When a worker does not come to its point, or the laboratory itself fails.
pub async fn crash_all(
    cells: Vec<Cell>,
    at_once: usize,
    mut told: impl FnMut(&Crashed),
) -> Vec<Crashed> {
    let mut crashing = stream::iter(cells).map(crash).buffer_unordered(at_once);
    let mut crashed = Vec::new();
    while let Some(one) = crashing.next().await {
        told(&one);
        crashed.push(one);
    }
    crashed
}

/// The first worker crashes there, and a second one has to see to it.
async fn crash(cell: Cell) -> Crashed {
    let Cell { point, of } = cell;
    let mut make = Make {
        duplicates: true,
        ..Make::default()
    };
    if of.is_marked {
        make = make.with("PENSTOCK_MARKER", "on");
        make = make.with("PENSTOCK_MARKER_KEY", MARKER_KEY);
    }
    let mut world = World::start(make).await;
    prepare(&mut world, &of).await;
    let mut first = world
        .worker(FRAGILE, &[("PENSTOCK_FAILPOINT", &failpoint(point, &of))])
        .await;
    let (calls, _) = world.seen();
    store(&world, &of.job).await;
    if point == "in-drain" {
        wait_until("a call", PATIENCE, || async {
            (world.seen().0 > calls).then_some(())
        })
        .await;
        first.sigterm();
    }
    let status = first.wait_exit(PATIENCE).await;
    assert!(
        !status.success(),
        "{} at {point}: it did not crash",
        of.name
    );
    world.dismiss(first);
    let second = world.worker(WORKER, &[]).await;
    let is_reported = of.told == Told::ByReport;
    let has_arrived = is_reported && world.tell_of_messages().await;
    let ended = until_ended(&world, &of.job).await;
    // A report comes late, and what was sent again is followed by a sweep.
    world.until_idle().await;
    let mut history = end(world, second, &of).await;
    history.links_cut = false;
    let mut violations = check(&history);
    let is_told = of.told == Told::ByLook || has_arrived;
    let may_be_in_doubt = !is_told && !CERTAIN.contains(&point);
    violations.extend(wrongly_ended(&ended, may_be_in_doubt));
    violations.extend(wrongly_done(&history, &of));
    Crashed {
        point,
        of: of.name,
        ended,
        violations,
    }
}

/// What the job takes for granted is there, and calls are slow from now on.
async fn prepare(world: &mut World, of: &Specimen) {
    for contact in CONTACTS {
        world.seed_contact(TENANT, contact);
    }
    world.elsewhere.seed_profile(&profile(0));
    if let Some(before) = &of.before {
        let mut worker = world.worker(WORKER, &[]).await;
        store(world, before).await;
        let ended = until_ended(world, before).await;
        assert_eq!(ended, "done", "{}: what it goes by", of.name);
        worker.sigterm();
        worker.wait_exit(PATIENCE).await;
        world.dismiss(worker);
    }
    world.faults(&[SLOW]);
    world.elsewhere.faults(&[SLOW], &[]);
}

/// The worker dies there, at the call that changes something.
fn failpoint(point: &str, of: &Specimen) -> String {
    let time = if OF_CALLS.contains(&point) {
        of.looks + 1
    } else {
        1
    };
    format!("{point}:abort@{time}")
}

async fn store(world: &World, wanted: &Wanted) {
    let job = std::slice::from_ref(&wanted.job);
    let stored = world.queue.enqueue(job, Admission::Each);
    stored.await.expect("the job is stored");
}

/// A single crash is no reason for any other end, and only what nobody can look up may be in doubt.
fn wrongly_ended(ended: &str, may_be_in_doubt: bool) -> Option<Violation> {
    let is_right = ended == "done" || (ended == "ambiguous" && may_be_in_doubt);
    (!is_right).then(|| Violation {
        invariant: Invariant::DeadLetters,
        evidence: format!("the job is dead, {ended}, of a crash of its worker"),
    })
}

/// What may not be done twice was done once at the most, whatever was told of it.
fn wrongly_done(history: &History, of: &Specimen) -> Option<Violation> {
    let effects = Effects::of(history);
    let job = history
        .promises
        .iter()
        .position(|promise| promise.id == of.job.promise.id);
    let count = job.map_or(0, |job| effects.of_job(job).count());
    (of.job.promise.once && count > 1).then(|| Violation {
        invariant: Invariant::Once,
        evidence: format!("the job was done {count} times"),
    })
}

async fn until_ended(world: &World, wanted: &Wanted) -> String {
    let promise = &wanted.promise;
    wait_until("the job's end", PATIENCE, || async {
        let found = world.queue.find(&promise.id, Some(&promise.tenant)).await;
        let status = found.expect("Redis answers").pop()?;
        match status.state {
            State::Done => Some("done".to_owned()),
            State::Dead => Some(status.run.text("cause").unwrap_or("dead").to_owned()),
            _ => None,
        }
    })
    .await
}

async fn end(mut world: World, mut worker: Program, of: &Specimen) -> History {
    worker.sigterm();
    worker.wait_exit(PATIENCE).await;
    world.dismiss(worker);
    let jobs = of.before.iter().chain([&of.job]);
    let promises = jobs.flat_map(Wanted::promises).collect();
    world.history(promises, Vec::new()).await
}
