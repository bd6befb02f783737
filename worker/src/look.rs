//! Reading back: the looks at a contact's list, a quarantine after the call and once more, by which it is found out what became of it.

mod creation;

use std::{
    panic::resume_unwind,
    time::{Duration, Instant},
};

use penstock_shared::{
    ghl::{Answer, CallError},
    job::{ContactId, Payload},
    outcome::{Fault, Outcome},
    queue::{record::StoredJob, run::field},
    retry::Backoff,
    span::millis,
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact::Found,
    deliver::{self, Courier},
    journal::{self, Earlier, Look as Turn},
    marker::Maker,
    offset,
    readback::{self, Seen, Sought, Verdict},
    sweep,
};

/// When a list that could not be read is read again.
const READ_AGAIN: Duration = Duration::from_secs(10);
/// The same of one that is garbage, time and again.
const READ_SELDOM: Backoff = Backoff {
    first: READ_AGAIN,
    longest: Duration::from_secs(600),
};
/// What was garbage so often in a row, which takes most of an hour, never can be read.
const MOST_READ: u32 = 10;

/// Returns only if the earlier call is known to have had no effect: two looks, a quarantine apart, found nothing.
pub async fn read_back(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    contact: Option<&Found>,
    calls: &mut Calls<'_>,
    earlier: Earlier,
) -> Result<(), Stop> {
    let quarantine = quarantine(courier, &stored.payload);
    let (run, span) = (&job.claimed.run, millis(quarantine));
    let (now, since) = (job.steady.earliest_ms(), job.steady.since_ms);
    let applied = millis(courier.quarantine.of(stored.payload.job_type()));
    let turn = earlier.look(run, span, now, since);
    if let Turn::Wait(wait) = turn {
        return Err(calls.postponed(wait, "waits until what was sent can be read back"));
    }
    let window = Window {
        reckoned: Instant::now(),
        sent_ago: job.steady.latest_ms().saturating_sub(earlier.sent_at),
        // However long the API's search takes to show it, it is dated when it was made.
        over_for: now.saturating_sub(earlier.over(run, applied, since)),
    };
    match look(courier, job, stored, contact, calls, window).await? {
        Look::Adopted { outcome, has_twins } => {
            if has_twins {
                // The sweep tells of it, and mends it if that is wanted.
                let sent = (journal::next_intent(&job.claimed.run), None);
                for (name, value) in sweep::plan(courier, job, stored, contact, sent, calls).await?
                {
                    job.note(name, value);
                }
            }
            // At the first look it was not there: so late it was, at the least. Of a call that was forgotten nobody knows when it ended.
            if turn == Turn::Last && journal::is_open(&job.claimed.run) {
                let first = job.claimed.run.number(field::ABSENT).unwrap_or(0);
                let lateness = Duration::from_millis(first.saturating_sub(earlier.ended));
                courier.late(stored.payload.job_type(), lateness).await;
            }
            Err(outcome.into())
        }
        Look::Absent if turn == Turn::Last => Ok(()),
        Look::Absent => {
            job.note(field::ABSENT, job.steady.latest_ms().to_string());
            Err(calls.postponed(quarantine, "was not found; is looked for once more"))
        }
    }
}

/// How long after its end a call is looked for: what is searched for is found later than what is listed.
fn quarantine(courier: &Courier, payload: &Payload) -> Duration {
    let quarantine = courier.quarantine.of(payload.job_type());
    match payload {
        Payload::CreateContact(_) => quarantine.max(courier.search_lag),
        _ => quarantine,
    }
}

/// When the call can have had its effect.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// When that was reckoned: what the API's clock shows is asked later, after its answer.
    reckoned: Instant,
    /// Not before so many ms ago.
    sent_ago: u64,
    /// And not in the last so many ms, as long as the API keeps to the quarantine.
    over_for: u64,
}

/// What one look came to, if that can be told.
enum Look {
    /// It is there, and perhaps more than once: the job is done.
    Adopted { outcome: Outcome, has_twins: bool },
    /// It is not there.
    Absent,
}

