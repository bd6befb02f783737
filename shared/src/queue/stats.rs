//! Counts, for people and for gauges.

use std::collections::HashMap;

use super::{
    Queue,
    claim::read_quota,
    error::QueueError,
    keys::Keys,
    outlook::calls_left,
    reference::{Lane, Reference},
};
use crate::{job::state::NEEDS_AUTHORISATION, quota::Quota, span::millis};

/// How many lanes one round trip asks about.
const PAGE: usize = 200;

/// The whole system in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Jobs that wait for a moment.
    pub scheduled: u64,
    /// Jobs that may run as soon as quota and workers allow.
    pub ready: u64,
    /// Jobs behind an earlier one of their contact.
    pub blocked: u64,
    /// Jobs that a worker has.
    pub running: u64,
    /// Dead letters.
    pub dead: u64,
    /// Jobs done, ever.
    pub done_total: u64,
    /// Workers alive.
    pub workers: u64,
}

/// One tenant in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStats {
    /// Its location id.
    pub tenant: String,
    /// Jobs that may run now.
    pub ready: u64,
    /// Jobs that wait for a moment.
    pub scheduled: u64,
    /// Jobs that a worker has.
    pub running: u64,
    /// Unfinished jobs in all.
    pub open: u64,
    /// Dead letters.
    pub dead: u64,
    /// Calls left in the burst window.
    pub burst_left: u64,
    /// Calls left in the day.
    pub daily_left: u64,
    /// Until when (ms) it is held.
    pub held_until_ms: Option<u64>,
    /// Why it is held.
    pub why: Option<String>,
    /// Whether a person paused it.
    pub paused: bool,
    /// About when (ms) its due jobs are done, at the pace of both windows; `None` if it is paused or has none.
    pub eta_ms: Option<u64>,
}

impl Queue {
    /// The whole system in numbers.
    pub async fn stats(&self) -> Result<Stats, QueueError> {
        let now = self.now().await?;
        let alive_since = now.saturating_sub(millis(self.terms().lease) * 2);
        let mut sum = Stats::default();
        for shard in 0..self.shards() {
            let keys = self.keys(shard);
            let mut pipeline = redis::pipe();
            pipeline
                .cmd("HMGET")
                .arg(keys.counts())
                .arg("open")
                .arg("blocked")
                .arg("done");
            pipeline.cmd("HLEN").arg(keys.running());
            pipeline.cmd("ZCARD").arg(keys.dead());
            pipeline
                .cmd("ZCOUNT")
                .arg(keys.workers())
                .arg(alive_since)
                .arg("+inf");
            let ((open, blocked, done), running, dead, workers): (Counts, u64, u64, u64) =
                self.connection().run_all(&pipeline).await?;
            let (open, blocked) = (open.unwrap_or(0), blocked.unwrap_or(0));
            let scheduled = self.scheduled(keys).await?;
            sum.scheduled += scheduled;
            sum.blocked += blocked;
            sum.running += running;
            sum.ready += open.saturating_sub(scheduled + blocked + running);
            sum.dead += dead;
            sum.done_total += done.unwrap_or(0);
            // Every worker serves every shard.
            sum.workers = sum.workers.max(workers);
        }
        Ok(sum)
    }

    async fn scheduled(&self, keys: &Keys) -> Result<u64, QueueError> {
        let mut sum = 0;
        for page in self.lanes(keys).await?.chunks(PAGE) {
            let mut pipeline = redis::pipe();
            for lane in page {
                pipeline.cmd("ZCARD").arg(keys.wait(lane));
                pipeline.cmd("ZCARD").arg(keys.later(lane));
            }
            let counts: Vec<u64> = self.connection().run_all(&pipeline).await?;
            sum += counts.iter().sum::<u64>();
        }
        Ok(sum)
    }

    async fn lanes(&self, keys: &Keys) -> Result<Vec<String>, QueueError> {
        Ok(self
            .connection()
            .run(redis::cmd("ZRANGE").arg(keys.lanes()).arg(0).arg(-1))
            .await?)
    }

    /// Every tenant in numbers, by name.
    pub async fn tenant_stats(&self) -> Result<Vec<TenantStats>, QueueError> {
        let now = self.now().await?;
        let mut rows = Vec::new();
        for shard in 0..self.shards() {
            let keys = self.keys(shard);
            let mut pipeline = redis::pipe();
            pipeline.cmd("SMEMBERS").arg(keys.tenants());
            pipeline.cmd("HKEYS").arg(keys.running());
            pipeline
                .cmd("HMGET")
                .arg(keys.config())
                .arg("burst")
                .arg("daily");
            let (tenants, references, in_force): (Vec<String>, Vec<String>, [Option<String>; 2]) =
                self.connection().run_all(&pipeline).await?;
            let mut running: HashMap<String, u64> = HashMap::new();
            for reference in references.iter().filter_map(|name| Reference::parse(name)) {
                *running.entry(reference.tenant().to_owned()).or_default() += 1;
            }
            for page in tenants.chunks(PAGE) {
                rows.extend(
                    self.tenant_page(keys, page, &running, &in_force, now)
                        .await?,
                );
            }
        }
        rows.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        Ok(rows)
    }

