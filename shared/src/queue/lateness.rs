//! What all workers know of how late the API is: by job type, the quarantine that it has proved to need.

use std::time::Duration;

use super::{Queue, error::QueueError};
use crate::{job::JobType, span::millis};

impl Queue {
    /// Raises the quarantine of a job type for all workers; it is lowered by a person alone.
    pub async fn raise_quarantine(
        &self,
        job_type: JobType,
        to: Duration,
    ) -> Result<(), QueueError> {
        let mut raise = redis::cmd("ZADD");
        raise.arg(self.keys(0).quarantine()).arg("GT");
        raise.arg(millis(to)).arg(job_type.as_str());
        let _: u64 = self.connection().run(&raise).await?;
        Ok(())
    }

    /// Sets quarantines back to what the workers' settings say; returns how many were raised.
    pub async fn reset_quarantines(&self, types: &[JobType]) -> Result<u64, QueueError> {
        if types.is_empty() {
            return Ok(0);
        }
        // A zero is a person's word. That none is there at all may be a Redis that has forgotten.
        let mut reset = redis::cmd("ZADD");
        reset.arg(self.keys(0).quarantine()).arg("XX").arg("CH");
        for job_type in types {
            reset.arg(0).arg(job_type.as_str());
        }
        Ok(self.connection().run(&reset).await?)
    }

    /// What the quarantines were raised to.
    pub async fn raised_quarantines(&self) -> Result<Vec<(JobType, Duration)>, QueueError> {
        let mut all = self.quarantines().await?;
        all.retain(|(_, to)| !to.is_zero());
        Ok(all)
    }

    /// The same, and zero for those that a person has set back.
    pub async fn quarantines(&self) -> Result<Vec<(JobType, Duration)>, QueueError> {
        let mut all = redis::cmd("ZRANGE");
        all.arg(self.keys(0).quarantine()).arg(0).arg(-1);
        all.arg("WITHSCORES");
        let all: Vec<(String, f64)> = self.connection().run(&all).await?;
        let known = all.into_iter().filter_map(|(job_type, ms)| {
            let to = Duration::from_millis(super::score_ms(ms));
            Some((job_type.parse().ok()?, to))
        });
        Ok(known.collect())
    }
}
