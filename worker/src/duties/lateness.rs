//! Learns which quarantines other workers have found too short, and which of them a person has set back.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    job::JobType,
    quarantine::Quarantine,
    queue::{Queue, error::QueueError},
};

use crate::patience::Patience;

/// How soon a worker knows: much sooner than any quarantine that was too short is over twice.
const EVERY: Duration = Duration::from_secs(5);

/// What was told of each job type the last time. That a person has set one back is told until it is raised again, and is heeded once: what
/// this worker itself has learnt since may not be known to the others yet.
pub type Told = HashMap<JobType, Duration>;

/// Learns for ever, after what was told before.
pub async fn run(queue: Queue, quarantine: Quarantine, mut told: Told) {
    let mut patience = Patience::new("learn how late the API is");
    loop {
        match learn(&queue, &quarantine, &told).await {
            Ok(learnt) => {
                told = learnt;
                patience.succeeded();
                tokio::time::sleep(EVERY).await;
            }
            Err(error) => patience.failed(&error).await,
        }
    }
}

/// Learns what is known now.
pub async fn learn(
    queue: &Queue,
    quarantine: &Quarantine,
    before: &Told,
) -> Result<Told, QueueError> {
    let told: Told = queue.quarantines().await?.into_iter().collect();
    let mut is_shorter = false;
    for (job_type, to) in &told {
        let is_news = before.get(job_type) != Some(to);
        if to.is_zero() && is_news && quarantine.reset(*job_type) {
            is_shorter = true;
            let quarantine = quarantine.of(*job_type);
            tracing::warn!(%job_type, ?quarantine, "a person has set its quarantine back");
        } else if quarantine.raise(*job_type, *to) {
            let quarantine = quarantine.of(*job_type);
            tracing::warn!(%job_type, ?quarantine, "the API was late: its quarantine is longer than it is set");
        }
    }
    if is_shorter {
        queue.shorten_quarantine(quarantine.longest());
    } else {
        queue.lengthen_quarantine(quarantine.longest());
    }
    Ok(told)
}
