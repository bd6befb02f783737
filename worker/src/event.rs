//! What follows from an event: the flows say which jobs, and these are enqueued.

use std::{collections::BTreeSet, time::Duration};

use penstock_shared::{
    event::{Event, Source},
    flow::{Broken, Known, Plan},
    ghl::CallError,
    job::{ContactRef, HandleEvent, Job, JobId, Payload},
    outcome::{Cause, Fault, Outcome},
    queue::{
        enqueue::{Admission, Enqueued},
        links::RecordName,
        record::NewJob,
        run::field,
    },
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact,
    deliver::{Courier, FOR_ANOTHER},
    elsewhere, install, storm, sync,
    written::Written,
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
    if handle.word {
        return Ok(Outcome::Delivered {
            result: json!({ "jobs": [] }),
            effect: None,
            permit: calls.permit(),
        });
    }
    if !courier.flows.is_given() && !is_heard(&handle.event) {
        return Err(flowless(job, calls));
    }
    if job.claimed.run.text(field::NO_FLOWS).is_some() {
        job.note(field::NO_FLOWS, "");
    }
    let flows = courier.flows.flows();
    let known = Known {
        now: job.first_due(),
        contact: None,
        links: json!({}),
        news: None,
    };
    // A template of it that fails is told of below.
    let record = flows.record(&handle.event, &known).ok().flatten();
    let record = record.as_deref();
    storm::pass(courier, job, (&handle.event, record), calls).await?;
    let contact = contact_of(courier, job, handle, record, calls).await?;
    let (known, before) = (Known { contact, ..known }, followed(job));
    let followed = sync::follow(courier, job, handle, (&flows, known, &before), calls).await?;
    let plan = followed.plan;
    let jobs = plan.jobs.iter().map(|planned| planned.job.clone());
    let mut jobs: Vec<Job> = jobs.chain(followed.again).collect();
    if !plan.reads_contact.is_empty() {
        jobs.push(with_contact(handle, &followed.written));
    }
    followed.written.note(job);
    let stored = enqueue(courier, jobs, calls).await?;
    let refused = refused(&plan, &stored);
    if !plan.broken.is_empty() || !refused.is_empty() {
        // A person may mend the flow long after: their jobs are done by then, and known no more.
        let mut by_now: BTreeSet<_> = &before | &plan.followed();
        by_now.retain(|flow| refused.iter().all(|refused| refused.flow != *flow));
        job.note(field::FOLLOWED, json!(by_now).to_string());
    }
    Ok(match message(plan.broken.iter().chain(&refused)) {
        None => Outcome::Delivered {
            result: json!({ "jobs": ids(stored) }),
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

/// Whether a worker needs no flows to act upon it: it may be all that somebody wants of webhooks.
fn is_heard(event: &Event) -> bool {
    matches!(
        (&event.source, event.kind.as_str()),
        (Source::Ghl, "INSTALL" | "UNINSTALL") | (Source::Smsfactor, "sms.delivery")
    )
}

/// This worker knows of no flows: another may, as while workers are given some one after the other. An event that nobody follows would be lost.
fn flowless(job: &Assignment, calls: &Calls<'_>) -> Stop {
    tracing::warn!(
        job = job.reference().id(),
        tenant = job.reference().tenant(),
        "an event has come to a worker without PENSTOCK_FLOWS: it waits for one that has it"
    );
    job.note(field::NO_FLOWS, "none");
    calls.postponed(FOR_ANOTHER, "this worker has no PENSTOCK_FLOWS")
}

/// The flows by which something has followed, of an event that is retried.
fn followed(job: &Assignment) -> BTreeSet<String> {
    let noted = job.claimed.run.text(field::FOLLOWED);
    let noted = noted.and_then(|json| serde_json::from_str(json).ok());
    noted.unwrap_or_default()
}

/// The same event once more, for those that look at the contact: to read that is a call, which needs a permit of GHL's.
fn with_contact(handle: &HandleEvent, written: &Written) -> Job {
    let mut job = handle.event.clone().into_job();
    let id = format!("{}~contact", handle.event.id).parse::<JobId>();
    job.id = Some(id.unwrap_or_else(|_| handle.event.id.clone()));
    job.payload = Payload::HandleEvent(Box::new(HandleEvent {
        with_contact: true,
        written: written.tellings(),
        ..handle.clone()
    }));
    job
}

/// The contact as GHL has it, if it is to be read.
async fn contact_of(
    courier: &Courier,
    job: &Assignment,
    handle: &HandleEvent,
    record: Option<&str>,
    calls: &mut Calls<'_>,
) -> Result<Option<Value>, Stop> {
    if !handle.with_contact {
        return Ok(None);
    }
    let linked = linked(courier, job, &handle.event, record, calls).await?;
    let named = handle.event.contact.refs().into_iter().next();
    let Some(reference) = linked.or(named) else {
        return Ok(Some(Value::Null));
    };
    // The API's search lags behind its writes, and most that is new is new by a job of ours.
    let remembered = contact::remembered(courier, job, &reference).await;
    let by_id = remembered.clone().map(ContactRef::Id);
    let request = contact::read(job, by_id.as_ref().unwrap_or(&reference))?;
    match calls.send(&request).await {
        Ok(mut answer) => {
            let contact = answer.body.get_mut("contact").map(Value::take);
            Ok(Some(contact.unwrap_or_default()))
        }
        // What was remembered is out of date.
        Err(Stop::Call(CallError::ContactNotFound { .. })) if remembered.is_some() => {
            contact::unlearn(courier, job, &reference).await;
            Err(calls.postponed(Duration::ZERO, "the remembered contact is gone"))
        }
        // It may have been deleted meanwhile.
        Err(Stop::Call(CallError::ContactNotFound { .. })) => Ok(Some(Value::Null)),
        Err(stop) => Err(stop),
    }
}

/// The contact that is linked to the event's record.
async fn linked(
    courier: &Courier,
    job: &Assignment,
    event: &Event,
    record: Option<&str>,
    calls: &Calls<'_>,
) -> Result<Option<ContactRef>, Stop> {
    let (Some(record), None) = (record, &event.contact.id) else {
        return Ok(None);
    };
    let names = [RecordName::new(event.source.as_str(), record)];
    let (tenant, now) = (job.reference().tenant(), sync::now(job));
    let link = courier.queue.link(tenant, &names, now).await;
    let link = link.map_err(|_| calls.postponed(ASK_AGAIN, "waits for Redis"))?;
    let id = link.records.get("ghl").and_then(|id| id.parse().ok());
    Ok(id.map(ContactRef::Id))
}

/// Stores the jobs, and returns what became of each. One that is stored already with another payload stays as it is: the flows have changed since. However
/// full the tenant's backlog is: the job that they follow from is a part of it, and could not end otherwise.
pub async fn enqueue(
    courier: &Courier,
    jobs: Vec<Job>,
    calls: &Calls<'_>,
) -> Result<Vec<(JobId, Enqueued)>, Stop> {
    let new = jobs.into_iter().filter_map(|mut job| {
        let id = job.id.take()?;
        Some(NewJob { id, job })
    });
    let new: Vec<NewJob> = new.collect();
    let stored = courier.queue.enqueue(&new, Admission::Following).await;
    let stored = stored.map_err(|interrupted| {
        tracing::warn!(error = %interrupted.error, "what follows from a job cannot be stored yet");
        calls.postponed(ASK_AGAIN, "waits until what follows can be stored")
    })?;
    let ids = new.into_iter().map(|new| new.id);
    Ok(ids.zip(stored).collect())
}

fn ids(stored: Vec<(JobId, Enqueued)>) -> Vec<JobId> {
    stored.into_iter().map(|(id, _)| id).collect()
}

/// The flows of which a job for several contacts was not stored, nor can be as long as another has one of its ids. The others have been followed.
fn refused(plan: &Plan, stored: &[(JobId, Enqueued)]) -> Vec<Broken> {
    let refused = stored.iter().filter_map(|(id, code)| {
        let Enqueued::PartTaken { .. } = code else {
            return None;
        };
        let mut jobs = plan.jobs.iter();
        let planned = jobs.find(|planned| planned.job.id.as_ref() == Some(id))?;
        Some(Broken {
            flow: planned.flow.clone(),
            message: format!(
                "the job {id} that follows is spread over several, and another type or payload is stored under the id of one of these, {}",
                code.taken_id(id)
            ),
        })
    });
    refused.collect()
}

fn message<'a>(broken: impl Iterator<Item = &'a Broken>) -> Option<String> {
    let all: Vec<_> = broken.map(ToString::to_string).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
