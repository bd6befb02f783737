//! The ledger in sum.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::ledger::Arrival;

/// What all calls came to, those that the ledger no longer lists included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Calls that arrived.
    pub calls: u64,
    /// Things that were changed; one call may change several.
    pub effects: u64,
    /// Effects by what was changed.
    pub effects_by_kind: BTreeMap<&'static str, u64>,
    /// Calls by operation.
    pub by_operation: BTreeMap<&'static str, u64>,
    /// Ended calls by the status of their answer; `none` had no answer.
    pub statuses: BTreeMap<Arc<str>, u64>,
    /// Ended calls by the status in their answer's body.
    pub codes: BTreeMap<i64, u64>,
    /// Calls that met a fault.
    pub faults: u64,
    /// Calls that were refused since the quota was used up.
    pub over_quota: u64,
    /// Creations that repeat an earlier one of the same contact and content, beyond the first of each.
    pub duplicates: u64,
    /// Calls that the ledger has dropped since it was full.
    pub trimmed: u64,
}

impl Summary {
    pub(super) fn count_call(&mut self, arrival: &Arrival) {
        self.calls += 1;
        self.over_quota += u64::from(arrival.over_quota);
        self.faults += u64::from(arrival.fault.is_some());
        *self.by_operation.entry(arrival.operation).or_default() += 1;
    }

    /// Counts an effect and gives it its number.
    pub(super) fn count_effect(&mut self, kind: &'static str) -> u64 {
        self.effects += 1;
        *self.effects_by_kind.entry(kind).or_default() += 1;
        self.effects
    }

    pub(super) fn count_end(&mut self, status: Option<u16>, code: Option<i64>) {
        let status = status.map_or_else(|| "none".into(), |status| status.to_string().into());
        *self.statuses.entry(status).or_default() += 1;
        if let Some(code) = code {
            *self.codes.entry(code).or_default() += 1;
        }
    }
}
