//! What the three ledgers and the queue say at the end.

use std::collections::BTreeMap;
use std::fmt;

use penstock_shared::link::Conflict;
use penstock_shared::queue::stats::Stats;

use super::portrait::Portrait;
use super::stage::Stage;
use crate::ready::{ALERTS, STAFF};
use crate::sandbox::Kind;

/// How often something was written, by its kind.
pub(super) type Counts = BTreeMap<String, u64>;

/// All that is judged.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    /// What was changed in each system, by people and by calls.
    pub(super) ledgers: [Ledger; 3],
    /// To whom an SMS was sent how often.
    pub(super) messages: Counts,
    /// Her, before she was deleted, and after.
    pub(super) before: Portrait,
    pub(super) after: Portrait,
    /// What was decided between two systems.
    pub(super) conflicts: Vec<Conflict>,
    /// What was changed after all was told once more.
    pub(super) moved: u64,
    /// How many webhooks were sent, each twice.
    pub(super) webhooks: usize,
    pub(super) stats: Stats,
}

/// One system's ledger in sum.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    pub(super) system: &'static str,
    pub(super) written: Counts,
    pub(super) duplicates: u64,
    pub(super) over_quota: u64,
}

impl fmt::Display for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:<10} {}", self.system, told(&self.written))
    }
}

/// Counts, in a line.
pub(super) fn told(counts: &Counts) -> String {
    let counts = counts.iter().map(|(what, count)| format!("{count} {what}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// The ledgers as they are now.
pub(super) fn ledgers(stage: &Stage) -> [Ledger; 3] {
    let systems = &stage.systems;
    let (ghl, sms, crm) = (
        systems.ghl.summary(),
        systems.sms.summary(),
        systems.smore.summary(),
    );
    let kinds = ghl.effects_by_kind.iter();
    let kinds = kinds.map(|(kind, count)| (named(*kind), *count));
    [
        Ledger {
            system: "GHL",
            written: kinds.collect(),
            duplicates: ghl.duplicates,
            over_quota: ghl.over_quota,
        },
        Ledger {
            system: "SMSFactor",
            written: of_records(sms.effects_by_kind),
            duplicates: sms.duplicates,
            over_quota: sms.over_quota,
        },
        Ledger {
            system: "CRM",
            written: of_records(crm.effects_by_kind),
            duplicates: crm.duplicates,
            over_quota: crm.over_quota,
        },
    ]
}

fn named(kind: Kind) -> String {
    let name = serde_json::to_value(kind).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

/// But for the webhooks that were registered before anything happened.
fn of_records(counts: BTreeMap<&'static str, u64>) -> Counts {
    let counts = counts.into_iter();
    let counts = counts.filter(|(kind, _)| !kind.starts_with("webhook"));
    counts
        .map(|(kind, count)| (kind.to_owned(), count))
        .collect()
}

/// How many SMS went to staff, to where alerts go, and to her.
pub(super) fn messages(stage: &Stage, hers: &str) -> Counts {
    let mut counts = Counts::new();
    let effects = stage.systems.sms.effects().into_iter();
    for effect in effects.filter(|effect| effect.change.kind == "sms") {
        let whom = match effect.change.contact_id.as_deref() {
            Some(number) if number == hers => "to her",
            Some(number) if number == STAFF.1 => "to staff",
            Some(ALERTS) => "to alerts",
            _ => "to others",
        };
        *counts.entry(whom.to_owned()).or_default() += 1;
    }
    counts
}

/// How much was ever changed.
pub(super) fn effects(ledgers: &[Ledger; 3]) -> u64 {
    let counts = ledgers.iter().flat_map(|ledger| ledger.written.values());
    counts.sum()
}
