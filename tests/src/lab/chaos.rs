//! The chaos run: every two seconds something is killed, stopped or cut off, while jobs come in.

mod crew;
mod retries;
mod trouble;

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::figures::Course;
use super::history::History;
use super::plan::{EVERY, Plan};
use super::producer;
use super::workload::{Size, Workload};
use super::world::{Make, PATIENCE, World};
use crate::harness::RedisOptions;
use trouble::Trouble;

/// How often it is looked after everything.
const TICK: Duration = Duration::from_millis(50);
/// How often it is said how far it is.
const SAY: Duration = Duration::from_secs(10);

/// A run to be made.
#[derive(Debug, Clone)]
pub struct Chaos {
    /// What all is drawn from.
    pub seed: u64,
    /// How many jobs.
    pub size: Size,
    /// How many workers.
    pub workers: usize,
    /// For how long things are broken; the jobs come in over three quarters of it.
    pub over: Duration,
    /// What each tenant may call in a window.
    pub burst: String,
    /// How Redis is started.
    pub redis: RedisOptions,
    /// Whether it is told on standard error how far it is.
    pub verbose: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Ran {
    /// For the judge.
    pub history: History,
    /// For the report.
    pub course: Course,
}

impl Chaos {
    /// Makes the run.
    ///
    /// # Panics
    /// When the laboratory itself fails; what Penstock does wrong is in the history.
    pub async fn run(&self) -> Ran {
        let workload = Workload::draw(self.seed, self.size);
        let mut world = World::start(Make {
            redis: self.redis.clone(),
            burst: self.burst.clone(),
            seed: self.seed,
            // Locations are of either kind.
            duplicates: self.seed.is_multiple_of(2),
            ..Make::default()
        })
        .await;
        world.seed(&workload);
        let queue = world.queue_over_link().await;
        let mut trouble = Trouble::begin(&mut world, self.workers).await;
        let (total, over) = (workload.total(), self.over * 3 / 4);
        let producing = tokio::spawn(producer::enqueue(queue, workload.jobs, over));
        let mut course = Course::begin(total);
        let has_come = || producing.is_finished();
        self.break_things(&mut world, &mut trouble, &mut course, has_come)
            .await;
        trouble.heal(&mut world, &mut course).await;
        let promises = timeout(PATIENCE, producing).await;
        let promises = promises.expect("all jobs are acknowledged in the end");
        let promises = promises.expect("the producer does not panic");
        self.until_all_ended(&mut world, &mut trouble, &mut course)
            .await;
        course.end();
        let retried = trouble.retried();
        world.until_told().await;
        let strays = trouble.end(&mut world).await;
        let mut history = world.history(promises, course.recoveries()).await;
        history.leftovers.extend(strays);
        history.retried = retried;
        Ran { history, course }
    }

    async fn break_things(
        &self,
        world: &mut World,
        trouble: &mut Trouble,
        course: &mut Course,
        has_come: impl Fn() -> bool,
    ) {
        let mut plan = Plan::draw(self.seed, self.workers);
        let (began, mut next) = (Instant::now(), EVERY);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while began.elapsed() < self.over {
            tick.tick().await;
            trouble.look_after(world, course);
            self.look(world, course, has_come()).await;
            if began.elapsed() >= next {
                next = began.elapsed() + EVERY;
                let act = plan.next().expect("a plan has no end");
                trouble.make(world, course, &act).await;
            }
        }
    }

    /// Waits for the end of all jobs as long as there is any progress.
    async fn until_all_ended(&self, world: &mut World, trouble: &mut Trouble, course: &mut Course) {
        let (mut ended, mut since) = (0, Instant::now());
        let mut tick = interval(TICK);
        while since.elapsed() < PATIENCE {
            tick.tick().await;
            trouble.look_after(world, course);
            self.look(world, course, true).await;
            let Ok(stats) = world.queue.stats().await else {
                continue;
            };
            if stats.done_total + stats.dead > ended {
                (ended, since) = (stats.done_total + stats.dead, Instant::now());
            }
            if ended >= course.jobs as u64 && stats.running == 0 {
                return;
            }
        }
    }

    /// As long as not all jobs have come there is work.
    async fn look(&self, world: &World, course: &mut Course, has_come: bool) {
        let work = !has_come || world.has_work().await;
        let (calls, effects) = world.seen();
        course.look(effects, work);
        if self.verbose && course.since_word() >= SAY {
            eprintln!("{}", course.word(calls, effects));
        }
    }
}
