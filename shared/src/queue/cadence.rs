//! The last moment of each flow on a cadence, so that no worker makes it again.

use std::time::Duration;

use super::{Queue, error::QueueError};
use crate::span::millis;

/// Longer than the longest cadence: what is not made any more by then is forgotten.
const KEPT: Duration = Duration::from_secs(8 * 86_400);

impl Queue {
    /// The last moment (ms) of this flow that was made for the tenant.
    pub async fn last_moment(&self, tenant: &str, flow: &str) -> Result<Option<u64>, QueueError> {
        let mut read = redis::cmd("ZSCORE");
        read.arg(self.keys_of(tenant).moments(tenant)).arg(flow);
        Ok(self.connection().run(&read).await?)
    }

    /// Keeps that this moment was made, after `last`. Whoever has stood still meanwhile takes nothing back.
    pub async fn keep_moment(
        &self,
        tenant: &str,
        flow: &str,
        at: u64,
        last: Option<u64>,
    ) -> Result<(), QueueError> {
        let key = self.keys_of(tenant).moments(tenant);
        let mut keep = redis::pipe();
        let add = keep.cmd("ZADD").arg(&key);
        // Else the clock was set back.
        if last.is_none_or(|last| last < at) {
            add.arg("GT");
        }
        add.arg(at).arg(flow).ignore();
        keep.cmd("PEXPIRE").arg(&key).arg(millis(KEPT)).ignore();
        Ok(self.connection().run_all(&keep).await?)
    }
}
