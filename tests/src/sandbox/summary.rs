//! The ledger in sum.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::api::effect::{Change, Kind};

/// What all calls came to, those that the ledger no longer lists included.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Calls that arrived.
    pub calls: u64,
    /// Calls that changed something.
    pub effects: u64,
    /// Effects by what was changed.
    pub effects_by_kind: BTreeMap<Kind, u64>,
    /// Calls by operationId.
    pub by_operation: BTreeMap<&'static str, u64>,
    /// Calls, effects and refusals by tenant.
    pub by_tenant: BTreeMap<Arc<str>, TenantSummary>,
    /// Ended calls by the status of their answer; `none` had no answer.
    pub statuses: BTreeMap<Arc<str>, u64>,
    /// Calls that met a fault.
    pub faults: u64,
    /// Calls that were refused since their tenant's quota was used up.
    pub over_quota: u64,
    /// Creations that repeat an earlier one of the same contact and content, beyond the first of each.
    pub duplicates: u64,
    /// Calls that the ledger has dropped since it was full.
    pub trimmed: u64,
    /// Every creation seen, by fingerprint.
    #[serde(rename = "duplicated", serialize_with = "only_repeated")]
    creations: HashMap<String, Creations>,
}

/// One tenant's share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantSummary {
    /// Calls that arrived.
    pub calls: u64,
    /// Calls that changed something.
    pub effects: u64,
    /// Calls that were refused since the quota was used up.
    pub over_quota: u64,
}

/// Creations that nobody could tell apart. They may be meant: two jobs can want the same text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Creations {
    /// What was created.
    pub kind: Kind,
    /// The contact that has them; of contacts, the first.
    pub contact_id: Option<String>,
    /// The ids given, in order.
    pub ids: Vec<String>,
}

impl Summary {
    /// The creations that were repeated, in no order.
    pub fn duplicated(&self) -> impl Iterator<Item = &Creations> {
        self.creations
            .values()
            .filter(|creations| creations.ids.len() > 1)
    }

    /// A copy, without the creations that were not repeated: there may be millions.
    pub(super) fn snapshot(&self) -> Self {
        let repeated = self
            .creations
            .iter()
            .filter(|(_, creations)| creations.ids.len() > 1);
        let creations = repeated
            .map(|(fingerprint, creations)| (fingerprint.clone(), creations.clone()))
            .collect();
        Self {
            effects_by_kind: self.effects_by_kind.clone(),
            by_operation: self.by_operation.clone(),
            by_tenant: self.by_tenant.clone(),
            statuses: self.statuses.clone(),
            creations,
            ..*self
        }
    }

    pub(super) fn count_call(
        &mut self,
        tenant: &Arc<str>,
        operation: &'static str,
        over_quota: bool,
        fault: bool,
    ) {
        self.calls += 1;
        self.over_quota += u64::from(over_quota);
        self.faults += u64::from(fault);
        *self.by_operation.entry(operation).or_default() += 1;
        let tenant = self.by_tenant.entry(Arc::clone(tenant)).or_default();
        tenant.calls += 1;
        tenant.over_quota += u64::from(over_quota);
    }

    pub(super) fn count_end(&mut self, status: Option<u16>) {
        let status = status.map_or_else(|| "none".into(), |status| status.to_string().into());
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Counts an effect and gives it its number.
    pub(super) fn count_effect(&mut self, tenant: &Arc<str>, change: &Change) -> u64 {
        self.effects += 1;
        *self.effects_by_kind.entry(change.kind).or_default() += 1;
        self.by_tenant
            .entry(Arc::clone(tenant))
            .or_default()
            .effects += 1;
        if change.kind.is_creation() {
            self.count_creation(change);
        }
        self.effects
    }

    fn count_creation(&mut self, change: &Change) {
        let first = || Creations {
            kind: change.kind,
            contact_id: change.contact_id.clone(),
            ids: Vec::new(),
        };
        let creations = self
            .creations
            .entry(change.fingerprint.clone())
            .or_insert_with(first);
        self.duplicates += u64::from(!creations.ids.is_empty());
        creations.ids.extend(change.id.clone());
    }
}

fn only_repeated<S: serde::Serializer>(
    creations: &HashMap<String, Creations>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row<'a> {
        fingerprint: &'a str,
        #[serde(flatten)]
        creations: &'a Creations,
    }
    let repeated = creations
        .iter()
        .filter(|(_, creations)| creations.ids.len() > 1);
    let mut rows: Vec<Row<'_>> = repeated
        .map(|(fingerprint, creations)| Row {
            fingerprint,
            creations,
        })
        .collect();
    rows.sort_unstable_by(|a, b| a.creations.ids.cmp(&b.creations.ids));
    serializer.collect_seq(rows)
}
