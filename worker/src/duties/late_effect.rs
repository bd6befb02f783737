//! Tells of the effects that were brought by deliveries whose jobs were others' by then: where the job is known by another effect, it is there twice.

use std::time::Duration;

use penstock_shared::queue::{
    Queue,
    error::QueueError,
    late_effect::{Became, LateEffect},
    twins::Twins,
};

use super::repeat;

/// Between two looks; a job that has not ended is looked at until it has.
const PAUSE: Duration = Duration::from_secs(2);

/// Tells for ever, whichever worker brought it.
pub async fn run(queue: Queue) {
    let round = || queue.on_each_shard(|shard| look(&queue, shard));
    repeat("tell of late effects", PAUSE, round).await;
}

async fn look(queue: &Queue, shard: u16) -> Result<(), QueueError> {
    for late in queue.late_effects(shard).await? {
        tell(queue, &late).await?;
    }
    Ok(())
}

/// Tells of it, and lets it go; not while its job has not ended: the delivery that ends it may find what was left for it. A dead letter is to have
/// no effect; of one that is done without a known effect it may be that.
async fn tell(queue: &Queue, late: &LateEffect) -> Result<(), QueueError> {
    let maker = queue.maker_of(&late.tenant, &late.effect).await?;
    // Else it was only taken to be this job's.
    if maker.is_none_or(|maker| maker == late.id) {
        match queue.became_of(late).await? {
            Became::Open => return Ok(()),
            Became::Done(Some(known)) if known != late.effect => {
                tell_twin(queue, late, Some(known)).await?;
            }
            Became::Done(Some(_)) => {}
            Became::Done(None) => warn(
                late,
                "of a job that counts as done without a known effect: look whether it is there once",
            ),
            Became::Dead => tell_twin(queue, late, None).await?,
            // Nobody knows whether it was to be there.
            Became::Gone => warn(late, "of a job that is no longer there"),
        }
    }
    // Told rather twice than never.
    queue.drop_late(late).await
}

/// Beside what the job is known by, if it is not a dead letter.
async fn tell_twin(
    queue: &Queue,
    late: &LateEffect,
    known: Option<String>,
) -> Result<(), QueueError> {
    let is_dead = known.is_none();
    let twins = Twins {
        tenant: late.tenant.clone(),
        id: late.id.clone(),
        life_ms: late.life.unwrap_or_default(),
        job_type: late.job_type.clone(),
        contact: late.contact.clone(),
        twins: known.iter().map(|_| late.effect.clone()).collect(),
        kept: known.unwrap_or_else(|| late.effect.clone()),
        removed: Vec::new(),
        dead: is_dead,
        found_ms: late.at_ms,
    };
    let new = queue.untold_of(&twins).await?;
    metrics::counter!("penstock_twins_total").increment(new);
    if new > 0 {
        tracing::warn!(
            job = twins.id,
            tenant = twins.tenant,
            kept = twins.kept,
            effect = late.effect,
            "a delivery that came too late has made this effect {}",
            if is_dead {
                "of what is a dead letter: look at it before you retry it"
            } else {
                "beside the one that the job is known by"
            }
        );
    }
    queue.tell_twins(&twins).await
}

/// Of what no twins can be written down.
fn warn(late: &LateEffect, whose: &str) {
    tracing::warn!(
        job = late.id,
        tenant = late.tenant,
        effect = late.effect,
        "a delivery that came too late has made this effect {whose}"
    );
}
