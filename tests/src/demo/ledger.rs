//! The sandbox's books: what reached the API, whatever Penstock itself says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::admin;
use super::scene::Scene;

/// The sandbox's books and Penstock's, at one moment.
#[derive(Debug)]
pub(super) struct Books {
    /// `GET /_sandbox/summary`.
    pub(super) summary: Value,
    /// `penstock-admin stats`.
    pub(super) stats: Value,
    /// What became of each contact, in the order in which it did: (tenant, contact id) → kinds of effects.
    pub(super) histories: BTreeMap<(String, String), Vec<String>>,
}

impl Books {
    pub(super) async fn read(scene: &Scene) -> anyhow::Result<Self> {
        let stats = admin::ask(scene, &["stats"]).await?;
        let summary = scene.sandbox("summary").await?;
        let ledger = scene.sandbox("ledger").await?;
        Ok(Self {
            summary,
            stats,
            histories: histories(&ledger),
        })
    }

    /// A number of the summary, such as `/overQuota`; 0 where there is none yet.
    pub(super) fn count(&self, pointer: &str) -> u64 {
        self.summary
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or(0)
    }

    /// A number of the stats, such as `doneTotal`.
    pub(super) fn stat(&self, name: &str) -> u64 {
        self.stats[name].as_u64().unwrap_or(0)
    }
}

fn histories(ledger: &Value) -> BTreeMap<(String, String), Vec<String>> {
    let calls = ledger["calls"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut effects: Vec<_> = calls
        .iter()
        .filter(|call| call["effect"].is_object())
        .collect();
    effects.sort_by_key(|call| call["effect"]["order"].as_u64());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut histories: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for call in effects {
        let contact = (text(&call["tenant"]), text(&call["effect"]["contactId"]));
        histories
            .entry(contact)
            .or_default()
            .push(text(&call["effect"]["kind"]));
    }
    histories
}
