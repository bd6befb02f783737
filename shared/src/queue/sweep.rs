//! Forgetting, a little at a time, what is no longer kept.

use std::time::Duration;

use serde::Serialize;

use super::{Queue, error::QueueError};
use crate::span::millis;

/// What one call forgets at the most.
const LIMIT: usize = 200;
/// How long references that turned out to be one contact are known as such, once none of its jobs is open.
const ALIASES: Duration = Duration::from_secs(24 * 3600);

#[derive(Serialize)]
struct Forget {
    retention: u64,
    limit: usize,
}

#[derive(Serialize)]
struct Unlearn<'a> {
    tenant: &'a str,
    cursor: &'a str,
    limit: usize,
    ttl: u64,
}

impl Queue {
    /// Forgets what was done longer ago than it is kept; returns whether there may be more.
    pub async fn forget(&self, shard: u16) -> Result<bool, QueueError> {
        // A quarantine that was raised is to be over, ten times, before it is forgotten whose effect is whose.
        let kept = self.terms().retention.max(self.late() * 10);
        let arguments = Forget {
            retention: millis(kept),
            limit: LIMIT,
        };
        let forgotten: usize = self
            .call(shard, &self.scripts().forget, &arguments, super::no_tail)
            .await?;
        Ok(forgotten >= LIMIT)
    }

    /// Drops one page of what is known of a tenant's contacts, where it is old; returns the next cursor, `None` at the end.
    pub async fn unlearn(&self, tenant: &str, cursor: &str) -> Result<Option<String>, QueueError> {
        let arguments = Unlearn {
            tenant,
            cursor,
            limit: LIMIT,
            ttl: millis(ALIASES),
        };
        let shard = self.shard_of(tenant);
        let next: String = self
            .call(shard, &self.scripts().unlearn, &arguments, super::no_tail)
            .await?;
        Ok((next != "0").then_some(next))
    }
}
