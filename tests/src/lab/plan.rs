//! What is done to a run and when, drawn from its seed.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::world::{HTTP_TIMEOUT, LEASE};
use crate::harness::{Direction, Flow};

/// Between two faults.
pub const EVERY: Duration = Duration::from_secs(2);

/// What goes wrong with every system all the time, well within the quarantine.
pub const ALWAYS: &[&str] = &[
    "cut-before:p=0.01",
    "cut-after:p=0.01",
    "late=700ms:p=0.01",
    "delay=700ms:p=0.01",
    "cut-body:p=0.003",
    "garbage:p=0.003",
    "hang:p=0.002",
    "hang-after:p=0.002",
    "503:p=0.005",
    "503:effect=yes:p=0.005",
    "html:status=502:p=0.002",
    "html:status=502:effect=yes:p=0.002",
    "429:retry-after=1:p=0.003",
];
/// What goes wrong with the API besides. Those jobs that a 422 strikes are dead, until they are retried.
pub const OF_API: &[&str] = &[
    "list-lag=700ms",
    "search-lag=700ms",
    "422:op=create-note:p=0.02",
    "422:op=create-task:p=0.02",
    "422:op=add-tags:p=0.02",
    "422:op=create-contact:p=0.02",
    "422:op=add-contact-to-workflow:p=0.02",
];
/// The same of the CRM.
pub const OF_CRM: &[&str] = &["422:op=crm-create-note:p=0.02"];
/// For a moment nearly every call is refused so.
const BURSTS: [&str; 3] = ["503:p=0.9", "429:retry-after=1:p=0.9", "cut-after:p=0.5"];

/// One thing that is done to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// SIGKILL of the worker with this number, and a new one.
    KillWorker(usize),
    /// SIGSTOP of the worker with this number for so long, which is more than its lease.
    StopWorker(usize, Duration),
    /// SIGTERM of the worker with this number, and a new one.
    ReplaceWorker(usize),
    /// SIGKILL of Redis, and a restart.
    KillRedis,
    /// What is sent one way on one of the links fares so, for so long; then all connections are closed.
    Link(Link, Direction, Flow, Duration),
    /// This fault of every system strikes too, for so long.
    Burst(&'static str, Duration),
    /// `penstock-admin dead retry` of what was refused.
    Retry,
}

/// A link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Between the workers and the API.
    Api,
    /// Between the workers and the other systems.
    Elsewhere,
    /// Between all programs and Redis.
    Redis,
}

impl Act {
    /// Its kind, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::KillWorker(_) => "worker killed",
            Self::StopWorker(..) => "worker stopped",
            Self::ReplaceWorker(_) => "worker replaced",
            Self::KillRedis => "Redis killed",
            Self::Link(Link::Api, ..) => "API link broken",
            Self::Link(Link::Elsewhere, ..) => "link elsewhere broken",
            Self::Link(Link::Redis, ..) => "Redis link broken",
            Self::Burst(..) => "APIs failing",
            Self::Retry => "dead letters retried",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillWorker(number) => write!(f, "kill worker {number}"),
            Self::StopWorker(number, span) => write!(f, "stop worker {number} for {span:?}"),
            Self::ReplaceWorker(number) => write!(f, "replace worker {number}"),
            Self::KillRedis => write!(f, "kill Redis"),
            Self::Link(link, direction, flow, span) => {
                write!(f, "{link:?} link, {direction:?}: {flow:?} for {span:?}")
            }
            Self::Burst(fault, span) => write!(f, "APIs: {fault} for {span:?}"),
            Self::Retry => write!(f, "retry what is dead"),
        }
    }
}

/// What is done, in order, one every [`EVERY`].
#[derive(Debug)]
pub struct Plan {
    dice: StdRng,
    workers: usize,
}

impl Plan {
    /// Of a run with so many workers.
    pub fn draw(seed: u64, workers: usize) -> Self {
        // Another stream than the workload's.
        Self {
            dice: StdRng::seed_from_u64(!seed),
            workers,
        }
    }

    fn worker(&mut self) -> usize {
        self.dice.random_range(0..self.workers)
    }

    fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.dice.random_range(least..=most))
    }

    fn direction(&mut self) -> Direction {
        if self.dice.random_bool(0.5) {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }

    /// A stop is longer than the lease, and not as long as a call that was about to be sent is waited for: beyond that no queue can help.
    fn stop(&mut self) -> Act {
        let (least, most) = (LEASE * 6 / 5, LEASE + HTTP_TIMEOUT / 2);
        let span = self.dice.random_range(least..=most);
        Act::StopWorker(self.worker(), span)
    }

    fn link(&mut self, link: Link) -> Act {
        let flow = match self.dice.random_range(0..4) {
            0 => Flow::Cut,
            1 => Flow::Blackhole,
            2 => Flow::Delay(self.millis(20, 200)),
            _ => Flow::CutAfter(self.dice.random_range(1..4000)),
        };
        let span = self.millis(200, 1200);
        Act::Link(link, self.direction(), flow, span)
    }
}

impl Iterator for Plan {
    type Item = Act;

    fn next(&mut self) -> Option<Act> {
        Some(match self.dice.random_range(0..14) {
            0..3 => Act::KillWorker(self.worker()),
            3 => Act::KillRedis,
            4 => self.stop(),
            5 => Act::ReplaceWorker(self.worker()),
            6 => self.link(Link::Api),
            7 | 8 => self.link(Link::Redis),
            9 | 10 => Act::Retry,
            11 => self.link(Link::Elsewhere),
            _ => {
                let fault = BURSTS[self.dice.random_range(0..BURSTS.len())];
                Act::Burst(fault, self.millis(500, 2000))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_again() {
        let drawn = |seed| Plan::draw(seed, 4).take(100).collect::<Vec<_>>();
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
    }

    #[test]
    fn every_kind_is_drawn() {
        let mut kinds: Vec<_> = Plan::draw(1, 4).take(200).map(|act| act.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), 9);
    }
}
