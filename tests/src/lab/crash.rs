//! A crash at every failpoint, for every type of job: another worker finishes, nothing is lost and nothing is silent.

use std::time::Duration;

use futures::{StreamExt, stream};
use penstock_shared::job::{JobType, state::State};
use penstock_worker::failpoint::POINTS;
use serde_json::{Value, json};

use super::check::{Invariant, Violation, check};
use super::history::History;
use super::workload::{TYPES, Wanted, wanted};
use super::world::{FRAGILE, Make, PATIENCE, WORKER, World};
use crate::harness::wait_until;

/// A call takes so long that its middle, a renewal and a drain come before its answer.
const SLOW: &str = "delay=900ms";
const TENANT: &str = "crash";

/// One crash.
#[derive(Debug, Clone, Copy)]
pub struct Cell {
    /// Where.
    pub point: &'static str,
    /// Of what.
    pub job_type: JobType,
}

/// What a crash came to.
#[derive(Debug)]
pub struct Crashed {
    /// The crash.
    pub cell: Cell,
    /// How the job ended.
    pub ended: String,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
}

/// Every point with every type.
pub fn every_cell() -> Vec<Cell> {
    let cells = POINTS.iter().flat_map(|point| {
        let types = TYPES.iter();
        types.map(|job_type| Cell {
            point,
            job_type: *job_type,
        })
    });
    cells.collect()
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
    let mut world = World::start(Make::default()).await;
    world.seed_contact(TENANT, "c1");
    world.faults(&[SLOW]);
    let wanted = one(cell.job_type);
    let failpoint = format!("{}:abort", cell.point);
    let mut first = world
        .worker(FRAGILE, &[("PENSTOCK_FAILPOINT", &failpoint)])
        .await;
    let stored = world.queue.enqueue(
        std::slice::from_ref(&wanted.job),
        penstock_shared::queue::enqueue::Admission::Each,
    );
    stored.await.expect("the job is stored");
    if cell.point == "in-drain" {
        let called = world.sandbox.until(|seen| seen.calls > 0);
        called.await;
        first.sigterm();
    }
    let status = first.wait_exit(PATIENCE).await;
    assert!(!status.success(), "{cell:?}: it did not crash");
    world.dismiss(first);
    let second = world.worker(WORKER, &[]).await;
    let ended = until_ended(&world, &wanted).await;
    let mut history = end(world, second, wanted).await;
    history.links_cut = false;
    let mut violations = check(&history);
    violations.extend(wrongly_ended(cell.job_type, &ended));
    Crashed {
        cell,
        ended,
        violations,
    }
}

/// A single crash is no reason for any other end, and what may be done twice is done.
fn wrongly_ended(job_type: JobType, ended: &str) -> Option<Violation> {
    let may_be_in_doubt = matches!(job_type, JobType::AttachNote | JobType::CreateTask);
    let is_right = ended == "done" || (ended == "ambiguous" && may_be_in_doubt);
    (!is_right).then(|| Violation {
        invariant: Invariant::DeadLetters,
        evidence: format!("the job is dead, {ended}, of a crash of its worker"),
    })
}

async fn until_ended(world: &World, wanted: &Wanted) -> String {
    wait_until("the job's end", PATIENCE, || async {
        let found = world.queue.find(&wanted.promise.id, Some(TENANT)).await;
        let status = found.expect("Redis answers").pop()?;
        match status.state {
            State::Done => Some("done".to_owned()),
            State::Dead => Some(status.run.text("cause").unwrap_or("dead").to_owned()),
            _ => None,
        }
    })
    .await
}

async fn end(mut world: World, mut worker: crate::harness::Program, wanted: Wanted) -> History {
    worker.sigterm();
    worker.wait_exit(PATIENCE).await;
    world.dismiss(worker);
    world.history(vec![wanted.promise], Vec::new()).await
}

/// A job of this type, one of [`TYPES`].
pub fn one(job_type: JobType) -> Wanted {
    let contact = json!({ "id": "c1" });
    let word = "lab-1".to_owned();
    let (about, payload): (_, Value) = match job_type {
        JobType::UpsertContact => {
            let email = "someone@lab.example";
            (email, json!({ "email": email, "source": word }))
        }
        JobType::CreateTask => {
            let due = "2030-01-01T09:00:00Z";
            (
                "c1",
                json!({ "contact": contact, "title": word, "dueDate": due }),
            )
        }
        JobType::AttachNote => ("c1", json!({ "contact": contact, "body": word })),
        _ => ("c1", json!({ "contact": contact, "tags": [word] })),
    };
    wanted("job-1".into(), TENANT, job_type, about, word, &payload)
}

/// How long one cell takes, about: for saying how far it is.
pub const ABOUT: Duration = Duration::from_secs(8);
