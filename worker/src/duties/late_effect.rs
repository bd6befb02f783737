//! Tells of the effects that were brought by deliveries whose jobs were others' by then: where the job is known by another effect, it is there twice.

use std::time::Duration;

use penstock_shared::queue::{
    Queue, error::QueueError, late_effect::LateEffect, status::JobStatus, twins::Twins,
};

use crate::patience::Patience;

/// Between two looks; a job that has not ended is looked at until it has.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells for ever, whichever worker brought it.
pub async fn run(queue: Queue) {
    let mut patience = Patience::new("tell of late effects");
    loop {
        match round(&queue).await {
            Ok(()) => {
                patience.succeeded();
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => patience.failed(&error).await,
        }
    }
}

async fn round(queue: &Queue) -> Result<(), QueueError> {
    for shard in 0..queue.shards() {
        for late in queue.late_effects(shard).await? {
            if is_told(queue, &late).await? {
                queue.drop_late(shard, &late).await?;
            }
        }
    }
    Ok(())
}

/// Whether there is nothing more to be told of it; not, while its job has not ended: the delivery that ends it may find what was left for it.
async fn is_told(queue: &Queue, late: &LateEffect) -> Result<bool, QueueError> {
    let maker = queue.maker_of(&late.tenant, &late.effect).await?;
    if maker.is_some_and(|maker| maker != late.id) {
        // It was only taken to be this job's.
        return Ok(true);
    }
    let found = queue.find(&late.id, Some(&late.tenant)).await?.pop();
    let Some(status) = found else {
        tracing::warn!(
            job = late.id,
            tenant = late.tenant,
            effect = late.effect,
            "a delivery that came too late has made this effect of a job that is no longer there"
        );
        return Ok(true);
    };
    if status.ended_ms().is_none() {
        return Ok(false);
    }
    if let Some(twins) = twins(late, status) {
        tell(queue, &twins, &late.effect).await?;
    }
    Ok(true)
}

/// What there is one of too many. A dead letter is to have none; of one that is done without a known effect nobody can tell.
fn twins(late: &LateEffect, status: JobStatus) -> Option<Twins> {
    let is_dead = status.done.is_none();
    let known = status.done.and_then(|(done, _)| done.effect);
    let (kept, twins) = match known {
        Some(known) if known != late.effect => (known, vec![late.effect.clone()]),
        None if is_dead => (late.effect.clone(), Vec::new()),
        _ => return None,
    };
    Some(Twins {
        tenant: late.tenant.clone(),
        id: late.id.clone(),
        job_type: late.job_type.clone(),
        contact: late.contact.clone(),
        kept,
        twins,
        removed: Vec::new(),
        dead: is_dead,
        found_ms: late.at_ms,
    })
}

async fn tell(queue: &Queue, twins: &Twins, effect: &str) -> Result<(), QueueError> {
    let new = queue.tell_twins(twins).await?;
    metrics::counter!("penstock_twins_total").increment(new);
    if new > 0 {
        tracing::warn!(
            job = twins.id,
            tenant = twins.tenant,
            kept = twins.kept,
            effect,
            "a delivery that came too late has made this effect {}",
            if twins.dead {
                "of what is a dead letter: look at it before you retry it"
            } else {
                "beside the one that the job is known by"
            }
        );
    }
    Ok(())
}
