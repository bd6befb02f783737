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
    quota::Quota,
    span::millis,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    assignment::Assignment,
    call::{Api, Calls, Stop},
    conclusion, contact, creation, duties,
    elsewhere::{self, Elsewhere},
    event, failpoint,
    flows::FlowFile,
    group, journal, link,
    marker::Marker,
    parent, pull, spread, sweep,
};

/// When a job that only another worker can read is offered again.
pub const FOR_ANOTHER: Duration = Duration::from_secs(30);

/// How a worker delivers: a [`Courier`] calls the API. All around it, from the claim to the settlement, is the same for whatever delivers.
pub trait Deliver: Send + Sync + 'static {
    /// Delivers a job, once: whatever happens on the way comes out as an outcome.
    fn deliver(&self, job: &Assignment) -> impl Future<Output = Outcome> + Send;

    /// The ways that it knows to other systems than GHL, if any.
    fn elsewhere(&self) -> Option<&Elsewhere> {
        None
    }

    /// Begins what it needs to be done besides, for as long as the worker lives.
    fn begin_duties(&self, _duties: &mut JoinSet<()>) {}
}

/// What deliveries need, shared by all of them.
#[derive(Debug)]
pub struct Courier {
    /// The queue.
    pub queue: Queue,
    /// The way to the API.
    pub api: Api,
    /// The ways to other systems.
    pub elsewhere: Elsewhere,
    /// Failed attempts that a job may have if it does not say.
    pub max_attempts: u32,
    /// How old an unfinished job may become.
    pub max_age: Option<Duration>,
    /// How long one call may take.
    pub http_timeout: Duration,
    /// How long after its end an unanswered call may still be applied, or not be listed.
    pub quarantine: Quarantine,
    /// What follows from which event.
    pub flows: FlowFile,
    /// How many events of one kind about one record may lead to jobs: all of these hold.
    pub storm: Vec<Quota>,
    /// How long after its end the API's search may not find what an unanswered call created.
    pub search_lag: Duration,
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

    fn elsewhere(&self) -> Option<&Elsewhere> {
        Some(&self.elsewhere)
    }

    fn begin_duties(&self, duties: &mut JoinSet<()>) {
        duties.spawn(duties::reload::run(self.flows.clone()));
        duties.spawn(duties::schedule::run(
            self.queue.clone(),
            self.flows.clone(),
        ));
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
        if let Payload::HandleEvent(handle) = &stored.payload {
            return event::follow(self, job, handle, calls).await;
        }
        if let Some(delivered) = elsewhere::deliver(self, job, stored, calls.turn()).await {
            return delivered;
        }
        if let Payload::PullContacts(walk) = &stored.payload {
            return pull::step(self, job, stored, walk, calls).await;
        }
        if stored.payload.spread().is_some() {
            return spread::conclude(self, job, stored, calls).await;
        }
        if let Payload::LinkRecord(link) = &stored.payload {
            let contact = contact::find(self, job, &stored.payload, calls).await?;
            let contact = contact.ok_or_else(nameless)?;
            return link::keep(self, job, link, &contact.id, calls).await;
        }
        if let Some(payload) = parent::about_effect(self, job, &stored.payload, calls).await? {
            let about = StoredJob {
                payload,
                ..stored.clone()
            };
            return self.call(job, &about, 0, calls).await;
        }
        if job.claimed.riders.is_empty() {
            return self.call(job, stored, 0, calls).await;
        }
        if group::is_bulk(job) {
            return group::call_for_many(self, job, stored, calls).await;
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
        if let Some(outcome) = creation::resume(self, job, &stored.payload, calls).await? {
            return Ok(outcome);
        }
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
                    .failed(job, &stored.payload, contact, error, calls)
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
        if stored.payload.only_reads() {
            return false;
        }
        self.elsewhere.may_repeat(&stored.payload) || journal::earlier(self, job, stored).is_some()
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
        let id = contact.as_ref().map(|contact| &contact.id);
        let (mut result, effect) = match conclusion::read(payload, id, operation, answer) {
            Ok(read) => read,
            Err(error) => {
                if error.may_have_taken_effect() {
                    calls.disbelieve(operation);
                }
                return self.failed(job, payload, contact, error, calls).await;
            }
        };
        contact::remember(self, job, payload, contact.as_ref(), answer).await;
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
        calls: &mut Calls<'_>,
    ) -> Result<Outcome, Stop> {
        if error.may_have_taken_effect() && !payload.is_idempotent() {
            return Ok(Outcome::Unknown {
                fault: fault(&error),
                permit: calls.permit(),
            });
        }
        if creation::may_be_there(payload, &error) {
            return Ok(self.repeatable(job, error, calls.permit()));
        }
        // Nothing has happened: there is nothing to read back.
        journal::clear(job);
        if let (Payload::CreateContact(new), CallError::DuplicateContact { contact_id }) =
            (payload, &error)
        {
            return creation::instead(self, job, new, contact_id, calls).await;
        }
        if let Some(contact) = contact {
            if let Some(done) = absent(job, payload, &contact, &error, calls) {
                return Ok(done);
            }
            if let CallError::ContactNotFound { .. } = &error {
                return Ok(contact::forget(self, job, &contact, &error).await);
            }
        }
        Ok(self.repeatable(job, error, calls.permit()))
    }

    /// What a failed call means that may be repeated.
    pub fn repeatable(&self, job: &Assignment, error: CallError, permit: Permit) -> Outcome {
        let fault = fault(&error);
        match error {
            CallError::Rejected { .. } | CallError::PartNotFound { .. } => Outcome::Rejected {
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
            CallError::Depleted { .. } => Outcome::Depleted { fault, permit },
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

/// What was to be deleted is not there: that is done.
fn absent(
    job: &Assignment,
    payload: &Payload,
    contact: &contact::Found,
    error: &CallError,
    calls: &Calls<'_>,
) -> Option<Outcome> {
    let run = &job.claimed.run;
    let was_sent = run.number(field::UNANSWERED).or(run.number(field::LOST_AT));
    let is_certain = contact.remembered_for.is_none() || was_sent.is_some();
    let mut result = conclusion::absent(payload, error, is_certain)?;
    result["contactId"] = contact.id.as_str().into();
    Some(Outcome::Delivered {
        result,
        effect: None,
        permit: calls.permit(),
    })
}

/// The request that is the job. All that are about a contact that is there have it by now.
fn request(
    job: &Assignment,
    payload: &Payload,
    contact: Option<&contact::Found>,
) -> Result<Request, Stop> {
    let contact = contact.map(|found| &found.id);
    Request::of(payload, &tenant(job)?, contact)
        .ok_or_else(|| dead(Cause::Undecodable, "it names no contact"))
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

/// What must name a contact and does not.
pub fn nameless() -> Stop {
    dead(Cause::Undecodable, "it names no contact")
}

/// A failed call in words for a table.
pub fn fault(error: &CallError) -> Fault {
    Fault {
        status: error.status(),
        message: error.to_string(),
    }
}

/// The one reference by which a job names its contact; what creates one names none that must exist, and what is for many none by itself.
pub fn reference(payload: &Payload) -> Option<ContactRef> {
    match payload {
        Payload::UpsertContact(_) | Payload::CreateContact(_) | Payload::HandleEvent(_) => None,
        other => other.contact_refs().into_iter().next(),
    }
}
