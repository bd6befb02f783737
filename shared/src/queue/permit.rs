//! Permits for calls that are no job's: the renewal of a token, a person's question.

use std::time::Duration;

use serde::Serialize;

use super::{Policy, Queue, claim::stored_quota, error::QueueError, reference::Lane};
use crate::{quota::Quota, span::millis};

#[derive(Serialize)]
struct PermitArguments<'a> {
    lane: &'a str,
    late: u64,
    assumed: [String; 2],
    #[serde(flatten)]
    policy: Policy,
}

impl Queue {
    /// Takes a permit for one call of a tenant's account, which is made at once. Returns in how long to ask again if there is none. `quotas`, burst and
    /// daily, are the caller's own: they count as long as no worker has told of any.
    pub async fn take_permit(
        &self,
        tenant: &str,
        quotas: (Quota, Quota),
    ) -> Result<Option<Duration>, QueueError> {
        let lane = Lane::ghl(tenant);
        let arguments = PermitArguments {
            lane: lane.as_str(),
            late: millis(self.late()),
            assumed: [quotas.0, quotas.1].map(stored_quota),
            policy: self.terms().policy(),
        };
        let shard = self.shard_of(tenant);
        let wait: u64 = self
            .call(shard, &self.scripts().permit, &arguments, super::no_tail)
            .await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }
}
