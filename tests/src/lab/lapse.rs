//! A Redis that comes back from older files, again and again, under load: what it has forgotten is looked for before it is sent again.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{sleep, timeout};

use super::check::{Invariant, Violation, check};
use super::history::History;
use super::producer;
use super::workload::{Size, Workload};
use super::world::{Make, PATIENCE, WORKER, World};
use crate::harness::{Appendfsync, Program, RedisOptions};

const WORKERS: usize = 3;
/// Jobs for each lapse.
const JOBS: usize = 150;
/// What goes wrong with every system meanwhile.
const FAULTS: &[&str] = &["cut-before:p=0.01", "cut-after:p=0.01", "late=700ms:p=0.01"];

/// What the lapses came to.
#[derive(Debug)]
pub struct Lapsed {
    /// For the judge.
    pub history: History,
    /// How often Redis went back.
    pub lapses: usize,
    /// How many effects it forgot.
    pub forgotten: u64,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
}

/// Takes Redis back so many times. All jobs are there before, since what is enqueued in the time that is lost is lost by right.
///
/// # Panics
/// When the laboratory itself fails.
pub async fn lapse(lapses: usize, seed: u64) -> Lapsed {
    let workload = Workload::lasting(seed, Size::of(lapses * JOBS));
    let count = workload.total() as u64;
    let mut world = World::start(Make {
        redis: RedisOptions {
            appendfsync: Appendfsync::Always,
            config: vec![("auto-aof-rewrite-percentage".into(), "0".into())],
            ..RedisOptions::default()
        },
        burst: "40/1s".into(),
        seed,
        ..Make::default()
    })
    .await;
    world.seed(&workload);
    let enqueued = producer::enqueue(world.queue.clone(), workload.jobs, Duration::ZERO);
    let promises = timeout(PATIENCE, enqueued).await.expect("all is stored");
    world.faults(&[FAULTS, &["list-lag=700ms"]].concat());
    world.elsewhere.faults(FAULTS, &[]);
    let mut crew = Vec::new();
    for _ in 0..WORKERS {
        crew.push(world.worker(WORKER, &[]).await);
    }
    let mut dice = StdRng::seed_from_u64(!seed);
    let (mut gone_back, mut forgotten) = (0, 0);
    for _ in 0..lapses {
        let Some(effects) = go_back(&mut world, &mut crew, &mut dice).await else {
            break;
        };
        gone_back += usize::from(effects > 0);
        forgotten += effects;
    }
    world.faults(&[]);
    world.elsewhere.faults(&[], &[]);
    world.until_all_ended(count).await;
    for worker in crew {
        world.dismiss(worker);
    }
    let mut history = world.history(promises, Vec::new()).await;
    history.links_cut = false;
    Lapsed {
        lapses: gone_back,
        forgotten,
        violations: violations(&history),
        history,
    }
}

/// How many effects it forgets; `None` if there is no more work that it could forget.
async fn go_back(world: &mut World, crew: &mut Vec<Program>, dice: &mut StdRng) -> Option<u64> {
    // After the last time all that was due is in quarantine first.
    let so_far = world.sandbox.summary().effects;
    let goes_on = world.sandbox.until(|seen| seen.effects > so_far);
    timeout(PATIENCE, goes_on).await.ok()?;
    sleep(Duration::from_millis(dice.random_range(300..5_000))).await;
    let kept = world.redis.keep_files();
    let (_, before) = world.seen();
    sleep(Duration::from_millis(dice.random_range(20..1_500))).await;
    let dies = dice.random_bool(0.3);
    if dies {
        let worker = crew.remove(dice.random_range(0..crew.len()));
        world.dismiss(worker);
    }
    world.redis.kill9();
    let forgotten = world.seen().1 - before;
    world.redis.restart_from(&kept).await;
    if dies {
        let new = world.begin(WORKER, &[]);
        crew.push(new);
    }
    Some(forgotten)
}

/// All but the order of repetitions: what may be repeated is, in its order, and a note between the first time and the second stays where it is.
fn violations(history: &History) -> Vec<Violation> {
    let found = check(history).into_iter();
    found
        .filter(|one| one.invariant != Invariant::Order)
        .collect()
}
