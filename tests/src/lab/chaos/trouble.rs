//! Makes the faults of a plan, and ends them in time.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::super::figures::Course;
use super::super::plan::{ALWAYS, Act, Link, OF_API, OF_CRM};
use super::super::world::World;
use super::crew::Crew;
use super::retries::Retries;
use crate::harness::{Direction, Flow};

/// What ends a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    GoOn(usize),
    Heal(Link),
    Calm,
}

/// A fault that goes on.
#[derive(Debug)]
struct Ongoing {
    until: Instant,
    end: End,
    kind: &'static str,
}

/// What is broken now, and the workers.
#[derive(Debug)]
pub(super) struct Trouble {
    crew: Crew,
    ongoing: Vec<Ongoing>,
    retries: Retries,
}

impl Trouble {
    pub(super) async fn begin(world: &mut World, workers: usize) -> Self {
        strike(world, None);
        Self {
            crew: Crew::start(world, workers).await,
            ongoing: Vec::new(),
            retries: Retries::default(),
        }
    }

    pub(super) async fn make(&mut self, world: &mut World, course: &mut Course, act: &Act) {
        let kind = act.kind();
        course.began(kind, act.to_string());
        match act {
            Act::KillWorker(place) => self.crew.kill(world, *place),
            Act::ReplaceWorker(place) => self.crew.replace(world, *place),
            Act::StopWorker(place, span) => {
                self.crew.stop(*place);
                return self.ends_in(course, *span, End::GoOn(*place), kind);
            }
            Act::KillRedis => world.redis.restart().await,
            Act::Retry => self.retries.begin(world).await,
            Act::Link(link, direction, flow, span) => {
                // It may be broken already: what has lost bytes must not pass again on the same connection.
                heal(world, *link);
                set(world, *link, *direction, *flow);
                return self.ends_in(course, *span, End::Heal(*link), kind);
            }
            Act::Burst(fault, span) => {
                strike(world, Some(fault));
                return self.ends_in(course, *span, End::Calm, kind);
            }
        }
        course.ended(kind);
    }

    fn ends_in(&mut self, course: &mut Course, span: Duration, end: End, kind: &'static str) {
        // Of two that are ended by the same the earlier one goes over into the later.
        for _ in self.ongoing.extract_if(.., |other| other.end == end) {
            course.ended(kind);
        }
        let until = Instant::now() + span;
        self.ongoing.push(Ongoing { until, end, kind });
    }

    /// Ends what is to end, and sees to the workers.
    pub(super) fn look_after(&mut self, world: &mut World, course: &mut Course) {
        self.crew.look_after(world);
        self.retries.look_after(world);
        let now = Instant::now();
        for over in self.ongoing.extract_if(.., |fault| fault.until <= now) {
            end(world, &mut self.crew, over.end);
            course.ended(over.kind);
        }
    }

    /// Ends all that is broken, and retries what it has killed.
    pub(super) async fn heal(&mut self, world: &mut World, course: &mut Course) {
        for over in self.ongoing.drain(..) {
            end(world, &mut self.crew, over.end);
            course.ended(over.kind);
        }
        world.faults(&[]);
        world.elsewhere.faults(&[], &[]);
        self.retries.end(world).await;
    }

    /// The jobs that were retried.
    pub(super) fn retried(&self) -> HashSet<String> {
        self.retries.retried.clone()
    }

    pub(super) async fn end(self, world: &mut World) -> Vec<String> {
        self.crew.end(world).await
    }
}

fn end(world: &World, crew: &mut Crew, end: End) {
    match end {
        End::GoOn(place) => crew.go_on(place),
        End::Heal(link) => heal(world, link),
        End::Calm => strike(world, None),
    }
}

/// What always goes wrong does, and this.
fn strike(world: &World, burst: Option<&str>) {
    let everywhere: Vec<_> = burst.into_iter().chain(ALWAYS.iter().copied()).collect();
    world.faults(&[&everywhere, OF_API].concat());
    world.elsewhere.faults(&everywhere, OF_CRM);
}

fn set(world: &World, link: Link, direction: Direction, flow: Flow) {
    match link {
        Link::Api => world.api_link.set(direction, flow),
        Link::Elsewhere => world.elsewhere.set(direction, flow),
        Link::Redis => world.redis_link.set(direction, flow),
    }
}

fn heal(world: &World, link: Link) {
    match link {
        Link::Api => world.api_link.heal(),
        Link::Elsewhere => world.elsewhere.heal(),
        Link::Redis => world.redis_link.heal(),
    }
}
