//! Whole states, before and after.

use penstock_tests::{
    fixture::Bench,
    harness::{Entry, Snapshot},
};

/// All that Redis holds but what every claim and every renewal writes: `workers` and `worker:…` (who lives, and its last request), and
/// the field `pulse` of `config` (when any worker was heard last).
pub(crate) async fn lasting(bench: &Bench) -> Snapshot {
    let keys = bench.queue().keys(0).clone();
    let (workers, worker) = (keys.workers(), keys.worker(""));
    let snapshot = bench.snapshot().await;
    let mut snapshot = snapshot.without(|key| key == workers || key.starts_with(&worker));
    if let Some(Entry::Hash(config)) = snapshot.0.get_mut(&keys.config()) {
        config.remove("pulse");
    }
    snapshot
}

/// A field of a hash, if it is there.
pub(crate) async fn field(bench: &Bench, key: &str, name: &str) -> Option<String> {
    bench.server.get(["HGET", key, name]).await
}

/// A field of a job's run.
pub(crate) async fn run_field(bench: &Bench, id: &str, name: &str) -> Option<String> {
    let key = bench.queue().keys(0).run(&format!("acme/{id}"));
    field(bench, &key, name).await
}
