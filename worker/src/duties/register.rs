//! Tells every shard of this worker and its quotas, and says so when another worker's lower quota counts.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    queue::{Queue, error::QueueError},
    quota::Quota,
};

use crate::patience::Patience;

/// Tells now; returns the quotas in force, the lowest of all living workers'.
pub async fn now(
    queue: &Queue,
    worker: &str,
    quotas: (Quota, Quota),
) -> Result<(Quota, Quota), QueueError> {
    let about = HashMap::from([
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("pid".to_owned(), std::process::id().to_string()),
    ]);
    let mut in_force = quotas;
    for shard in 0..queue.shards() {
        in_force = queue.register(shard, worker, quotas, &about).await?;
    }
    Ok(in_force)
}

/// Tells it again and again: other workers come and go.
pub async fn run(queue: Queue, worker: String, quotas: (Quota, Quota)) {
    let mut said = quotas;
    let mut patience = Patience::new("register");
    loop {
        match now(&queue, &worker, quotas).await {
            Ok(in_force) => {
                patience.succeeded();
                if in_force != said {
                    tracing::warn!(burst = %in_force.0, daily = %in_force.1, own_burst = %quotas.0, own_daily = %quotas.1,
                        "workers differ in their quotas: the lowest counts");
                    said = in_force;
                }
                tokio::time::sleep(Duration::min(queue.terms().lease, Duration::from_secs(5)))
                    .await;
            }
            Err(error) => patience.failed(&error).await,
        }
    }
}
