//! Learns which quarantines other workers have found too short.

use std::time::Duration;

use penstock_shared::{
    quarantine::Quarantine,
    queue::{Queue, error::QueueError},
};

use crate::patience::Patience;

/// How soon a worker knows: much sooner than any quarantine that was too short is over twice.
const EVERY: Duration = Duration::from_secs(5);

/// Learns for ever, and before anything else.
pub async fn run(queue: Queue, quarantine: Quarantine) {
    let mut patience = Patience::new("learn how late the API is");
    loop {
        match learn(&queue, &quarantine).await {
            Ok(()) => {
                patience.succeeded();
                tokio::time::sleep(EVERY).await;
            }
            Err(error) => patience.failed(&error).await,
        }
    }
}

/// Learns what is known now.
pub async fn learn(queue: &Queue, quarantine: &Quarantine) -> Result<(), QueueError> {
    for (job_type, to) in queue.raised_quarantines().await? {
        if quarantine.raise(job_type, to) {
            let quarantine = quarantine.of(job_type);
            tracing::warn!(%job_type, ?quarantine, "the API was late: its quarantine is longer than it is set");
        }
    }
    queue.lengthen_quarantine(quarantine.longest());
    Ok(())
}
