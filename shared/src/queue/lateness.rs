//! What all workers know of how late the API is: by job type, the quarantine that it has proved to need.

use std::time::Duration;

use super::{Queue, error::QueueError};
use crate::{job::JobType, span::millis};

impl Queue {
    /// Raises the quarantine of a job type for all workers; it is never lowered.
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

    /// What the quarantines were raised to.
    pub async fn raised_quarantines(&self) -> Result<Vec<(JobType, Duration)>, QueueError> {
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
