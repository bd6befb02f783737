//! One thing that limits a lane's calls.

use std::collections::BTreeMap;

use super::{Conditions, Limit};
use crate::{queue::ledger::Window, span::millis};

/// What lets so many calls through, and one more whenever one comes back.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) limit: Limit,
    /// So many.
    pub(super) calls: u64,
    /// When a call comes back: so long after it was sent, …
    span: u64,
    /// … rounded up to a whole number of these.
    grain: u64,
    /// Those that may go through now; below zero if more are out than may be.
    pub(super) free: i64,
    /// What comes back, by moment.
    pub(super) returns: BTreeMap<u64, u64>,
    /// How long calls have waited for it.
    pub(super) waited: u64,
}

impl Gate {
    /// A window of the ledger.
    pub(super) fn window(limit: Limit, window: &Window, conditions: &Conditions) -> Self {
        let length = millis(window.quota.window());
        let mut gate = Self {
            limit,
            calls: window.allowed(conditions.high),
            span: length.saturating_add(conditions.call_ms),
            grain: length.div_ceil(100).max(1),
            free: signed(window.allowed(conditions.high)) - signed(window.taken),
            returns: BTreeMap::new(),
            waited: 0,
        };
        for (moment, count) in &window.returns {
            *gate.returns.entry(*moment).or_default() += count;
        }
        gate
    }

    /// A share of the workers' slots. Less than one is one for a part of the time.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "slots and milliseconds are small, and a cast saturates"
    )]
    pub(super) fn slots(slots: f64, flying: u64, conditions: &Conditions) -> Self {
        let calls = slots.round().max(1.0);
        let span = conditions.call_ms.max(1) as f64 * calls / slots;
        Self {
            limit: Limit::Slots,
            calls: calls as u64,
            span: span as u64,
            grain: 1,
            free: signed(calls as u64) - signed(flying),
            returns: BTreeMap::new(),
            waited: 0,
        }
    }

    /// The calls in flight are taken already; they have been for half of their time, in the mean.
    pub(super) fn fly(&mut self, flying: u64, conditions: &Conditions) {
        if flying > 0 {
            let sent = conditions.now_ms.saturating_sub(conditions.call_ms / 2);
            *self.returns.entry(self.back(sent)).or_default() += flying;
        }
    }

    /// When a call comes back that is sent then.
    pub(super) fn back(&self, sent: u64) -> u64 {
        let back = sent.saturating_add(self.span);
        back.div_ceil(self.grain).saturating_mul(self.grain)
    }

    /// From one call to the one that has its place again.
    pub(super) fn lap(&self) -> u64 {
        self.back(0)
    }

    /// How long so many calls take, of ever more.
    pub(super) fn time_for(&self, calls: u64) -> u64 {
        let time = (u128::from(calls) * u128::from(self.lap())).div_ceil(u128::from(self.calls));
        u64::try_from(time).unwrap_or(u64::MAX)
    }

    /// How many it lets through now.
    pub(super) fn room(&self) -> u64 {
        u64::try_from(self.free).unwrap_or(0)
    }

    /// When it lets one through: 0 if at once, `None` if never.
    pub(super) fn opens(&self) -> Option<u64> {
        let mut free = self.free;
        if free > 0 {
            return Some(0);
        }
        let mut returns = self.returns.iter();
        let opening = returns.find(|(_, count)| {
            free += signed(**count);
            free > 0
        });
        opening.map(|(moment, _)| *moment)
    }

    /// Takes back what has come back by then.
    pub(super) fn collect(&mut self, at: u64) {
        while let Some(first) = self
            .returns
            .first_entry()
            .filter(|entry| *entry.key() <= at)
        {
            self.free += signed(first.remove());
        }
    }

    /// So many calls are sent then.
    pub(super) fn take(&mut self, count: u64, at: u64) {
        self.free -= signed(count);
        *self.returns.entry(self.back(at)).or_default() += count;
    }

    /// All that is to come back does so that much later.
    pub(super) fn postpone(&mut self, by: u64) {
        let returns = std::mem::take(&mut self.returns).into_iter();
        let returns = returns.map(|(moment, count)| (moment.saturating_add(by), count));
        self.returns = returns.collect();
    }
}

pub(super) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
