//! Events that come too fast: how many of one kind about one record have led to jobs lately, and whether that has become a storm.

use super::{Queue, error::QueueError};
use crate::{quota::Quota, span::millis};

/// What one more event makes of those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// There are no more of them than there may be.
    Calm,
    /// With this one there are too many.
    Breaks,
    /// There were too many before.
    Storm,
}

impl Queue {
    /// Whether a storm of such events rages. One that is asked about belongs to it: it ends once none has come for a whole window.
    pub async fn is_stormed(
        &self,
        tenant: &str,
        events: &str,
        most: Quota,
    ) -> Result<bool, QueueError> {
        let mut prolong = redis::cmd("PEXPIRE");
        prolong.arg(self.storm_key(tenant, events));
        prolong.arg(millis(most.window()));
        Ok(self.connection().run(&prolong).await?)
    }

    /// Counts an event that leads to jobs, at this moment (ms): handled twice it counts once.
    pub async fn count_event(
        &self,
        tenant: &str,
        events: &str,
        (id, now): (&str, u64),
        most: Quota,
    ) -> Result<Weather, QueueError> {
        let window = millis(most.window());
        let key = self.keys_of(tenant).gusts(&format!("{tenant}/{events}"));
        let mut count = redis::pipe();
        let old = now.saturating_sub(window);
        count.cmd("ZREMRANGEBYSCORE").arg(&key).arg("-inf").arg(old);
        count.ignore();
        count.cmd("ZADD").arg(&key).arg(now).arg(id).ignore();
        count.cmd("PEXPIRE").arg(&key).arg(window).ignore();
        count.cmd("ZCARD").arg(&key);
        let (counted,): (u64,) = self.connection().run_all(&count).await?;
        if counted <= u64::from(most.calls().get()) {
            return Ok(Weather::Calm);
        }
        let mut mark = redis::cmd("SET");
        mark.arg(self.storm_key(tenant, events)).arg(1);
        mark.arg("NX").arg("PX").arg(window);
        let begun: Option<String> = self.connection().run(&mark).await?;
        Ok(if begun.is_some() {
            Weather::Breaks
        } else {
            Weather::Storm
        })
    }

    fn storm_key(&self, tenant: &str, events: &str) -> String {
        self.keys_of(tenant).storm(&format!("{tenant}/{events}"))
    }
}
