//! The journal of law 2: what is not idempotent is written down before it is sent, and read back before it is sent again.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    ghl::{CallError, Note, Request, Task},
    job::{AttachNote, CreateTask, Payload},
    outcome::{Cause, Fault, Outcome},
    queue::{lapse::Lapse, record::StoredJob, run::field, settle::Fields},
    span::millis,
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact::Found,
    deliver::{self, Courier},
    failpoint,
};

/// A note dated this much before its intent can still be ours: the clocks differ.
const CLOCKS: Duration = Duration::from_secs(10);
/// One dated within this before its intent might be ours if a clock is badly wrong: a person looks.
const DOUBT: Duration = Duration::from_secs(3600);
/// When a list that could not be read is read again.
const READ_AGAIN: Duration = Duration::from_secs(10);

/// A call of which nobody knows what it came to. Times are milliseconds of Redis' clock.
#[derive(Debug, Clone, Copy)]
pub struct Earlier {
    /// Not before then it was sent.
    sent_at: u64,
    /// By then it had ended.
    ended: u64,
}

/// The call that is to be read back before another is sent: the one on record, or one of which Redis may have forgotten the record.
pub fn earlier(courier: &Courier, job: &Assignment, stored: &StoredJob) -> Option<Earlier> {
    let run = &job.claimed.run;
    let timeout = millis(courier.http_timeout);
    if let Some(sent_at) = run.number(field::INTENT) {
        let lost = run.number(field::LOST_AT).map(|at| at + timeout);
        let ended = run.number(field::UNANSWERED).max(lost);
        return Some(Earlier {
            sent_at,
            ended: ended.unwrap_or(sent_at + timeout),
        });
    }
    forgotten(job, stored).map(|lapse| Earlier {
        sent_at: lapse.since_ms,
        ended: lapse.noticed_ms + timeout,
    })
}

/// Redis went back in time, and may have forgotten that this job was delivered: it was not read back for that yet.
fn forgotten(job: &Assignment, stored: &StoredJob) -> Option<Lapse> {
    let lapse = job.claimed.lapse?;
    let read_back = job.claimed.run.number(field::LAPSE) == Some(lapse.noticed_ms);
    let concerned = stored.due_ms <= lapse.noticed_ms && !stored.payload.is_idempotent();
    (concerned && !read_back).then_some(lapse)
}

/// The call provably had no effect: its intent goes out of the journal when the delivery is settled.
pub fn clear(job: &Assignment) {
    job.note(field::INTENT, "");
    job.note(field::ABSENT, "");
}

/// Makes sure that a call that is not idempotent is sent at most once: reads back what an earlier one came to, then records the new intent.
pub async fn before(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    contact: Option<&Found>,
    calls: &mut Calls<'_>,
) -> Result<(), Stop> {
    if stored.payload.is_idempotent() || failpoint::is_broken("no-intent") {
        return Ok(());
    }
    if let Some(earlier) = earlier(courier, job, stored) {
        read_back(courier, job, stored, contact, calls, earlier).await?;
        if job.claimed.run.attempts() >= courier.max_attempts_of(stored) {
            clear(job);
            let fault = Fault::new(
                job.claimed
                    .run
                    .text(field::ERROR)
                    .unwrap_or("no attempts are left"),
            );
            return Err(Outcome::Rejected {
                cause: Cause::Exhausted,
                fault,
                permit: calls.permit(),
            }
            .into());
        }
    }
    // With the intent goes where it went, and that an earlier one had no effect: nobody has to find that out again.
    let mut fields = Fields::from([
        (field::INTENT, String::new()),
        (field::ABSENT, String::new()),
    ]);
    if let Some(lapse) = forgotten(job, stored) {
        fields.insert(field::LAPSE, lapse.noticed_ms.to_string());
    }
    if let Some(contact) = contact.filter(|contact| contact.remembered_for.is_some()) {
        fields.insert(field::CONTACT, contact.id.as_str().to_owned());
    }
    let intent = courier.clock.now_ms().to_string();
    calls.advance(fields, Some(intent)).await
}

/// Returns only if the earlier call is known to have had no effect: two looks, a quarantine apart, found nothing.
async fn read_back(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    contact: Option<&Found>,
    calls: &mut Calls<'_>,
    Earlier { sent_at, ended }: Earlier,
) -> Result<(), Stop> {
    let last_look = job.claimed.run.number(field::ABSENT).unwrap_or(0);
    let not_before = ended.max(last_look) + millis(courier.quarantine);
    let now = courier.clock.now_ms();
    if now < not_before {
        return Err(calls.postponed(
            Duration::from_millis(not_before - now),
            "waits until what was sent can be read back",
        ));
    }
    let contact = contact
        .ok_or_else(|| ambiguous("what was sent cannot be read back", Value::Null, calls))?;
    let found = match &stored.payload {
        Payload::AttachNote(note) => notes(courier, job, note, contact, calls, sent_at).await?,
        Payload::CreateTask(task) => tasks(courier, job, task, contact, calls).await?,
        _ => {
            return Err(ambiguous(
                "this operation cannot be read back",
                Value::Null,
                calls,
            ));
        }
    };
    match found {
        Evidence::Adopted(outcome) => Err(outcome.into()),
        Evidence::Unclear(evidence) => Err(ambiguous(
            "what is there cannot be told from what was there before",
            evidence,
            calls,
        )),
        Evidence::Absent if last_look > 0 => Ok(()),
        Evidence::Absent => {
            job.note(field::ABSENT, courier.clock.now_ms().to_string());
            Err(calls.postponed(courier.quarantine, "was not found; is looked for once more"))
        }
    }
}

