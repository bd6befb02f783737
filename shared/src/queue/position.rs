//! Where a job that waits stands among the others: how many go before it.

use serde::Serialize;

use super::{Queue, error::QueueError, reference::Lane};
use crate::job::Priority;

/// How many sequences are looked at to tell how many blocked jobs go before another job.
const SAMPLES: usize = 256;

/// What goes before a job that waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// About how many jobs of its tenant: due ones, those that are due before it, and those that are blocked yet and will go before it.
    pub jobs: u64,
    /// How many of its contact's must end, one after another.
    pub own: u64,
    /// When (ms) the first of these is tried again, if that waits for another attempt.
    pub retry_ms: Option<u64>,
}

/// How a job stands, as far as that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stands {
    /// When it became or becomes due (ms).
    pub(super) due: u64,
    pub(super) priority: Priority,
    /// Whether it waits for a moment.
    pub(super) is_scheduled: bool,
}

#[derive(Serialize)]
struct PositionArguments<'a> {
    lane: &'a str,
    due: u64,
    rank: i64,
    scheduled: bool,
    samples: usize,
}

impl Queue {
    /// The place among the due jobs of its lane, and what goes before it, of the job that has one of these tickets.
    pub(super) async fn position(
        &self,
        lane: &Lane,
        tickets: &[String],
        stands: Stands,
    ) -> Result<(Option<u64>, Ahead), QueueError> {
        let head_start = self.terms().policy().head_start[stands.priority as usize];
        let arguments = PositionArguments {
            lane: lane.as_str(),
            due: stands.due,
            rank: i64::try_from(stands.due).unwrap_or(i64::MAX) - head_start,
            scheduled: stands.is_scheduled,
            samples: SAMPLES,
        };
        let tail = |command: &mut redis::Cmd| {
            command.arg(tickets);
        };
        let shard = self.shard_of(lane.tenant());
        let (place, jobs, own, retry): (i64, u64, u64, u64) = self
            .call(shard, &self.scripts().position, &arguments, tail)
            .await?;
        let ahead = Ahead {
            jobs,
            own,
            retry_ms: (retry > 0).then_some(retry),
        };
        Ok((u64::try_from(place).ok(), ahead))
    }
}
