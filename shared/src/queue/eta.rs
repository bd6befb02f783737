//! When a job will run, if nothing fails.

use super::{
    Queue, crew::Crew, error::QueueError, forecast::Turn, outlook::Outlook, status::JobStatus,
};

impl JobStatus {
    /// When it runs and what it waits for most of the time, if nothing fails. `None` unless it waits, and where its tenant waits for a person,
    /// a worker or a quota.
    pub fn turn(&self, outlook: &Outlook, crew: &Crew) -> Option<Turn> {
        let ahead = self.ahead?;
        let turn = outlook.turn(crew, ahead.jobs, self.is_high())?;
        let first = ahead.retry_ms.unwrap_or(0).max(outlook.start_ms());
        let after_its_own = first.saturating_add(outlook.pace.jobs_ms(ahead.own));
        let earliest = after_its_own.max(self.due_ms.unwrap_or(0));
        Some(if earliest > turn.at_ms {
            Turn {
                at_ms: earliest,
                limit: None,
            }
        } else {
            turn
        })
    }
}

impl Queue {
    /// When a job will run (ms), if nothing fails; `None` unless it waits, where its tenant waits for a person, a worker or a quota, and where it waits for
    /// another job that does not stand before it.
    pub async fn eta(&self, status: &JobStatus) -> Result<Option<u64>, QueueError> {
        if status.ahead.is_none() {
            return Ok(None);
        }
        let awaited = self.awaited(status).await?;
        if awaited.is_some_and(|awaited| awaited.hides_moment(status.state)) {
            return Ok(None);
        }
        let outlook = self.outlook(&status.lane).await?;
        let crew = self.crew().await?;
        let turn = status.turn(&outlook, &crew);
        Ok(turn.map(|turn| turn.at_ms))
    }
}
