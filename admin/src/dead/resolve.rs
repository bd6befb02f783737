//! `dead resolve`: a person decides what became of what was sent.

use penstock_shared::{
    job::Priority,
    outcome::Cause,
    program::{Exit, Failure},
    queue::{Queue, dead::DeadLetter, repair::Changed},
};

use super::{bulk::redrive, tally::Tally};
use crate::{arguments::Resolve, render::Format, target};

/// `dead resolve`.
pub(super) async fn resolve(
    queue: &Queue,
    format: Format,
    decision: &Resolve,
) -> Result<Exit, Failure> {
    let letter = target::dead_letter(queue, &decision.job).await?;
    let changed = if decision.resend {
        resend(queue, &letter).await?
    } else {
        queue
            .resolve_done(&letter, decision.effect.as_deref())
            .await?
    };
    let mut tally = Tally::default();
    tally.count(&letter, changed);
    format.row(&tally)?;
    Ok(tally.exit())
}

async fn resend(queue: &Queue, letter: &DeadLetter) -> Result<Changed, Failure> {
    if letter.cause != Cause::Ambiguous.as_str() {
        return Ok(Changed::NotAmbiguous);
    }
    let job = letter.job.as_ref();
    let priority = job.map_or(Priority::Normal, |job| job.priority);
    let redrive = redrive(letter, priority, None);
    let changed = queue.redrive(&[redrive], true).await?;
    Ok(changed.first().copied().unwrap_or(Changed::Unknown))
}
