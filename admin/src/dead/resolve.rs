//! `dead resolve`: a person decides what became of what was sent.

use anyhow::anyhow;
use penstock_shared::{
    job::Priority,
    outcome::Cause,
    program::{Exit, Failure},
    queue::{Queue, dead::DeadLetter, repair::Changed},
};

use super::{bulk::redrive, tally::Tally};
use crate::{
    arguments::{OneJob, Resolve},
    render::Format,
    target,
};

/// `dead resolve`.
pub(super) async fn resolve(
    queue: &Queue,
    format: Format,
    decision: &Resolve,
) -> Result<Exit, Failure> {
    if decision.effect.is_some() && decision.ids.len() > 1 {
        return Err(Failure::bad_input(anyhow!(
            "--effect is the effect of one dead letter, and {} are named: resolve that one by itself",
            decision.ids.len()
        )));
    }
    let letters = all_of(queue, decision).await?;
    let mut tally = Tally::default();
    for letter in &letters {
        let changed = if decision.resend {
            resend(queue, letter).await?
        } else {
            let effect = decision.effect.as_deref();
            queue.resolve_done(letter, effect).await?
        };
        tally.count(letter, changed);
    }
    format.row(&tally)?;
    Ok(tally.exit())
}

/// The dead letters that are named: all of them, or none.
async fn all_of(queue: &Queue, decision: &Resolve) -> Result<Vec<DeadLetter>, Failure> {
    let (mut letters, mut reasons) = (Vec::new(), Vec::new());
    for id in &decision.ids {
        let wanted = OneJob {
            id: id.clone(),
            tenant: decision.tenant.clone(),
        };
        match target::find_dead(queue, &wanted).await? {
            Ok(letter) => letters.push(letter),
            Err(reason) => reasons.push(format!("  {reason}")),
        }
    }
    if reasons.is_empty() {
        return Ok(letters);
    }
    let reasons = reasons.join("\n");
    Err(Failure::bad_input(anyhow!(
        "nothing was changed:\n{reasons}"
    )))
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
