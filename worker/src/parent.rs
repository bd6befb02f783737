//! What a job needs of another one that it refers to: it waits for that one's end.

use std::time::Duration;

use penstock_shared::{
    job::{ContactId, Parent, PathId, Payload},
    outcome::{Cause, Fault, Outcome},
    queue::{
        parent::{Standing, contact_in},
        run::field,
    },
    span::millis,
};
use serde_json::Value;

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
};

/// When one that has not ended is looked at again: mostly it stands before this job, which is not looked at then.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// When one that is dead is looked at again.
const LOOK_SELDOM: Duration = Duration::from_secs(30);
/// For so long one that nobody knows is waited for: another producer may still be about to store it.
const STORED_LATE: Duration = Duration::from_secs(120);

/// The contact of the job that this one refers to.
pub async fn contact(
    courier: &Courier,
    job: &Assignment,
    parent: &Parent,
    calls: &Calls<'_>,
) -> Result<ContactId, Stop> {
    let result = result_of(courier, job, parent, calls).await?;
    contact_in(&result).ok_or_else(|| useless(parent, "contact", calls))
}

/// The same payload about the task or note that another job has made, if it is given so.
pub async fn about_effect(
    courier: &Courier,
    job: &Assignment,
    payload: &Payload,
    calls: &Calls<'_>,
) -> Result<Option<Payload>, Stop> {
    let Some(parent) = payload.effect_of() else {
        return Ok(None);
    };
    let result = result_of(courier, job, &parent, calls).await?;
    let (name, what) = match payload {
        Payload::UpdateNote(_) | Payload::DeleteNote(_) => ("noteId", "note"),
        _ => ("taskId", "task"),
    };
    let id = result.get(name).and_then(Value::as_str);
    let id = id.and_then(|id| id.parse::<PathId>().ok());
    let id = id.ok_or_else(|| useless(&parent, what, calls))?;
    Ok(Some(payload.clone().about_effect(id)))
}

/// What the other job came to, once it is done.
pub async fn result_of(
    courier: &Courier,
    job: &Assignment,
    parent: &Parent,
    calls: &Calls<'_>,
) -> Result<Value, Stop> {
    let tenant = job.reference().tenant();
    let standings = courier
        .queue
        .standings(tenant, std::slice::from_ref(&parent.job))
        .await;
    let standings = standings.map_err(|_| calls.postponed(LOOK_AGAIN, "waits for Redis"))?;
    match standings.into_iter().next().unwrap_or(Standing::Unknown) {
        Standing::Done(result) => Ok(result),
        Standing::Open => Err(calls.postponed(LOOK_AGAIN, "waits for the job that it refers to")),
        // If somebody retries that one, it joins the sequence at its end: behind this job it would wait for ever.
        Standing::Dead if parent.wait => Err(Outcome::SteppedAside {
            wait: LOOK_SELDOM,
            permit: calls.permit(),
        }
        .into()),
        Standing::Dead => Err(dead("the job that it refers to is dead", parent, calls)),
        Standing::Unknown => Err(unknown(job, parent, calls)),
    }
}

fn unknown(job: &Assignment, parent: &Parent, calls: &Calls<'_>) -> Stop {
    let first = job.claimed.run.number(field::LOOKUP);
    let first = first.unwrap_or(job.steady.latest_ms());
    if job.steady.earliest_ms().saturating_sub(first) >= millis(STORED_LATE) {
        let why = "the job that it refers to is not known: it was never stored, or was done longer ago than PENSTOCK_RETENTION";
        return dead(why, parent, calls);
    }
    job.note(field::LOOKUP, first.to_string());
    calls.postponed(
        LOOK_AGAIN,
        "waits for the job that it refers to, which nobody has stored",
    )
}

fn dead(why: &str, parent: &Parent, calls: &Calls<'_>) -> Stop {
    Outcome::Rejected {
        cause: Cause::ParentDead,
        fault: Fault::new(format!("{why} ({})", parent.job)),
        permit: calls.permit(),
    }
    .into()
}

fn useless(parent: &Parent, what: &str, calls: &Calls<'_>) -> Stop {
    Outcome::Rejected {
        cause: Cause::Rejected,
        fault: Fault::new(format!(
            "the job that it refers to ({}) is done, and has no {what}",
            parent.job
        )),
        permit: calls.permit(),
    }
    .into()
}