async fn look(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    contact: Option<&Found>,
    calls: &mut Calls<'_>,
    window: Window,
) -> Result<Look, Stop> {
    let payload = &stored.payload;
    if let Payload::CreateContact(_) = payload {
        return creation::look(courier, job, stored, calls, window).await;
    }
    let contact = contact.map(|contact| &contact.id);
    let request = contact.and_then(|contact| readback::list(payload, contact));
    let (Some(request), Some(contact)) = (request, contact) else {
        return Err(cannot_be_read_back(payload, calls));
    };
    let answer = calls.send(&request).await;
    let list = match answer {
        Ok(answer) => {
            let seen = seen(payload.clone(), answer).await;
            calls.read(&request, seen)
        }
        Err(stop) => Err(stop),
    };
    let too_old = courier.is_expired(job, stored);
    let list = list.map_err(|stop| unreadable(stop, Some(contact), too_old, job, calls))?;
    count_anew(job);
    let sought = sought(courier, job, stored, calls, window);
    let list = unclaimed(courier, job, list, &sought, calls).await?;
    match sought.judge(&list) {
        Verdict::Ours(id) => {
            let outcome = adopted(payload, contact, id, calls);
            let has_twins = sought.has_twins(&list);
            Ok(Look::Adopted { outcome, has_twins })
        }
        Verdict::Absent => Ok(Look::Absent),
        Verdict::Unclear(ids) => Err(ambiguous(
            "what is there cannot be told from what was there before",
            json!({ listed(payload): ids, "contactId": contact }),
            calls,
        )),
    }
}

/// What the list holds. A long one takes its time, which is not taken from the leases: they are renewed meanwhile.
async fn seen(payload: Payload, answer: Answer) -> Result<Vec<Seen>, CallError> {
    let reading = spawn_blocking(move || readback::seen(&payload, &answer));
    reading
        .await
        .unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(stopped) => Err(CallError::NotSent {
                message: stopped.to_string(),
            }),
        })
}

/// What is looked for. The API dates what it makes by its own clock: so is the call's moment, where it is known how the two clocks differ.
fn sought(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    calls: &Calls<'_>,
    window: Window,
) -> Sought {
    let run = &job.claimed.run;
    let intents = run.number(field::INTENTS).unwrap_or(0);
    let numbers = u32::try_from(intents).unwrap_or(u32::MAX);
    let markers = courier.marker.all(Maker::of(job), numbers);
    // What Redis may have forgotten is not on record.
    let is_open = journal::is_open(run);
    let is_marked = intents > 0 && run.text(field::UNMARKED).is_none();
    let forgotten = run.forgotten(&job.claimed.lapses, stored.due_ms);
    let noted = run.number(field::INTENT_THERE).filter(|_| is_open);
    let now = calls.there_at(window.reckoned);
    let before = |ago| now.and_then(|now| now.checked_sub(ago));
    let since = offset::agreed(noted, before(window.sent_ago));
    Sought {
        // A note by itself does not say until when.
        since_ms: since.filter(|_| now.is_some()),
        until_ms: before(window.over_for),
        all_marked: is_open && !markers.is_empty() && is_marked && forgotten.is_none(),
        // What may be somebody else's, and one that is forgotten should have carried one.
        doubts_bare: courier.marker.is_on() && (is_marked || !is_open),
        markers,
        quoted: readback::quoted(&stored.payload),
    }
}

/// Those that may be the job's, and that no other job of ours has made.
async fn unclaimed(
    courier: &Courier,
    job: &Assignment,
    list: Vec<Seen>,
    sought: &Sought,
    calls: &Calls<'_>,
) -> Result<Vec<Seen>, Stop> {
    let mut unclaimed = Vec::new();
    for seen in list.into_iter().filter(|seen| sought.concerns(seen)) {
        let tenant = job.reference().tenant();
        let maker = courier.queue.maker_of(tenant, &seen.id).await;
        let maker = maker.map_err(|_| calls.postponed(READ_AGAIN, "waits for Redis"))?;
        if maker.is_none_or(|maker| maker == job.reference().id()) {
            unclaimed.push(seen);
        }
    }
    Ok(unclaimed)
}

