//! One job's delivery: its stages, in order.

use std::time::Duration;

use penstock_shared::{
    ghl::{Answer, CallError, Operation, Request},
    job::{ContactRef, JobType, MaxAttempts, Payload, Tenant, state::Ending},
    outcome::{Cause, Fault, Outcome, Permit},
    quarantine::{self, Quarantine},
    queue::{
        Queue,
        claim::SUSPECT,
        record::{DoneRecord, Record, RecordError, StoredJob, Sweep},
        run::{Run, field},
        settle::Fields,
    },
    span::millis,
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Api, Calls, Stop},
    contact, failpoint, group, journal,
    marker::Marker,
    sweep,
};

/// When a job that only another worker can read is offered again.
const FOR_ANOTHER: Duration = Duration::from_secs(30);

/// How a worker delivers: a [`Courier`] calls the API. All around it, from the claim to the settlement, is the same for whatever delivers.
pub trait Deliver: Send + Sync + 'static {
    /// Delivers a job, once: whatever happens on the way comes out as an outcome.
    fn deliver(&self, job: &Assignment) -> impl Future<Output = Outcome> + Send;
}

/// What deliveries need, shared by all of them.
#[derive(Debug)]
pub struct Courier {
    /// The queue.
    pub queue: Queue,
    /// The way to the API.
    pub api: Api,
    /// Failed attempts that a job may have if it does not say.
    pub max_attempts: u32,
    /// How old an unfinished job may become.
    pub max_age: Option<Duration>,
    /// How long one call may take.
    pub http_timeout: Duration,
    /// How long after its end an unanswered call may still be applied, or not be listed.
    pub quarantine: Quarantine,
    /// What marks notes and tasks, and knows its markers.
    pub marker: Marker,
    /// Whether an effect that turns out to be there twice is removed, all but one.
    pub remove_twins: bool,
}

/// Why a job is given up that is too old.
pub const TOO_OLD: &str = "unfinished for longer than PENSTOCK_MAX_AGE";