    async fn tenant_page(
        &self,
        keys: &Keys,
        tenants: &[String],
        running: &HashMap<String, u64>,
        in_force: &[Option<String>; 2],
        now: u64,
    ) -> Result<Vec<TenantStats>, QueueError> {
        let mut pipeline = redis::pipe();
        for tenant in tenants {
            let lane = Lane::ghl(tenant);
            let lane = lane.as_str();
            for set in [
                keys.due(lane),
                keys.high(lane),
                keys.wait(lane),
                keys.later(lane),
                keys.dead_of(tenant),
            ] {
                pipeline.cmd("ZCARD").arg(set);
            }
            pipeline.cmd("LLEN").arg(keys.line(lane));
            pipeline.cmd("HGET").arg(keys.open()).arg(tenant);
            pipeline.cmd("HGETALL").arg(keys.lane(lane));
            for ring in [keys.burst(lane), keys.day(lane)] {
                pipeline
                    .cmd("ZRANGEBYSCORE")
                    .arg(ring)
                    .arg(format!("({now}"))
                    .arg("+inf");
            }
        }
        let values: Vec<redis::Value> = self.connection().run_all(&pipeline).await?;
        let mut rows = Vec::new();
        for (tenant, chunk) in tenants.iter().zip(values.chunks(10)) {
            let raw: RawTenant = redis::from_redis_value(redis::Value::Array(chunk.to_vec()))
                .map_err(|error| QueueError::Unexpected(error.to_string()))?;
            rows.push(tenant_row(
                tenant,
                raw,
                running.get(tenant).copied().unwrap_or(0),
                in_force,
                now,
            ));
        }
        Ok(rows)
    }

    /// The burst quota that counts for a tenant: its own, or the one in force; `None` before any worker has registered.
    pub(super) async fn burst_of(&self, tenant: &str) -> Result<Option<Quota>, QueueError> {
        let keys = self.keys_of(tenant);
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("HGET")
            .arg(keys.lane(Lane::ghl(tenant).as_str()))
            .arg("burst");
        pipeline.cmd("HGET").arg(keys.config()).arg("burst");
        let (own, in_force): (Option<String>, Option<String>) =
            self.connection().run_all(&pipeline).await?;
        Ok(own.or(in_force).as_deref().and_then(read_quota))
    }
}

type Counts = (Option<u64>, Option<u64>, Option<u64>);
/// Six cardinalities, the open count, the lane's hash, and what is left in its two rings.
type RawTenant = (
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    Option<u64>,
    HashMap<String, String>,
    Vec<String>,
    Vec<String>,
);

fn tenant_row(
    tenant: &str,
    raw: RawTenant,
    running: u64,
    in_force: &[Option<String>; 2],
    now: u64,
) -> TenantStats {
    let (due, high, wait, later, dead, line, open, fields, burst, day) = raw;
    let number = |name| {
        let text: Option<&String> = fields.get(name);
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let flying = number("flying");
    let quota = |name: &str, default: &Option<String>| {
        fields
            .get(name)
            .or(default.as_ref())
            .and_then(|text| read_quota(text))
    };
    let (burst_quota, daily_quota) = (quota("burst", &in_force[0]), quota("daily", &in_force[1]));
    let left = |quota: Option<Quota>, ring: &[String]| {
        quota.map_or(0, |quota| calls_left(quota, flying, ring))
    };
    let held_until_ms = fields
        .get("hold")
        .and_then(|at| at.parse::<f64>().ok())
        .map(super::score_ms)
        .filter(|at| *at > now);
    let paused = fields.contains_key("paused");
    let (burst_left, daily_left) = (left(burst_quota, &burst), left(daily_quota, &day));
    let ready = (due + high + line).saturating_sub(number("ghosts"));
    let why = fields.get("why").filter(|_| held_until_ms.is_some());
    let waits_for_somebody = paused || why.is_some_and(|why| why == NEEDS_AUTHORISATION);
    let eta_ms = burst_quota
        .filter(|_| ready > 0 && !waits_for_somebody)
        .map(|quota| {
            held_until_ms.unwrap_or(now) + drain_ms(quota, ready.saturating_sub(burst_left))
        });
    TenantStats {
        tenant: tenant.to_owned(),
        ready,
        scheduled: wait + later,
        running,
        open: open.unwrap_or(0),
        dead,
        burst_left,
        daily_left,
        why: why.cloned(),
        held_until_ms,
        paused,
        eta_ms,
    }
}

fn drain_ms(quota: Quota, jobs: u64) -> u64 {
    let windows = jobs.div_ceil(u64::from(quota.calls().get()));
    windows.saturating_mul(millis(quota.window()))
}
