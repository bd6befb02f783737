//! What an idle Redis must not have any more: what would be stuck, leaked or growing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use penstock_shared::queue::keys::Keys;
use tokio::time::sleep;

use super::World;
use crate::harness::{Entry, Snapshot};

/// By then it is told what came late, as long as a worker lives.
const TOLD: Duration = Duration::from_secs(10);
/// More entries than a ring of returning permits ever has.
const RING: usize = 220;

impl World {
    /// It, in words: nothing if all jobs have ended.
    pub(super) async fn leftovers(&self) -> Vec<String> {
        self.until_told().await;
        let keys = self.queue.keys(0);
        let snapshot = self.redis.snapshot().await;
        let mut found = Vec::new();
        for (key, entry) in &snapshot.0 {
            found.extend(stuck(keys, key, entry));
            found.extend(leaked(keys, key, &snapshot));
            found.extend(uneven(keys, key, entry));
        }
        found
    }

    /// Workers look now and then whether what came late is there twice.
    pub async fn until_told(&self) {
        let began = Instant::now();
        while began.elapsed() < TOLD {
            let late = self.queue.late_effects(0).await;
            if late.is_ok_and(|late| late.is_empty()) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Where jobs stand that have not ended: there are none of these.
fn stuck(keys: &Keys, key: &str, entry: &Entry) -> Option<String> {
    let whole = [
        keys.running(),
        keys.leases(),
        keys.groups(),
        keys.refused(),
        keys.late_effects(),
    ];
    let families = [
        keys.line(""),
        keys.ghosts(""),
        keys.due(""),
        keys.high(""),
        keys.wait(""),
        keys.later(""),
        keys.turns(""),
        keys.seq(""),
        keys.blocked(""),
        keys.priority(""),
    ];
    let is_stuck =
        whole.iter().any(|own| own == key) || families.iter().any(|family| key.starts_with(family));
    is_stuck.then(|| format!("{key} is still there: {entry:?}"))
}

/// What is kept of a job beside itself goes with its end, unless it is dead.
fn leaked(keys: &Keys, key: &str, snapshot: &Snapshot) -> Option<String> {
    let families = [keys.run(""), keys.history("")];
    let job = families
        .iter()
        .find_map(|family| key.strip_prefix(family))?;
    let dead = match snapshot.0.get(&keys.dead()) {
        Some(Entry::Sorted(dead)) => dead.contains_key(job),
        _ => false,
    };
    (!dead).then(|| format!("{key} is of a job that is not dead"))
}

/// Sums that must be even again, and rings that must be short.
fn uneven(keys: &Keys, key: &str, entry: &Entry) -> Option<String> {
    let fields = |fields: &BTreeMap<String, String>, names: &[&str]| {
        let open = names.iter().find(|name| {
            let value = fields.get(**name);
            value.is_some_and(|value| value != "0")
        })?;
        Some(format!("{key} has {open} = {}", fields[*open]))
    };
    match entry {
        Entry::Hash(all) if key == keys.counts() => fields(all, &["open", "blocked"]),
        Entry::Hash(all) if key == keys.open() => {
            let tenants: Vec<_> = all.keys().map(String::as_str).collect();
            fields(all, &tenants)
        }
        Entry::Hash(all) if key.starts_with(&keys.lane("")) => {
            fields(all, &["flying", "ghosts", "open"])
        }
        Entry::Sorted(ring) if is_ring(keys, key) && ring.len() > RING => {
            Some(format!("{key} has {} entries", ring.len()))
        }
        _ => None,
    }
}

fn is_ring(keys: &Keys, key: &str) -> bool {
    key.starts_with(&keys.burst("")) || key.starts_with(&keys.day(""))
}