/// What there is to do.
enum Open<'a> {
    Job(&'a StoredJob),
    Sweep(&'a Sweep),
}

impl Deliver for Courier {
    async fn deliver(&self, job: &Assignment) -> Outcome {
        let mut calls = Calls::new(&self.api, &self.queue, job);
        let outcome = match self.stages(job, &mut calls).await {
            Ok(outcome) | Err(Stop::Outcome(outcome)) => outcome,
            Err(Stop::Call(error)) => self.repeatable(job, error, calls.permit()),
        };
        journal::tell(&job.claimed.run, outcome)
    }
}

impl Courier {
    async fn stages(&self, job: &Assignment, calls: &mut Calls<'_>) -> Result<Outcome, Stop> {
        let stored = self.open(job)?;
        if job.claimed.run.text(field::LOCKED).is_some() {
            job.note(field::LOCKED, "");
        }
        if job.claimed.probe {
            tracing::warn!(
                tenant = job.reference().tenant(),
                job = job.reference().id(),
                "the API fails for this tenant: its breaker is open, and this call is the probe"
            );
        }
        suspect(job, calls).await?;
        let stored = match stored {
            Open::Job(stored) => stored,
            Open::Sweep(sweep) => return sweep::run(self, job, sweep, calls).await,
        };
        if job.claimed.riders.is_empty() {
            return self.call(job, stored, 0, calls).await;
        }
        if group::is_bulk(job) {
            return group::tag_many(self, job, stored, calls).await;
        }
        let mut together = stored.clone();
        let merged = group::merge_neighbours(self, job, &mut together);
        let outcome = self.call(job, &together, merged, calls).await?;
        group::conclude(job, merged, &outcome);
        Ok(outcome)
    }

    /// The job's own call, which does the work of so many others too.
    async fn call(
        &self,
        job: &Assignment,
        stored: &StoredJob,
        merged: usize,
        calls: &mut Calls<'_>,
    ) -> Result<Outcome, Stop> {
        let contact = contact::find(self, job, &stored.payload, calls).await?;
        self.probe(job, &stored.payload, contact.as_ref(), calls)
            .await?;
        failpoint::pass("before-intent");
        let marked = journal::before(self, job, stored, contact.as_ref(), calls).await?;
        failpoint::pass("after-intent");
        let payload = marked.as_ref().unwrap_or(&stored.payload);
        let request = request(job, payload, contact.as_ref())?;
        let answer = match calls.send(&request).await {
            Ok(answer) => answer,
            Err(Stop::Call(error)) if merged > 0 && group::is_refusal(&error) => {
                return Ok(group::apart(job, merged));
            }
            Err(Stop::Call(error)) => {
                return self
                    .failed(job, &stored.payload, contact, error, calls.permit())
                    .await;
            }
            Err(stop) => {
                // It was not sent after all.
                journal::clear(job);
                return Err(stop);
            }
        };
        let operation = request.operation();
        self.conclude(job, &stored.payload, contact, operation, &answer, calls)
            .await
    }

    /// What there is to do, or why nothing is done.
    fn open<'a>(&self, job: &'a Assignment) -> Result<Open<'a>, Stop> {
        let run = &job.claimed.run;
        // What is idempotent is rather done again: somebody may have undone it meanwhile.
        let is_idempotent =
            matches!(job.record(), Ok(Record::Job(stored)) if stored.payload.is_idempotent());
        if let Some(done) = orphan(run).filter(|_| !is_idempotent) {
            return Err(done.into());
        }
        self.note_lost_call(job);
        if let Some(error) = run.unreadable() {
            return Err(unreadable(job, error));
        }
        if let Some(ending) = run
            .text(field::ENDING)
            .and_then(|ending| serde_json::from_str::<Ending>(ending).ok())
        {
            return Err(Outcome::Concluded(ending).into());
        }
        if run.lost() > SUSPECT {
            return Err(dead(
                Cause::Poison,
                format!("{} workers in a row ended while they had it", run.lost()),
            ));
        }
        let stored = match job.record() {
            Ok(Record::Job(stored)) => stored,
            Ok(Record::Sweep(sweep)) => return Ok(Open::Sweep(sweep)),
            Ok(Record::Done { .. }) => {
                return Err(dead(Cause::Undecodable, "it has ended already"));
            }
            Err(error) => return Err(unreadable(job, error)),
        };
        if journal::earlier(self, job, stored).is_some() {
            return Ok(Open::Job(stored));
        }
        if run.attempts() >= self.max_attempts_of(stored) {
            return Err(dead(
                Cause::Exhausted,
                run.text(field::ERROR).unwrap_or("no attempts are left"),
            ));
        }
        if self.is_expired(job, stored) {
            return Err(dead(Cause::Expired, TOO_OLD));
        }
        Ok(Open::Job(stored))
    }

    /// Whether an earlier delivery may have sent what changes something: one that is not idempotent has an intent then.
    fn may_have_left(&self, job: &Assignment) -> bool {
        let Ok(Record::Job(stored)) = job.record() else {
            return true;
        };
        stored.payload.is_idempotent() || journal::earlier(self, job, stored).is_some()
    }

    /// The call of a worker that died may have left just before its lease ended.
    fn note_lost_call(&self, job: &Assignment) {
        let lost_at = job.claimed.run.number(field::LOST_AT);
        if let Some(lost_at) = lost_at.filter(|_| self.may_have_left(job)) {
            tracing::info!(
                job = job.reference().id(),
                tenant = job.reference().tenant(),
                delivery = job.claimed.deliveries,
                "the worker that had it before has ended, or lost its lease, while it had it"
            );
            let takes = journal::longest_call(&job.claimed.run, millis(self.http_timeout));
            let ended = lost_at + takes;
            job.note(field::UNANSWERED, ended.to_string());
        }
    }

    /// An effect was seen only so long after the end of its call, when its quarantine was over: it is longer from now on, for all workers.
    pub async fn late(&self, job_type: JobType, lateness: Duration) {
        let to = quarantine::after(lateness);
        if !self.quarantine.raise(job_type, to) {
            return;
        }
        tracing::warn!(%job_type, ?lateness, quarantine = ?self.quarantine.of(job_type),
            "the API applied a call after its quarantine: that is longer from now on");
        self.queue.lengthen_quarantine(self.quarantine.longest());
        if let Err(error) = self.queue.raise_quarantine(job_type, to).await {
            tracing::warn!(%error, "the other workers do not know of the longer quarantine");
        }
    }

    /// Failed attempts that a job may have.
    pub fn max_attempts_of(&self, stored: &StoredJob) -> u32 {
        stored
            .max_attempts
            .map_or(self.max_attempts, MaxAttempts::get)
    }

    /// Whether it is still unfinished when it is too old.
    pub fn is_expired(&self, job: &Assignment, stored: &StoredJob) -> bool {
        stored.is_expired(job.clock.now_ms(), self.max_age)
    }

    /// What an open breaker lets through must be harmless: before a call that is not idempotent the contact is read.
    async fn probe(
        &self,
        job: &Assignment,
        payload: &Payload,
        contact: Option<&contact::Found>,
        calls: &mut Calls<'_>,
    ) -> Result<(), Stop> {
        if !job.claimed.probe || payload.is_idempotent() {
            return Ok(());
        }
        // An upsert that makes a second contact has none yet: whoever is there by its email or phone is looked up.
        let known = contact.map(|contact| ContactRef::Id(contact.id.clone()));
        let Some(reference) = known.or(payload.contact_refs().into_iter().next()) else {
            return Ok(());
        };
        let request = contact::read(job, &reference)?;
        match calls.send(&request).await {
            // A refusal is an answer too; the call itself will say it better.
            Ok(_)
            | Err(Stop::Call(
                CallError::ContactNotFound { .. }
                | CallError::Rejected { .. }
                | CallError::Unauthorized { .. },
            )) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    /// What a success means to the job's callers and to the contacts map.
    async fn conclude(
        &self,
        job: &Assignment,
        payload: &Payload,
        contact: Option<contact::Found>,
        operation: Operation,
        answer: &Answer,
        calls: &mut Calls<'_>,
    ) -> Result<Outcome, Stop> {
        let read = match payload {
            Payload::UpsertContact(_) => answer.contact().map(|found| {
                (
                    json!({ "contactId": found.id, "new": answer.body.get("new") }),
                    None,
                )
            }),
            Payload::CreateTask(_) => answer
                .task_id()
                .map(|id| (json!({ "taskId": id }), Some(id))),
            Payload::AttachNote(_) => answer
                .note_id()
                .map(|id| (json!({ "noteId": id }), Some(id))),
            Payload::AddTags(_) => answer.tags().map(|tags| (json!({ "tags": tags }), None)),
        };
        let (mut result, effect) = match read {
            Ok(read) => read,
            Err(error) => {
                calls.disbelieve(operation);
                return self
                    .failed(job, payload, contact, error, calls.permit())
                    .await;
            }
        };
        if let Ok(found) = answer.contact()
            && matches!(payload, Payload::UpsertContact(_))
        {
            contact::learn(self, job, &found, None).await;
        }
        if let (Some(contact), Value::Object(result)) = (contact, &mut result) {
            result.insert("contactId".into(), contact.id.as_str().into());
        }
        Ok(Outcome::Delivered {
            result,
            effect,
            permit: Permit::Answered,
        })
    }

    /// What a failure of the job's own call means.
    async fn failed(
        &self,
        job: &Assignment,
        payload: &Payload,
        contact: Option<contact::Found>,
        error: CallError,
        permit: Permit,
    ) -> Result<Outcome, Stop> {
        if error.may_have_taken_effect() && !payload.is_idempotent() {
            return Ok(Outcome::Unknown {
                fault: fault(&error),
                permit,
            });
        }
        // Nothing has happened: there is nothing to read back.
        journal::clear(job);
        if let CallError::ContactNotFound { .. } = &error
            && let Some(contact) = contact
        {
            return Ok(contact::forget(self, job, &contact, &error).await);
        }
        Ok(self.repeatable(job, error, permit))
    }

    /// What a failed call means that may be repeated.
    pub fn repeatable(&self, job: &Assignment, error: CallError, permit: Permit) -> Outcome {
        let fault = fault(&error);
        match error {
            CallError::Rejected { .. } => Outcome::Rejected {
                cause: Cause::Rejected,
                fault,
                permit,
            },
            CallError::ContactNotFound { .. } => Outcome::Rejected {
                cause: Cause::ContactNotFound,
                fault,
                permit,
            },
            CallError::DuplicateContact { contact_id } => Outcome::Delivered {
                result: json!({ "contactId": contact_id }),
                effect: None,
                permit,
            },
            CallError::Throttled { retry_after, .. } => Outcome::Throttled { retry_after },
            CallError::Unauthorized { .. } => {
                let token = self.api.tokens.stamp(job.reference().tenant());
                Outcome::Unauthorized {
                    fault,
                    token,
                    permit,
                }
            }
            CallError::ServerError { retry_after, .. } => Outcome::Unavailable {
                fault,
                retry_after,
                permit,
            },
            CallError::Unreadable { .. }
            | CallError::TooLong { .. }
            | CallError::Unanswered { .. }
            | CallError::NotSent { .. } => Outcome::Unavailable {
                fault,
                retry_after: None,
                permit,
            },
        }
    }
}

/// What an earlier delivery came to that could not be written in time: it is so, unless a later one has sent a call of which nobody knows what it
/// came to. Then both are looked for.
fn orphan(run: &Run) -> Option<Outcome> {
    let later = run.text(field::INTENT_BY).filter(|_| journal::is_open(run));
    if later.is_some_and(|by| run.text(field::ORPHAN_BY) != Some(by)) {
        return None;
    }
    let done: DoneRecord = serde_json::from_str(run.text(field::ORPHAN)?).ok()?;
    Some(Outcome::Delivered {
        result: done.result,
        effect: done.effect,
        permit: Permit::Unsent,
    })
}

/// A job whose workers keep ending is alone in this one, and that is written down first: if it ends too, it is this job's doing, and nothing
/// is held against those that wait for it.
async fn suspect(job: &Assignment, calls: &mut Calls<'_>) -> Result<(), Stop> {
    if !job.is_suspect() {
        return Ok(());
    }
    let token = job.claimed.token.to_string();
    calls
        .advance(Fields::from([(field::ALONE, token)]), None)
        .await
}

/// The request that is the job. All but an upsert have a contact by now.
fn request(
    job: &Assignment,
    payload: &Payload,
    contact: Option<&contact::Found>,
) -> Result<Request, Stop> {
    let contact = || {
        contact
            .map(|found| &found.id)
            .ok_or_else(|| dead(Cause::Undecodable, "it names no contact"))
    };
    Ok(match payload {
        Payload::UpsertContact(upsert) => Request::upsert(&tenant(job)?, upsert),
        Payload::CreateTask(task) => Request::create_task(contact()?, task),
        Payload::AttachNote(note) => Request::create_note(contact()?, note),
        Payload::AddTags(tags) => Request::add_tags(contact()?, tags),
    })
}

/// Whose job it is, as requests want it.
pub fn tenant(job: &Assignment) -> Result<Tenant, Stop> {
    let tenant = job.reference().tenant().parse();
    tenant.map_err(|_| dead(Cause::Undecodable, "its tenant is not a location id"))
}

/// What nobody can read is dead; what another worker can read goes back for it.
fn unreadable(job: &Assignment, error: &RecordError) -> Stop {
    let why = match error {
        RecordError::Undecodable(_) => return dead(Cause::Undecodable, error.to_string()),
        RecordError::Later(_) => "a later version stored it",
        RecordError::Locked(key) => {
            tracing::warn!(
                job = job.reference().id(),
                tenant = job.reference().tenant(),
                key = %key,
                "a job is sealed with a key that this worker does not have: it waits for one that has"
            );
            job.note(field::LOCKED, key.to_string());
            "it is sealed with a key that this worker does not have"
        }
    };
    Outcome::Postponed {
        wait: FOR_ANOTHER,
        why,
        permit: Permit::Unsent,
    }
    .into()
}

/// A dead end before anything was called.
fn dead(cause: Cause, message: impl Into<String>) -> Stop {
    Outcome::Rejected {
        cause,
        fault: Fault::new(message),
        permit: Permit::Unsent,
    }
    .into()
}

/// A failed call in words for a table.
pub fn fault(error: &CallError) -> Fault {
    Fault {
        status: error.status(),
        message: error.to_string(),
    }
}

/// The one reference by which a job names its contact; an upsert names none that must exist.
pub fn reference(payload: &Payload) -> Option<ContactRef> {
    match payload {
        Payload::UpsertContact(_) => None,
        other => other.contact_refs().into_iter().next(),
    }
}
