//! What follows from an event: the flows say which jobs, and these are enqueued.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    flow::{Broken, Known, Planned},
    ghl::CallError,
    job::{HandleEvent, Job, JobId, Payload},
    outcome::{Cause, Fault, Outcome},
    queue::{
        enqueue::{Admission, Enqueued},
        record::NewJob,
    },
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact,
    deliver::Courier,
    elsewhere, install, storm, sync,
};

/// When a queue that does not take the jobs now is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Enqueues what follows. Done again it makes the same jobs, which are known by their ids.
pub async fn follow(
    courier: &Courier,
    job: &Assignment,
    handle: &HandleEvent,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    if !handle.with_contact && handle.again.is_none() {
        elsewhere::hear(courier, &handle.event, calls.turn()).await?;
        install::hear(courier, &handle.event, calls).await?;
    }
    storm::pass(courier, job, &handle.event, calls).await?;
    let flows = courier.flows.flows();
    let known = Known {
        now: first_due(job),
        contact: contact_of(job, handle, calls).await?,
        links: json!({}),
        news: None,
    };
    let followed = sync::follow(courier, job, handle, (&flows, known), calls).await?;
    let plan = followed.plan;
    let jobs = plan.jobs.into_iter().map(|Planned { job, .. }| job);
    let mut jobs: Vec<Job> = jobs.chain(followed.again).collect();
    if plan.reads_contact {
        jobs.push(with_contact(handle));
    }
    let ids = enqueue(courier, jobs, calls).await?;
    Ok(match broken(&plan.broken) {
        None => Outcome::Delivered {
            result: json!({ "jobs": ids }),
            effect: None,
            permit: calls.permit(),
        },
        Some(message) => Outcome::Rejected {
            cause: Cause::FlowFailed,
            fault: Fault::new(message),
            permit: calls.permit(),
        },
    })
}

fn first_due(job: &Assignment) -> Timestamp {
    let ms = i64::try_from(job.claimed.life_ms()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// The same event once more, for those that look at the contact: to read that is a call, which needs a permit of GHL's.
fn with_contact(handle: &HandleEvent) -> Job {
    let mut job = handle.event.clone().into_job();
    let id = format!("{}~contact", handle.event.id).parse::<JobId>();
    job.id = Some(id.unwrap_or_else(|_| handle.event.id.clone()));
    job.payload = Payload::HandleEvent(Box::new(HandleEvent {
        with_contact: true,
        ..handle.clone()
    }));
    job
}

/// The contact as GHL has it, if it is to be read.
async fn contact_of(
    job: &Assignment,
    handle: &HandleEvent,
    calls: &mut Calls<'_>,
) -> Result<Option<Value>, Stop> {
    if !handle.with_contact {
        return Ok(None);
    }
    let Some(reference) = handle.event.contact.refs().into_iter().next() else {
        return Ok(Some(Value::Null));
    };
    let request = contact::read(job, &reference)?;
    match calls.send(&request).await {
        Ok(mut answer) => {
            let contact = answer.body.get_mut("contact").map(Value::take);
            Ok(Some(contact.unwrap_or_default()))
        }
        // It may have been deleted meanwhile.
        Err(Stop::Call(CallError::ContactNotFound { .. })) => Ok(Some(Value::Null)),
        Err(stop) => Err(stop),
    }
}

/// Stores the jobs, and returns their ids. One that is stored already with another payload stays as it is: the flows have changed since.
pub async fn enqueue(
    courier: &Courier,
    jobs: Vec<Job>,
    calls: &Calls<'_>,
) -> Result<Vec<JobId>, Stop> {
    let new = jobs.into_iter().filter_map(|mut job| {
        let id = job.id.take()?;
        Some(NewJob { id, job })
    });
    let new: Vec<NewJob> = new.collect();
    let stored = courier.queue.enqueue(&new, Admission::Each).await;
    let stored = stored.map_err(|interrupted| {
        tracing::warn!(error = %interrupted.error, "what follows from a job cannot be stored yet");
        calls.postponed(ASK_AGAIN, "waits until what follows can be stored")
    })?;
    for code in stored {
        if let Enqueued::BacklogFull { retry_after } = code {
            return Err(calls.postponed(retry_after, "waits for room in the tenant's backlog"));
        }
    }
    Ok(new.into_iter().map(|new| new.id).collect())
}

fn broken(broken: &[Broken]) -> Option<String> {
    let all: Vec<_> = broken.iter().map(ToString::to_string).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