/// What the list holds, as evidence names it.
fn listed(payload: &Payload) -> &'static str {
    match payload {
        Payload::CreateTask(_) => "tasks",
        _ => "notes",
    }
}

fn adopted(payload: &Payload, contact: &ContactId, id: String, calls: &Calls<'_>) -> Outcome {
    let made = match payload {
        Payload::CreateTask(_) => "taskId",
        _ => "noteId",
    };
    Outcome::Delivered {
        result: json!({ made: id, "contactId": contact }),
        effect: Some(id),
        permit: calls.permit(),
    }
}

fn cannot_be_read_back(payload: &Payload, calls: &Calls<'_>) -> Stop {
    let evidence = json!({ "cannotBeReadBack": payload.job_type().as_str() });
    ambiguous("what was sent cannot be read back", evidence, calls)
}

fn ambiguous(message: &str, evidence: Value, calls: &Calls<'_>) -> Stop {
    Outcome::Ambiguous {
        fault: Fault::new(message),
        evidence,
        permit: calls.permit(),
    }
    .into()
}

/// A list that is refused for good, or never can be read, leaves it to a person; one that cannot be read now is read again, and no attempt is used,
/// unless the job is too old by now.
fn unreadable(
    stop: Stop,
    contact: Option<&ContactId>,
    too_old: bool,
    job: &Assignment,
    calls: &Calls<'_>,
) -> Stop {
    let leave = |message, error: &CallError| {
        let fault = deliver::fault(error);
        let evidence =
            json!({ "list": fault.message, "status": fault.status, "contactId": contact });
        ambiguous(message, evidence, calls)
    };
    match stop {
        Stop::Call(
            error @ (CallError::Unreadable { .. }
            | CallError::ServerError { .. }
            | CallError::Unanswered { .. }),
        ) if too_old => {
            count_anew(job);
            leave("what was sent could not be read back in time", &error)
        }
        Stop::Call(
            error @ (CallError::Rejected { .. }
            | CallError::ContactNotFound { .. }
            | CallError::PartNotFound { .. }
            | CallError::TooLong { .. }),
        ) => leave("what was sent cannot be read back", &error),
        Stop::Call(error @ CallError::Unreadable { .. }) => match garbage(job, &error) {
            Some(wait) => read_again(wait, calls),
            None => leave("what was sent cannot be read back", &error),
        },
        stop => unread(stop, calls),
    }
}

/// What cannot be called now is called again, and no attempt is used.
pub fn unread(stop: Stop, calls: &Calls<'_>) -> Stop {
    match stop {
        Stop::Call(CallError::Throttled { .. } | CallError::Unauthorized { .. })
        | Stop::Outcome(_) => stop,
        Stop::Call(_) => read_again(READ_AGAIN, calls),
    }
}

/// After so long.
pub fn read_again(wait: Duration, calls: &Calls<'_>) -> Stop {
    Outcome::Unread {
        wait,
        permit: calls.permit(),
    }
    .into()
}

/// A list was not what the API is known to say: when it is read again, if ever.
pub fn garbage(job: &Assignment, error: &CallError) -> Option<Duration> {
    let before = job.claimed.run.number(field::UNREAD).unwrap_or(0);
    let times = u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1);
    tracing::warn!(
        job = job.reference().id(),
        tenant = job.reference().tenant(),
        times,
        %error,
        "a contact's list is not what it is known to be"
    );
    if times >= MOST_READ {
        count_anew(job);
        return None;
    }
    job.note(field::UNREAD, times.to_string());
    Some(READ_SELDOM.delay(times, 1.0))
}

/// What is garbage from now on is counted anew.
pub fn count_anew(job: &Assignment) {
    if job.claimed.run.text(field::UNREAD).is_some() {
        job.note(field::UNREAD, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_read_ever_more_seldom() {
        let waits: Vec<_> = [1, 2, 3, 7, 100]
            .map(|times| READ_SELDOM.delay(times, 1.0).as_secs())
            .into();
        assert_eq!(waits, [10, 20, 40, 600, 600]);
    }
}
