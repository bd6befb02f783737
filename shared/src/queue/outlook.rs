//! What a lane can do next: the calls left in its windows, when more come back, and whether anybody works.

use std::collections::HashMap;

use super::{Queue, claim::read_quota, error::QueueError, reference::Lane};
use crate::{quota::Quota, span::millis};

/// One window of a lane's quota, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The quota that counts: the lane's own, or the one in force.
    pub quota: Quota,
    /// Calls that may still be made.
    pub left: u64,
    /// When (ms) the next call comes back; `None` if none was made, or every one is still in flight.
    pub next_ms: Option<u64>,
}

/// What a lane can do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// The burst window; `None` before any worker has registered a quota.
    pub burst: Option<Window>,
    /// The daily window.
    pub daily: Option<Window>,
    /// The lane's share among others, if it has one of its own.
    pub weight: Option<u32>,
    /// Whether the lane's tenant ever had a job here.
    pub known: bool,
    /// Workers alive.
    pub workers: u64,
}

/// The lane's hash, the quotas in force, the two rings, membership of the tenants, and the living workers.
type Raw = (
    HashMap<String, String>,
    [Option<String>; 2],
    Vec<String>,
    Vec<String>,
    bool,
    u64,
);

impl Queue {
    /// What a lane can do next.
    pub async fn outlook(&self, lane: &Lane) -> Result<Outlook, QueueError> {
        let now = self.now().await?;
        let keys = self.keys_of(lane.tenant());
        let mut pipeline = redis::pipe();
        pipeline.cmd("HGETALL").arg(keys.lane(lane.as_str()));
        pipeline
            .cmd("HMGET")
            .arg(keys.config())
            .arg("burst")
            .arg("daily");
        for ring in [keys.burst(lane.as_str()), keys.day(lane.as_str())] {
            pipeline
                .cmd("ZRANGEBYSCORE")
                .arg(ring)
                .arg(format!("({now}"))
                .arg("+inf");
        }
        pipeline
            .cmd("SISMEMBER")
            .arg(keys.tenants())
            .arg(lane.tenant());
        pipeline
            .cmd("ZCOUNT")
            .arg(keys.workers())
            .arg(now.saturating_sub(millis(self.terms().lease) * 2))
            .arg("+inf");
        let raw: Raw = self.connection().run_all(&pipeline).await?;
        Ok(outlook(raw))
    }
}

fn outlook((fields, [burst, daily], burst_ring, day_ring, known, workers): Raw) -> Outlook {
    let flying = number(&fields, "flying").unwrap_or(0);
    let window = |name: &str, in_force: Option<String>, ring: &[String]| {
        let stored = fields.get(name).cloned().or(in_force)?;
        read_quota(&stored).map(|quota| window(quota, flying, ring))
    };
    Outlook {
        burst: window("burst", burst, &burst_ring),
        daily: window("daily", daily, &day_ring),
        weight: number(&fields, "weight").and_then(|weight| weight.try_into().ok()),
        known,
        workers,
    }
}

fn window(quota: Quota, flying: u64, ring: &[String]) -> Window {
    let next = ring.first().and_then(|entry| entry.split_once(':'));
    Window {
        quota,
        left: calls_left(quota, flying, ring),
        next_ms: next.and_then(|(moment, _)| moment.parse().ok()),
    }
}

/// The calls of a window that are neither in flight nor yet to come back.
pub(super) fn calls_left(quota: Quota, flying: u64, ring: &[String]) -> u64 {
    let counts = ring
        .iter()
        .filter_map(|entry| entry.split_once(':')?.1.parse::<u64>().ok());
    u64::from(quota.calls().get()).saturating_sub(counts.sum::<u64>() + flying)
}

fn number(fields: &HashMap<String, String>, name: &str) -> Option<u64> {
    fields.get(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(fields: &[(&str, &str)], ring: &[&str]) -> Raw {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        let ring: Vec<String> = ring.iter().map(|entry| (*entry).into()).collect();
        let in_force = [Some("100/10000".into()), Some("200000/86400000".into())];
        (fields, in_force, ring.clone(), ring, true, 2)
    }

    #[test]
    fn calls_in_flight_and_those_not_yet_back_are_taken() {
        let outlook = outlook(raw(&[("flying", "3")], &["5000:60", "6000:37"]));
        let burst = outlook.burst.unwrap();
        assert_eq!((burst.left, burst.next_ms), (0, Some(5000)));
        assert_eq!(outlook.daily.unwrap().left, 199_900);
    }

    #[test]
    fn an_own_quota_goes_before_the_one_in_force() {
        let outlook = outlook(raw(&[("burst", "7/1000"), ("weight", "4")], &[]));
        let burst = outlook.burst.unwrap();
        assert_eq!((burst.quota.to_string(), burst.left), ("7/1s".into(), 7));
        assert_eq!((burst.next_ms, outlook.weight), (None, Some(4)));
    }

    #[test]
    fn without_a_quota_there_is_no_window() {
        let mut raw = raw(&[], &[]);
        raw.1 = [None, None];
        assert_eq!(outlook(raw).burst, None);
    }
}
