//! `penstock-admin dead retry`, in the middle of it all.

use std::collections::HashSet;

use penstock_shared::outcome::Cause;
use penstock_shared::queue::dead::Filter;

use super::super::world::{PATIENCE, World};
use crate::harness::{Program, wait_until};

/// So many at a time.
const SOME: usize = 500;

/// The retries of a run.
#[derive(Debug, Default)]
pub(super) struct Retries {
    /// All jobs that were to be retried: of a command that failed nobody knows how far it came.
    pub(super) retried: HashSet<String>,
    under_way: Vec<Program>,
}

impl Retries {
    /// Begins to retry what the API has refused, through the link that is cut.
    pub(super) async fn begin(&mut self, world: &mut World) {
        let refused = Filter {
            cause: Some(Cause::Rejected.as_str().to_owned()),
            ..Filter::default()
        };
        let letters = world.queue.dead(&refused, SOME, None).await;
        let ids: Vec<_> = letters
            .unwrap_or_default()
            .into_iter()
            .map(|letter| letter.id)
            .collect();
        if ids.is_empty() {
            return;
        }
        let program = Program::new("penstock-admin").args(["dead", "retry"]);
        let url = world.redis_link.redis_url();
        let program = program.args(&ids).env("PENSTOCK_REDIS_URL", url);
        self.under_way.push(program.start());
        self.retried.extend(ids);
    }

    /// Keeps what those have written that have ended.
    pub(super) fn look_after(&mut self, world: &mut World) {
        let has_ended = |program: &mut Program| program.exited().is_some();
        for program in self.under_way.extract_if(.., has_ended) {
            world.dismiss(program);
        }
    }

    /// Once more, when nothing is broken any more.
    pub(super) async fn end(&mut self, world: &mut World) {
        // The connection finds out only now that Redis was killed.
        wait_until("Redis to answer", PATIENCE, || async {
            world.queue.ping().await.ok()
        })
        .await;
        self.begin(world).await;
        for mut program in std::mem::take(&mut self.under_way) {
            program.wait_exit(PATIENCE).await;
            world.dismiss(program);
        }
    }
}
