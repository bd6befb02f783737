//! Events that come too fast: how many of one kind about one record have led to jobs lately, and whether that has become a storm.

use std::time::Duration;

use super::{Queue, error::QueueError};
use crate::{quota::Quota, span::millis};

/// What one more event makes of those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// There are no more of them than there may be.
    Calm,
    /// With this one there are more than this allows.
    Breaks(Quota),
    /// There were too many before.
    Storm(Quota),
}

impl Queue {
    /// Which of these a storm of such events has broken that still rages. One that is asked about belongs to it: it ends once none has come for
    /// a whole window.
    pub async fn storm_of(
        &self,
        tenant: &str,
        events: &str,
        most: &[Quota],
    ) -> Result<Option<Quota>, QueueError> {
        let mut prolong = redis::pipe();
        for quota in most {
            let prolong = prolong.cmd("PEXPIRE");
            prolong.arg(self.storm_key(tenant, events, *quota));
            prolong.arg(millis(quota.window()));
        }
        let rages: Vec<bool> = self.connection().run_all(&prolong).await?;
        let mut raging = most.iter().zip(rages).filter(|(_, rages)| *rages);
        Ok(raging.next().map(|(quota, _)| *quota))
    }

    /// Counts an event that leads to jobs, at this moment (ms): handled twice it counts once.
    pub async fn count_event(
        &self,
        tenant: &str,
        events: &str,
        (id, now): (&str, u64),
        most: &[Quota],
    ) -> Result<Weather, QueueError> {
        let broken = self.broken(tenant, events, (id, now), most).await?;
        let Some(broken) = broken else {
            return Ok(Weather::Calm);
        };
        let mut mark = redis::cmd("SET");
        mark.arg(self.storm_key(tenant, events, broken)).arg(1);
        mark.arg("NX").arg("PX").arg(millis(broken.window()));
        let begun: Option<String> = self.connection().run(&mark).await?;
        Ok(if begun.is_some() {
            Weather::Breaks(broken)
        } else {
            Weather::Storm(broken)
        })
    }

    /// Counts it, and says which of these allows fewer.
    async fn broken(
        &self,
        tenant: &str,
        events: &str,
        (id, now): (&str, u64),
        most: &[Quota],
    ) -> Result<Option<Quota>, QueueError> {
        let since = |window: Duration| format!("({}", now.saturating_sub(millis(window)));
        let longest = most.iter().map(|quota| quota.window()).max();
        let longest = longest.unwrap_or_default();
        let key = self.keys_of(tenant).gusts(&format!("{tenant}/{events}"));
        let mut count = redis::pipe();
        let old = now.saturating_sub(millis(longest));
        count.cmd("ZREMRANGEBYSCORE").arg(&key).arg("-inf").arg(old);
        count.ignore();
        count.cmd("ZADD").arg(&key).arg(now).arg(id).ignore();
        count.cmd("PEXPIRE").arg(&key).arg(millis(longest)).ignore();
        for quota in most {
            let count = count.cmd("ZCOUNT").arg(&key);
            count.arg(since(quota.window())).arg("+inf");
        }
        let counted: Vec<u64> = self.connection().run_all(&count).await?;
        let mut beyond = most.iter().zip(counted);
        let beyond = beyond.find(|(quota, counted)| *counted > u64::from(quota.calls().get()));
        Ok(beyond.map(|(quota, _)| *quota))
    }

    fn storm_key(&self, tenant: &str, events: &str, quota: Quota) -> String {
        let window = millis(quota.window());
        let name = format!("{tenant}/{events}/{window}");
        self.keys_of(tenant).storm(&name)
    }
}
