//! Tells every shard of this worker, its quotas and its slots, and says so when another worker's differ.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    queue::{
        Queue,
        claim::InForce,
        crew::{LACKS, SLOTS},
        error::QueueError,
    },
    quota::{Quota, Quotas},
};

use crate::patience::Patience;

/// Tells now; returns the quotas in force.
pub async fn now(
    queue: &Queue,
    worker: &str,
    quotas: &Quotas,
    slots: usize,
) -> Result<InForce, QueueError> {
    let about = HashMap::from([
        ("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("pid".to_owned(), std::process::id().to_string()),
        (SLOTS.to_owned(), slots.to_string()),
        (LACKS.to_owned(), queue.lacking().join("\n")),
    ]);
    let mut in_force = alone(quotas.ghl);
    for shard in 0..queue.shards() {
        in_force = queue
            .register(shard, worker, quotas.clone(), &about)
            .await?;
    }
    Ok(in_force)
}

fn alone((burst, daily): (Quota, Quota)) -> InForce {
    InForce {
        burst,
        daily,
        differ: false,
    }
}

/// Tells it again and again: other workers come and go.
pub async fn run(queue: Queue, worker: String, quotas: Quotas, slots: usize) {
    let mut said = alone(quotas.ghl);
    let mut patience = Patience::new("register");
    loop {
        match now(&queue, &worker, &quotas, slots).await {
            Ok(in_force) => {
                patience.succeeded();
                if in_force != said {
                    let (burst, daily) = (in_force.burst, in_force.daily);
                    if in_force.differ {
                        tracing::warn!(%burst, %daily, own_burst = %quotas.ghl.0, own_daily = %quotas.ghl.1,
                            "workers differ in their quotas: the lowest counts");
                    } else {
                        tracing::info!(%burst, %daily, "all workers have the same quotas");
                    }
                    said = in_force;
                }
                tokio::time::sleep(Duration::min(queue.terms().lease, Duration::from_secs(5)))
                    .await;
            }
            Err(error) => patience.failed(&error).await,
        }
    }
}
