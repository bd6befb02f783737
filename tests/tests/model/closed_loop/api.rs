//! The API as it counts: every call, ours or another's, at the moment at which it arrives.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use penstock_shared::quota::{Quota, RateReport};

use super::known::HOUR;
use crate::{permits::ms, windows};

/// Burst and daily.
pub(crate) type Quotas = [Quota; 2];

/// Quotas in force, and how often they had changed before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    pub(crate) number: u32,
    pub(crate) quotas: Quotas,
}

/// How a server cuts time into windows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// One after the other; the first began so long (ms) before the clock's zero.
    Fixed(u64),
    /// The last so many milliseconds, whenever they are asked for.
    Sliding,
}

impl Shape {
    /// When the window began that counts at this moment.
    fn begin(self, window: u64, at: u64) -> u64 {
        match self {
            Self::Fixed(phase) => at - (at + phase) % window,
            Self::Sliding => at + 1 - window,
        }
    }
}

/// What it has counted, and what it says.
#[derive(Debug)]
pub(crate) struct Api {
    shape: Shape,
    /// What it allows now, and announces.
    pub(crate) limits: Quotas,
    /// All calls, whoever made them.
    counted: Vec<u64>,
    /// Ours, each with what was in force when it was claimed.
    ours: Vec<(u64, Epoch)>,
    others: Vec<u64>,
    /// The most that it allowed at all times beyond what is configured, for others.
    surplus: [u64; 2],
}

impl Api {
    pub(crate) fn new(shape: Shape, configured: Quotas) -> Self {
        Self {
            shape,
            limits: configured,
            counted: Vec::new(),
            ours: Vec::new(),
            others: Vec::new(),
            surplus: [u64::MAX; 2],
        }
    }

    /// From now on it allows this.
    pub(crate) fn allow(&mut self, limits: Quotas, configured: Quotas) {
        self.limits = limits;
        for (window, surplus) in self.surplus.iter_mut().enumerate() {
            let more = calls(limits[window]).saturating_sub(calls(configured[window]));
            *surplus = more.min(*surplus);
        }
    }

    /// The most calls of others that any report can have told of, which is believed yet: what these have made within two windows, beyond
    /// what was allowed them.
    pub(crate) fn most_of_others(&self, now: u64) -> [u64; 2] {
        let since = |from: u64| self.others.iter().filter(|call| **call > from).count() as u64;
        let windows = self
            .limits
            .map(|quota| 2 * ms(quota) + ms(quota).div_ceil(100));
        let burst = since(now.saturating_sub(windows[0]));
        let day = since(now.saturating_sub(windows[1].max(ms(self.limits[1]) + HOUR)));
        [
            burst.saturating_sub(self.surplus[0]),
            day.saturating_sub(self.surplus[1]),
        ]
    }

    /// A call of ours arrives; what the response says.
    pub(crate) fn call(&mut self, at: u64, in_force: Epoch) -> RateReport {
        self.counted.push(at);
        self.ours.push((at, in_force));
        let [burst, daily] = self.limits;
        RateReport {
            burst_limit: Some(burst.calls().get()),
            burst_remaining: Some(self.left(burst, at)),
            interval: Some(burst.window()),
            daily_limit: Some(daily.calls().get()),
            daily_remaining: Some(self.left(daily, at)),
        }
    }

    /// Calls of somebody else arrive.
    pub(crate) fn call_of_others(&mut self, at: u64, count: u64) {
        self.counted.extend((0..count).map(|_| at));
        self.others.extend((0..count).map(|_| at));
    }

    fn left(&self, quota: Quota, at: u64) -> u32 {
        let begin = self.shape.begin(ms(quota), at);
        let counted = self.counted.iter().filter(|call| **call >= begin).count();
        let counted = u32::try_from(counted).expect("few calls");
        quota.calls().get().saturating_sub(counted)
    }

    /// Our calls keep to these quotas in every window, and those made under quotas that were told keep to them.
    pub(crate) fn check(&self, configured: Quotas) -> Result<()> {
        let all: Vec<_> = self.ours.iter().map(|(at, _)| *at).collect();
        windows::keep(&all, configured)?;
        let mut epochs: BTreeMap<u32, (Quotas, Vec<u64>)> = BTreeMap::new();
        for (at, epoch) in &self.ours {
            let (_, calls) = epochs
                .entry(epoch.number)
                .or_insert((epoch.quotas, Vec::new()));
            calls.push(*at);
        }
        let mut epochs = epochs.values();
        epochs.try_for_each(|(quotas, calls)| windows::keep(calls, *quotas))
    }
}

fn calls(quota: Quota) -> u64 {
    quota.calls().get().into()
}

/// A quota in milliseconds.
pub(crate) fn quota(calls: u32, window: u64) -> Quota {
    Quota::new(calls, Duration::from_millis(window)).expect("a quota")
}
