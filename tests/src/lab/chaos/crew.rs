//! The workers of a run, each in its place; whoever ends there is followed by a new one, as a supervisor would see to.

use crate::harness::Program;

use super::super::world::{PATIENCE, WORKER, World};

/// A worker's first line, once it may claim.
const READY: &str = "ready worker=";

/// The workers.
#[derive(Debug)]
pub(super) struct Crew {
    at_work: Vec<Program>,
    /// Those that were told to end, and drain.
    leaving: Vec<Program>,
    /// Those that ended otherwise than they were told to, in words.
    strays: Vec<String>,
}

impl Crew {
    pub(super) async fn start(world: &mut World, count: usize) -> Self {
        let mut at_work = Vec::new();
        for _ in 0..count {
            at_work.push(world.worker(WORKER, &[]).await);
        }
        Self {
            at_work,
            leaving: Vec::new(),
            strays: Vec::new(),
        }
    }

    pub(super) fn kill(&mut self, world: &mut World, place: usize) {
        let killed = self.relieve(world, place);
        world.dismiss(killed);
    }

    pub(super) fn replace(&mut self, world: &mut World, place: usize) {
        let mut old = self.relieve(world, place);
        // A stopped one is told when it goes on.
        old.sigterm();
        old.sigcont();
        self.leaving.push(old);
    }

    pub(super) fn stop(&mut self, place: usize) {
        self.at_work[place].sigstop();
    }

    pub(super) fn go_on(&mut self, place: usize) {
        self.at_work[place].sigcont();
    }

    fn relieve(&mut self, world: &mut World, place: usize) -> Program {
        std::mem::replace(&mut self.at_work[place], world.begin(WORKER, &[]))
    }

    /// Whoever could not start since Redis was away is started again; whoever ended later is a stray.
    pub(super) fn look_after(&mut self, world: &mut World) {
        for place in 0..self.at_work.len() {
            if let Some(status) = self.at_work[place].exited() {
                let ended = self.relieve(world, place);
                if is_ready(&ended) {
                    self.strays
                        .push(format!("a worker ended by itself: {status}"));
                }
                world.dismiss(ended);
            }
        }
        let has_ended = |program: &mut Program| program.exited().is_some();
        let gone: Vec<_> = self.leaving.extract_if(.., has_ended).collect();
        for program in gone {
            self.see_off(world, program);
        }
    }

    fn see_off(&mut self, world: &mut World, mut program: Program) {
        let status = program.exited();
        if is_ready(&program) && !status.is_some_and(|status| status.success()) {
            self.strays
                .push(format!("a worker that was told to end did with {status:?}"));
        }
        world.dismiss(program);
    }

    /// All are told to end. What did not go as it should is returned, in words.
    pub(super) async fn end(mut self, world: &mut World) -> Vec<String> {
        for mut program in std::mem::take(&mut self.at_work) {
            program.sigcont();
            program.sigterm();
            self.leaving.push(program);
        }
        for mut program in std::mem::take(&mut self.leaving) {
            program.wait_exit(PATIENCE).await;
            self.see_off(world, program);
        }
        self.strays
    }
}

fn is_ready(program: &Program) -> bool {
    program.stderr().iter().any(|line| line.contains(READY))
}
