//! How a tenant's lanes are governed: paused, resumed, its own quotas.

use std::collections::HashMap;

use serde::Serialize;

use super::{Policy, Queue, claim::stored_quota, error::QueueError, keys::Keys, reference::Lane};
use crate::{job::Destination, quota::Quota};

/// What the names of other destinations' quotas in force begin with.
const ELSEWHERE: &str = "burst@";

/// What the names of lanes end with there of which jobs wait until their tenant may write.
const WRITES: &str = "/writes";
/// About so many jobs that wait are looked at by one call.
const LOOKED_AT: usize = 500;

/// A quota of a tenant's own, or none any more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Own {
    /// This one.
    Quota(Quota),
    /// The one in force for everybody.
    Default,
}

/// How a lane is to be governed from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Govern {
    /// Nothing of it is started.
    Pause,
    /// It goes on; a hold and an open breaker end too.
    Resume,
    /// It has new credentials: what it was held for is over.
    Reauthorise,
    /// It gets quotas and a weight of its own, where given.
    Set {
        /// Calls per burst window.
        burst: Option<Own>,
        /// Calls per daily window.
        daily: Option<Own>,
        /// Its share among tenants.
        weight: Option<u32>,
    },
}

/// What is not let go on by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refused {
    /// The lanes whose token the API refused, with that token's fingerprint.
    pub tokens: Vec<(Lane, String)>,
    /// The lanes of which jobs wait until their tenant may write.
    pub writes: Vec<Lane>,
}

#[derive(Serialize)]
struct ReleaseArguments<'a> {
    lane: &'a str,
    from: String,
    about: usize,
    #[serde(flatten)]
    policy: Policy,
}

#[derive(Serialize)]
struct GovernArguments<'a> {
    lanes: Vec<&'a str>,
    #[serde(flatten)]
    policy: Policy,
    set: HashMap<&'static str, String>,
    clear: Vec<&'static str>,
    reauthorise: bool,
}

impl Queue {
    /// Governs a tenant: pauses or resumes what it has for any destination that a worker knows, or sets how much of GHL it gets.
    pub async fn govern(&self, tenant: &str, govern: &Govern) -> Result<(), QueueError> {
        let mut lanes = vec![Lane::ghl(tenant)];
        if matches!(govern, Govern::Pause | Govern::Resume) {
            let elsewhere = self.elsewhere(self.keys_of(tenant)).await?;
            lanes.extend(elsewhere.iter().map(|to| Lane::of(to, tenant)));
        }
        self.govern_lanes(&lanes, govern).await
    }

    /// Whether any worker has told that it serves where this lane leads.
    pub async fn is_served(&self, lane: &Lane) -> Result<bool, QueueError> {
        if lane.destination() == Destination::GHL.as_str() {
            return Ok(true);
        }
        let served = self.elsewhere(self.keys_of(lane.tenant())).await?;
        Ok(served.iter().any(|own| own.as_str() == lane.destination()))
    }

    /// The destinations of which workers have told a shard, but GHL.
    pub(super) async fn elsewhere(&self, keys: &Keys) -> Result<Vec<Destination>, QueueError> {
        let mut names = redis::cmd("HKEYS");
        let names: Vec<String> = self.connection().run(names.arg(keys.config())).await?;
        let elsewhere = names.iter().filter_map(|name| name.strip_prefix(ELSEWHERE));
        let mut elsewhere: Vec<_> = elsewhere.filter_map(|name| name.parse().ok()).collect();
        elsewhere.sort();
        Ok(elsewhere)
    }

    /// Governs a lane.
    pub async fn govern_lane(&self, lane: &Lane, govern: &Govern) -> Result<(), QueueError> {
        self.govern_lanes(std::slice::from_ref(lane), govern).await
    }

    /// Governs lanes of one tenant, all at once.
    async fn govern_lanes(&self, lanes: &[Lane], govern: &Govern) -> Result<(), QueueError> {
        let tenant = lanes.first().map_or("", Lane::tenant);
        let (mut set, mut clear) = (HashMap::new(), Vec::new());
        match govern {
            Govern::Pause => drop(set.insert("paused", "1".to_owned())),
            Govern::Resume => {
                clear.extend(["paused", "hold", "holdFor", "why", "open", "failures"]);
            }
            Govern::Reauthorise => clear.extend(["hold", "holdFor", "why"]),
            Govern::Set {
                burst,
                daily,
                weight,
            } => {
                for (name, own) in [("burst", burst), ("daily", daily)] {
                    match own {
                        Some(Own::Quota(quota)) => drop(set.insert(name, stored_quota(*quota))),
                        Some(Own::Default) => clear.push(name),
                        None => {}
                    }
                }
                set.extend(weight.map(|weight| ("weight", weight.to_string())));
            }
        }
        let arguments = GovernArguments {
            lanes: lanes.iter().map(Lane::as_str).collect(),
            policy: self.terms().policy(),
            set,
            clear,
            reauthorise: matches!(govern, Govern::Resume | Govern::Reauthorise),
        };
        let _: String = self
            .call(
                self.shard_of(tenant),
                &self.scripts().govern,
                &arguments,
                super::no_tail,
            )
            .await?;
        Ok(())
    }

    /// Lets those jobs of a lane go on that wait until their tenant may write.
    pub async fn release(&self, lane: &Lane) -> Result<(), QueueError> {
        let mut arguments = ReleaseArguments {
            lane: lane.as_str(),
            from: "0".to_owned(),
            about: LOOKED_AT,
            policy: self.terms().policy(),
        };
        let (shard, script) = (self.shard_of(lane.tenant()), &self.scripts().release);
        loop {
            arguments.from = self.call(shard, script, &arguments, super::no_tail).await?;
            if arguments.from == "0" {
                return Ok(());
            }
        }
    }

    /// What is not let go on by itself.
    pub async fn refused(&self) -> Result<Refused, QueueError> {
        let mut refused = Refused::default();
        for shard in 0..self.shards() {
            let lanes: HashMap<String, String> = self
                .connection()
                .run(redis::cmd("HGETALL").arg(self.keys(shard).refused()))
                .await?;
            for (name, token) in lanes {
                match name.strip_suffix(WRITES) {
                    Some(lane) => refused.writes.extend(Lane::parse(lane)),
                    None => refused.tokens.extend(Lane::parse(&name).zip(Some(token))),
                }
            }
        }
        Ok(refused)
    }
}
