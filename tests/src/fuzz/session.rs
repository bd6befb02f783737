//! A run of one target: inputs are changed and tried until the limit is reached; what leads somewhere new is kept, what panics is told.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    corpus::seeds,
    mutator::{LONGEST, changed},
    target::Target,
};

/// So many inputs are kept in memory; of so many panics the inputs are.
const MOST_KEPT: usize = 8_192;
const MOST_PANICS: usize = 10;
/// The clock is looked at after so many executions.
const BETWEEN_LOOKS: u64 = 64;

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// After so many executions.
    Executions(u64),
    /// After so long.
    Time(Duration),
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// The target's name.
    pub name: &'static str,
    /// How many inputs were tried.
    pub executions: u64,
    /// How many ways through the target were found.
    pub ways: usize,
    /// The inputs on which it panicked, the first few.
    pub panics: Vec<Vec<u8>>,
}

/// Tries the kept inputs of a target, and then changed ones. The same seed and number of executions try the same.
pub fn run(target: &Target, limit: Limit, seed: u64) -> Report {
    let mut session = Session {
        target,
        known: HashSet::new(),
        kept: Vec::new(),
        report: Report {
            name: target.name,
            executions: 0,
            ways: 0,
            panics: Vec::new(),
        },
    };
    for seed in seeds(target) {
        session.try_out(&seed);
        // Those that are large are tried as they are.
        if seed.len() <= LONGEST {
            session.kept.push(seed);
        }
    }
    session.go_on(limit, StdRng::seed_from_u64(seed));
    session.report.ways = session.known.len();
    session.report
}

struct Session<'a> {
    target: &'a Target,
    known: HashSet<u64>,
    kept: Vec<Vec<u8>>,
    report: Report,
}

impl Session<'_> {
    fn go_on(&mut self, limit: Limit, mut dice: StdRng) {
        let begun = Instant::now();
        let is_over = |done: u64| match limit {
            Limit::Executions(most) => done >= most,
            Limit::Time(longest) => {
                done.is_multiple_of(BETWEEN_LOOKS) && begun.elapsed() >= longest
            }
        };
        while !is_over(self.report.executions) && self.report.panics.len() < MOST_PANICS {
            let input = &self.kept[dice.random_range(0..self.kept.len())];
            let other = &self.kept[dice.random_range(0..self.kept.len())];
            let input = changed(input, other, &mut dice);
            if self.try_out(&input) {
                self.keep(input, &mut dice);
            }
        }
    }

    /// Whether it led somewhere new.
    fn try_out(&mut self, input: &[u8]) -> bool {
        self.report.executions += 1;
        let way = catch_unwind(AssertUnwindSafe(|| (self.target.read)(input)));
        if way.is_err() {
            self.report.panics.push(input.to_vec());
        }
        way.is_ok_and(|way| self.known.insert(way))
    }

    fn keep(&mut self, input: Vec<u8>, dice: &mut StdRng) {
        if self.kept.len() < MOST_KEPT {
            self.kept.push(input);
        } else {
            let at = dice.random_range(0..self.kept.len());
            self.kept[at] = input;
        }
    }
}
