//! `dead retry` and `dead delete`: some by their ids, or all that match.

use std::time::Duration;

use anyhow::Context;
use penstock_shared::{
    job::Priority,
    outcome::Cause,
    program::{Exit, Failure},
    queue::{
        Queue,
        dead::DeadLetter,
        error::QueueError,
        repair::{Changed, Named, Redrive},
    },
};

use super::{pages::Pages, tally::Tally};
use crate::{
    arguments::{OneJob, Retry, Selection},
    render::Format,
    target,
};

/// `dead retry`.
pub(super) async fn retry(queue: &Queue, format: Format, retry: &Retry) -> Result<Exit, Failure> {
    let low = retry.selection.all.then_some(Priority::Low);
    let (mut number, mut ambiguous) = (0, 0);
    let exit = change(queue, format, &retry.selection, async |letters| {
        let mut redrives = Vec::new();
        for letter in letters {
            if let Some(job) = &letter.job {
                let delay = retry.rate.map(|pace| pace.delay(number));
                redrives.push(redrive(letter, low.unwrap_or(job.priority), delay));
                number += 1;
            }
        }
        let mut changed = queue.redrive(&redrives, false).await?.into_iter();
        let of = |letter: &DeadLetter| letter.job.as_ref().and_then(|_| changed.next());
        let changed = letters.iter().map(of);
        let changed: Vec<_> = changed
            .map(|changed| changed.unwrap_or(Changed::Undecodable))
            .collect();
        let sent = letters.iter().zip(&changed);
        ambiguous += sent.filter(is_ambiguous).count();
        Ok(changed)
    })
    .await?;
    if ambiguous > 0 {
        eprintln!(
            "note: {ambiguous} of these were ambiguous: what they sent is looked for once more, and if that tells no more they are ambiguous again. `dead resolve` decides"
        );
    }
    Ok(exit)
}

/// Whether it is tried again, and only a person could decide it.
fn is_ambiguous((letter, changed): &(&DeadLetter, &Changed)) -> bool {
    **changed == Changed::Ok && letter.cause == Cause::Ambiguous.as_str()
}

/// A dead letter on its way back.
pub(super) fn redrive(letter: &DeadLetter, priority: Priority, delay: Option<Duration>) -> Redrive {
    Redrive {
        letter: Named::of(letter),
        priority,
        delay: delay.unwrap_or_default(),
    }
}

/// `dead delete`.
pub(super) async fn delete(
    queue: &Queue,
    format: Format,
    selection: &Selection,
) -> Result<Exit, Failure> {
    change(queue, format, selection, async |letters| {
        let names: Vec<_> = letters.iter().map(Named::of).collect();
        queue.discard(&names).await
    })
    .await
}

/// Changes what was selected, a page at a time, and prints what came of it.
async fn change(
    queue: &Queue,
    format: Format,
    selection: &Selection,
    mut change: impl AsyncFnMut(&[DeadLetter]) -> Result<Vec<Changed>, QueueError>,
) -> Result<Exit, Failure> {
    let mut tally = Tally::default();
    let exit = if selection.all {
        let filter = selection.filters.to_filter();
        let mut pages = Pages::of(queue, filter).await?;
        while let Some(page) = pages.next(queue).await.with_context(|| so_far(&tally))? {
            if !selection.yes {
                tally.matched += page.len() as u64;
                continue;
            }
            let changed = change(&page).await.with_context(|| so_far(&tally))?;
            count(&mut tally, &page, &changed);
        }
        if tally.matched == 0 {
            eprintln!("no dead letter matches");
        } else if !selection.yes {
            eprintln!("nothing was changed: repeat with --yes to change all of these");
        }
        Exit::Done
    } else {
        let letters = by_ids(queue, selection, &mut tally).await?;
        let changed = change(&letters).await?;
        count(&mut tally, &letters, &changed);
        tally.exit()
    };
    format.row(&tally)?;
    Ok(exit)
}

fn count(tally: &mut Tally, letters: &[DeadLetter], changed: &[Changed]) {
    for (letter, changed) in letters.iter().zip(changed) {
        tally.count(letter, *changed);
    }
}

fn so_far(tally: &Tally) -> String {
    format!(
        "{} were changed before this failed, and repeating the command goes on from there",
        tally.changed
    )
}

/// The dead letters with these ids, oldest first, so that those of one contact keep their order.
async fn by_ids(
    queue: &Queue,
    selection: &Selection,
    tally: &mut Tally,
) -> Result<Vec<DeadLetter>, Failure> {
    let mut letters: Vec<DeadLetter> = Vec::new();
    for id in &selection.ids {
        let wanted = OneJob {
            id: id.clone(),
            tenant: selection.filters.tenant.clone(),
        };
        match target::find_dead(queue, &wanted).await? {
            Ok(letter) => letters.push(letter),
            Err(reason) => tally.missing(&reason),
        }
    }
    letters.sort_by(|a, b| a.key().cmp(&b.key()));
    letters.dedup_by(|a, b| a.tenant == b.tenant && a.id == b.id);
    Ok(letters)
}
