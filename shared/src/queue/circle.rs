//! Jobs that wait for each other: none of them would ever run.

use std::collections::{BTreeSet, VecDeque};

use super::{
    Queue,
    error::QueueError,
    record::{self, Record},
};
use crate::job::JobId;

/// So many jobs are looked at for one answer. A longer circle is not found out: its jobs are looked at once a minute, until they are too old.
const MOST: usize = 32;

/// Why one job would wait for another one for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circle {
    /// That one refers to it, by itself or through others: none of them ever runs.
    Refers,
    /// That one, or one that it waits for, stands behind it among its contact's jobs, and runs if this one lets it pass.
    Behind,
}

/// What an open job waits for.
#[derive(Default)]
struct Obstacles {
    /// The jobs that it refers to.
    parents: Vec<JobId>,
    /// Those that head its contact's sequence, if it stands behind them.
    heads: Vec<String>,
}

/// The jobs that are to be looked at.
struct Search {
    /// Those that are referred to, by nothing but references; they come first.
    referred: VecDeque<String>,
    /// Those for which only a place in a sequence makes anybody wait.
    others: VecDeque<String>,
    seen: BTreeSet<String>,
}

impl Search {
    /// The next one, and whether it is referred to.
    fn next(&mut self) -> Option<(String, bool)> {
        while self.seen.len() < MOST {
            let referred = self.referred.pop_front().map(|id| (id, true));
            let (id, is_referred) =
                referred.or_else(|| self.others.pop_front().map(|id| (id, false)))?;
            if self.seen.insert(id.clone()) {
                return Some((id, is_referred));
            }
        }
        None
    }
}

impl Queue {
    /// Whether the open job `parent`, for which a running job waits, in turn waits for that one. What waits for it because another stands before it that
    /// refers to it is let pass by that other.
    pub async fn circle(
        &self,
        tenant: &str,
        waiting: &str,
        parent: &JobId,
    ) -> Result<Option<Circle>, QueueError> {
        let mut search = Search {
            referred: VecDeque::from([parent.to_string()]),
            others: VecDeque::new(),
            seen: BTreeSet::new(),
        };
        let mut circle = None;
        while let Some((id, is_referred)) = search.next() {
            let Obstacles { parents, heads } = self.obstacles(tenant, &id).await?;
            let parents = parents.iter().map(ToString::to_string);
            if is_referred {
                search.referred.extend(parents);
            } else {
                search.others.extend(parents);
            }
            if search.referred.iter().any(|id| id == waiting) {
                return Ok(Some(Circle::Refers));
            }
            if heads.iter().any(|id| id == waiting) {
                circle = Some(Circle::Behind);
            }
            search.others.extend(heads);
        }
        Ok(circle)
    }

    async fn obstacles(&self, tenant: &str, id: &str) -> Result<Obstacles, QueueError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.keys_of(tenant).job(tenant)).arg(id);
        let record: Option<Vec<u8>> = self.connection().run(&command).await?;
        // What has ended waits for nothing.
        let Some(record) = record.filter(|record| !record::is_done(record)) else {
            return Ok(Obstacles::default());
        };
        let parents = match self.decode(tenant, id, &record) {
            Ok(Record::Job(job)) => job.payload.parents(),
            _ => Vec::new(),
        };
        let parents = parents.into_iter().map(|parent| parent.job).collect();
        Ok(Obstacles {
            parents,
            heads: self.heads_before(tenant, id, &record).await?,
        })
    }
}
