//! What a job waits for in other jobs: what one has made that it refers to, or the ends of those that it is spread over.

use super::{
    Queue, error::QueueError, parent::Standing, run::field, spread::part_id, status::JobStatus,
};
use crate::job::{JobId, Parent, state::State};

/// Jobs that another one waits for.
#[derive(Debug, Clone, PartialEq)]
pub enum Awaited {
    /// One that it refers to.
    Parent {
        /// Which.
        parent: Parent,
        /// What that has come to: it is not done.
        standing: Standing,
    },
    /// Some of those that it is spread over have not ended.
    Parts {
        /// How many.
        open: usize,
        /// The first of them.
        first: JobId,
    },
}

impl Awaited {
    /// Whether it cannot be foretold when the job runs, which is in that state: of one that stands behind its parent it can.
    pub fn hides_moment(&self, state: State) -> bool {
        let is_ahead = matches!(
            self,
            Self::Parent {
                standing: Standing::Open,
                ..
            }
        );
        state != State::Blocked || !is_ahead
    }
}

impl Queue {
    /// What a job waits for in other jobs; `None` also before its moment, where it waits for that, and where what it has sent is not settled.
    pub async fn awaited(&self, status: &JobStatus) -> Result<Option<Awaited>, QueueError> {
        let waits = matches!(
            status.state,
            State::Scheduled | State::Ready | State::Blocked
        );
        let is_past = [field::ENDING, field::INTENT]
            .iter()
            .any(|name| status.run.text(name).is_some());
        let Some(job) = status.job.as_ref().filter(|_| waits && !is_past) else {
            return Ok(None);
        };
        let run_at = job.run_at.map(jiff::Timestamp::as_millisecond);
        let run_at = run_at.and_then(|ms| u64::try_from(ms).ok());
        if status.state == State::Scheduled && run_at.is_some() && run_at == status.due_ms {
            return Ok(None);
        }
        if let Some(contacts) = job.payload.several() {
            return self.awaited_parts(status, contacts.iter().count()).await;
        }
        let parents = job.payload.parents();
        let ids: Vec<_> = parents.iter().map(|parent| parent.job.clone()).collect();
        let standings = self.standings(&status.tenant, &ids).await?;
        // What it has once read of one may be forgotten by now.
        let is_missed = status.run.text(field::LOOKUP).is_some();
        let mut lacking =
            parents
                .into_iter()
                .zip(standings)
                .filter(|(_, standing)| match standing {
                    Standing::Done(_) | Standing::Locked(_) | Standing::Unreadable => false,
                    Standing::Unknown => is_missed,
                    Standing::Open | Standing::Dead => true,
                });
        let first = lacking.next();
        Ok(first.map(|(parent, standing)| Awaited::Parent { parent, standing }))
    }

    async fn awaited_parts(
        &self,
        status: &JobStatus,
        count: usize,
    ) -> Result<Option<Awaited>, QueueError> {
        let Ok(id) = status.id.parse::<JobId>() else {
            return Ok(None);
        };
        let ids: Vec<_> = (1..=count).map(|number| part_id(&id, number)).collect();
        let standings = self.standings(&status.tenant, &ids).await?;
        let mut open = ids
            .into_iter()
            .zip(standings)
            .filter(|(_, standing)| *standing == Standing::Open);
        let first = open.next();
        Ok(first.map(|(first, _)| Awaited::Parts {
            open: 1 + open.count(),
            first,
        }))
    }
}