/// What a read-back found.
enum Evidence {
    /// Ours: the job is done.
    Adopted(Outcome),
    /// Nothing.
    Absent,
    /// Something that may be ours or not.
    Unclear(Value),
}

async fn notes(
    courier: &Courier,
    job: &Assignment,
    wanted: &AttachNote,
    contact: &Found,
    calls: &mut Calls<'_>,
    sent_at: u64,
) -> Result<Evidence, Stop> {
    let request = Request::list_notes(&contact.id);
    let list = calls
        .send(&request)
        .await
        .and_then(|answer| answer.notes().map_err(Stop::Call));
    let list = list.map_err(|stop| unreadable(stop, calls))?;
    let mut ours = Vec::new();
    let mut doubtful = Vec::new();
    for note in list.iter().filter(|note| is_same_note(note, wanted)) {
        let Some(age) = note.date_added.map(|added| before_intent(added, sent_at)) else {
            doubtful.push(note.id.clone());
            continue;
        };
        if age <= CLOCKS {
            ours.push(note.id.clone());
        } else if age <= DOUBT {
            doubtful.push(note.id.clone());
        }
    }
    let ours = unclaimed(courier, job, ours, calls).await?;
    let doubtful = unclaimed(courier, job, doubtful, calls).await?;
    match (ours.as_slice(), doubtful.as_slice()) {
        ([id], []) => Ok(Evidence::Adopted(adopted(
            json!({ "noteId": id, "contactId": contact.id }),
            id,
            calls,
        ))),
        ([], []) => Ok(Evidence::Absent),
        _ => Ok(Evidence::Unclear(
            json!({ "notes": ([ours, doubtful].concat()) }),
        )),
    }
}

/// A task carries no time of its making: an equal one cannot be told from an older one, so a person decides.
async fn tasks(
    courier: &Courier,
    job: &Assignment,
    wanted: &CreateTask,
    contact: &Found,
    calls: &mut Calls<'_>,
) -> Result<Evidence, Stop> {
    let request = Request::list_tasks(&contact.id);
    let list = calls
        .send(&request)
        .await
        .and_then(|answer| answer.tasks().map_err(Stop::Call));
    let list = list.map_err(|stop| unreadable(stop, calls))?;
    let same = list
        .iter()
        .filter(|task| is_same_task(task, wanted))
        .map(|task| task.id.clone())
        .collect();
    let same = unclaimed(courier, job, same, calls).await?;
    if same.is_empty() {
        Ok(Evidence::Absent)
    } else {
        Ok(Evidence::Unclear(json!({ "tasks": same })))
    }
}

/// Those of the effects that no other job of ours made.
async fn unclaimed(
    courier: &Courier,
    job: &Assignment,
    ids: Vec<String>,
    calls: &Calls<'_>,
) -> Result<Vec<String>, Stop> {
    let mut unclaimed = Vec::new();
    for id in ids {
        let maker = courier.queue.maker_of(job.reference().tenant(), &id).await;
        let maker = maker.map_err(|_| calls.postponed(READ_AGAIN, "waits for Redis"))?;
        if maker.is_none_or(|maker| maker == job.reference().id()) {
            unclaimed.push(id);
        }
    }
    Ok(unclaimed)
}

/// How long before the intent a note was made; zero if after it.
fn before_intent(added: Timestamp, sent_at: u64) -> Duration {
    let added = u64::try_from(added.as_millisecond()).unwrap_or(0);
    Duration::from_millis(sent_at.saturating_sub(added))
}

fn is_same_note(note: &Note, wanted: &AttachNote) -> bool {
    let same = |theirs: &Option<String>, ours: Option<&str>| match (theirs, ours) {
        (Some(theirs), Some(ours)) => theirs.trim() == ours.trim(),
        // What the list leaves out tells nothing.
        _ => true,
    };
    note.body
        .as_deref()
        .is_none_or(|body| body.trim() == wanted.body.as_str().trim())
        && same(
            &note.title,
            wanted
                .title
                .as_ref()
                .map(penstock_shared::job::Line::as_str),
        )
}

fn is_same_task(task: &Task, wanted: &CreateTask) -> bool {
    task.title
        .as_deref()
        .is_none_or(|title| title.trim() == wanted.title.as_str().trim())
        && task
            .due_date
            .is_none_or(|due| due.as_second() == wanted.due_date.timestamp().as_second())
}

fn adopted(result: Value, id: &str, calls: &Calls<'_>) -> Outcome {
    Outcome::Delivered {
        result,
        effect: Some(id.to_owned()),
        permit: calls.permit(),
    }
}

fn ambiguous(message: &str, evidence: Value, calls: &Calls<'_>) -> Stop {
    Outcome::Ambiguous {
        fault: Fault::new(message),
        evidence,
        permit: calls.permit(),
    }
    .into()
}

/// A list that is refused for good leaves it to a person; one that cannot be read now is read again, and no attempt is used.
fn unreadable(stop: Stop, calls: &Calls<'_>) -> Stop {
    match stop {
        Stop::Call(error @ (CallError::Rejected { .. } | CallError::ContactNotFound { .. })) => {
            let fault = deliver::fault(&error);
            ambiguous(
                "what was sent cannot be read back",
                json!({ "list": fault.message, "status": fault.status }),
                calls,
            )
        }
        Stop::Call(CallError::Throttled { .. } | CallError::Unauthorized { .. })
        | Stop::Outcome(_) => stop,
        Stop::Call(_) => Outcome::Unread {
            wait: READ_AGAIN,
            permit: calls.permit(),
        }
        .into(),
    }
}
