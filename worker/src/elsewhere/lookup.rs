//! Looking for a number in a list: page by page, and from one delivery to the next, since there may be many pages and few permits.

use std::time::Duration;

use penstock_shared::{
    job::Phone,
    queue::{run::field, settle::Fields},
    smsfactor::{self, Listed, Request},
};

use super::{NOT_UNDERSTOOD, refused, way::Way};
use crate::{
    assignment::Assignment,
    gate::{Stop, Turn},
};

/// How many pages one delivery reads, since it may take only so long.
const PAGES: usize = 3;

/// Every row with this number. What was found is in the journal by the time the next call has its permit: a delivery that gets none
/// does not look again.
pub(super) async fn find(
    way: Way<'_>,
    job: &Assignment,
    turn: &mut Turn<'_>,
    phone: &Phone,
    page: impl Fn(usize) -> Request,
) -> Result<Vec<Listed>, Stop> {
    if let Some(known) = known(job) {
        return Ok(known);
    }
    let run = &job.claimed.run;
    let start = run.number(field::PAGE).unwrap_or(0);
    let mut start = usize::try_from(start).unwrap_or(0);
    let mut last = None;
    for _ in 0..PAGES {
        let answer = way.send(turn, &page(start)).await?;
        let read = answer.page(smsfactor::number(phone));
        if !read.is_understood {
            // What is there would be added again, or stay though it is to go.
            return Err(refused(NOT_UNDERSTOOD, turn));
        }
        // An API that does not heed where a page begins says the same again.
        let is_repeated = last.is_some() && last == read.first;
        if !read.found.is_empty() || read.is_last(start) || is_repeated {
            learnt(turn, &read.found).await?;
            return Ok(read.found);
        }
        last = read.first;
        start += read.rows;
    }
    job.note(field::PAGE, start.to_string());
    Err(turn.postponed(Duration::ZERO, "looks through a long list"))
}

/// What an earlier delivery has found, if it has sent nothing since.
fn known(job: &Assignment) -> Option<Vec<Listed>> {
    let run = &job.claimed.run;
    if run.lost() > 0 {
        return None;
    }
    serde_json::from_str(run.text(field::SEEN)?).ok()
}

/// Writes down what there is, as far as it is known by now, and has a permit for the next call then.
pub(super) async fn learnt(turn: &mut Turn<'_>, found: &[Listed]) -> Result<(), Stop> {
    // Rows are ids and texts: there is nothing that JSON could not say.
    let seen = serde_json::to_string(found).unwrap_or_default();
    let fields = Fields::from([(field::SEEN, seen), (field::PAGE, String::new())]);
    turn.advance(fields, None).await
}

/// The same where nobody knows: the next delivery looks again.
pub(super) async fn unlearnt(turn: &mut Turn<'_>) -> Result<(), Stop> {
    let fields = Fields::from([(field::SEEN, String::new())]);
    turn.advance(fields, None).await
}

/// Something is sent now: whatever comes of it, the next delivery looks again.
pub(super) fn is_over(job: &Assignment) {
    job.note(field::SEEN, "");
}
