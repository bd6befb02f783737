//! What a job needs of another one that it refers to: it waits for that one's end.

use std::time::Duration;

use penstock_shared::{
    job::{ContactId, Parent, PathId, Payload},
    outcome::{Cause, Fault, Outcome},
    queue::{
        circle::Circle,
        parent::{Standing, contact_in},
        record::Record,
        run::field,
    },
    retry::Backoff,
    seal::KeyId,
    span::millis,
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::{Courier, FOR_ANOTHER},
    journal,
};

/// When one that has not ended, or is dead, is looked at again: ever less often.
const LOOK: Backoff = Backoff {
    first: Duration::from_secs(5),
    longest: Duration::from_secs(60),
};
/// For so long one that nobody knows is waited for: another producer may still be about to store it.
const STORED_LATE: Duration = Duration::from_secs(120);

/// The contact of the job that this one refers to. As long as nobody knows what became of a call of this one, that is not over with the other.
pub async fn contact(
    courier: &Courier,
    job: &Assignment,
    parent: &Parent,
    calls: &Calls<'_>,
) -> Result<ContactId, Stop> {
    let result = result_of(courier, job, parent, calls).await;
    let contact = result
        .and_then(|result| contact_in(&result).ok_or_else(|| useless(parent, "contact", calls)));
    contact.map_err(|stop| match stop {
        Stop::Outcome(Outcome::Rejected { fault, permit, .. }) if is_undecided(courier, job) => {
            let evidence = json!({ "parent": parent.job });
            let fault = Fault::new(format!(
                "what was sent cannot be read back, since its contact is not known: {}",
                fault.message
            ));
            Outcome::Ambiguous {
                fault,
                evidence,
                permit,
            }
            .into()
        }
        stop => stop,
    })
}

/// Whether it may have taken effect already.
fn is_undecided(courier: &Courier, job: &Assignment) -> bool {
    matches!(job.record(), Ok(Record::Job(stored)) if journal::earlier(courier, job, stored).is_some())
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
    let result = result_of(courier, job, parent, calls).await?;
    let (name, what) = match payload {
        Payload::UpdateNote(_) | Payload::DeleteNote(_) => ("noteId", "note"),
        _ => ("taskId", "task"),
    };
    let id = result.get(name).and_then(Value::as_str);
    let id = id.and_then(|id| id.parse::<PathId>().ok());
    let id = id.ok_or_else(|| useless(parent, what, calls))?;
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
    let standings = standings.map_err(|_| away(calls))?;
    match standings.into_iter().next().unwrap_or(Standing::Unknown) {
        Standing::Done(result) => Ok(result),
        Standing::Open => Err(open(courier, job, parent, calls).await?),
        // If somebody retries that one, it joins the sequence at its end: behind this job it would wait for ever.
        Standing::Dead if parent.wait => Err(aside(courier, job, parent, calls).await?),
        Standing::Dead => Err(dead("the job that it refers to is dead", parent, calls)),
        Standing::Locked(key) => Err(locked(job, &key, calls)),
        Standing::Unreadable => Err(dead(
            "what the job that it refers to came to cannot be read",
            parent,
            calls,
        )),
        Standing::Unknown => Err(unknown(job, parent, calls)),
    }
}

fn away(calls: &Calls<'_>) -> Stop {
    calls.postponed(LOOK.first, "waits for Redis")
}

/// The other one has not ended. Mostly it stands before this job, which is not looked at then. One that stands behind it is let pass; what would wait
/// for ever all the same does not.
async fn open(
    courier: &Courier,
    job: &Assignment,
    parent: &Parent,
    calls: &Calls<'_>,
) -> Result<Stop, Stop> {
    let (tenant, id) = (job.reference().tenant(), job.reference().id());
    let circle = courier.queue.circle(tenant, id, &parent.job).await;
    Ok(match circle.map_err(|_| away(calls))? {
        None => calls.postponed(next_look(job), "waits for the job that it refers to"),
        Some(Circle::Behind) => stepped_aside(LOOK.first, calls),
        Some(Circle::Refers) => dead(
            "a circle: the job that it refers to waits for this one, by itself or through others",
            parent,
            calls,
        ),
    })
}

/// It waits outside of its sequence, as what its contact has else goes on. Joining again it comes after all that was enqueued meanwhile.
async fn aside(
    courier: &Courier,
    job: &Assignment,
    parent: &Parent,
    calls: &Calls<'_>,
) -> Result<Stop, Stop> {
    let (tenant, now) = (job.reference().tenant(), job.clock.now_ms());
    let dead_ms = courier.queue.dead_since(tenant, &parent.job).await;
    let dead_ms = dead_ms.map_err(|_| away(calls))?.unwrap_or(now);
    let dead_for = Duration::from_millis(now.saturating_sub(dead_ms));
    Ok(stepped_aside(next_look_at_dead(dead_for), calls))
}

/// Who looks later comes back later, so those that wait for one death keep their order.
fn next_look_at_dead(dead_for: Duration) -> Duration {
    dead_for.clamp(LOOK.first, LOOK.longest)
}

fn stepped_aside(wait: Duration, calls: &Calls<'_>) -> Stop {
    Outcome::SteppedAside {
        wait,
        permit: calls.permit(),
    }
    .into()
}

/// Counts this look.
fn next_look(job: &Assignment) -> Duration {
    let looks = job.claimed.run.number(field::LOOKS).unwrap_or(0) + 1;
    job.note(field::LOOKS, looks.to_string());
    LOOK.delay(u32::try_from(looks).unwrap_or(u32::MAX), 1.0)
}

/// Another worker may have the key.
fn locked(job: &Assignment, key: &KeyId, calls: &Calls<'_>) -> Stop {
    tracing::warn!(
        job = job.reference().id(),
        tenant = job.reference().tenant(),
        key = %key,
        "what a job refers to came to something that is sealed with a key that this worker does not have: it waits for one that has"
    );
    job.note(field::LOCKED, key.to_string());
    calls.postponed(
        FOR_ANOTHER,
        "what it refers to is sealed with a key that this worker does not have",
    )
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
        next_look(job),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_looked_at_ever_less_often() {
        let seconds = |wait: Duration| wait.as_secs();
        let open = [1, 2, 3, 4, 5, u32::MAX].map(|look| seconds(LOOK.delay(look, 1.0)));
        assert_eq!(open, [5, 10, 20, 40, 60, 60]);
        let dead = [0, 5, 30, 60, 86_400].map(Duration::from_secs);
        assert_eq!(dead.map(next_look_at_dead).map(seconds), [5, 5, 30, 60, 60]);
    }
}
