//! `job why`: everything that a job waits for, with the moment where it is known.

mod lane;
mod others;

use std::fmt::Write;

use penstock_shared::{
    job::{
        Payload,
        state::{Ending, READ_ONLY, State},
    },
    program::{Exit, Failure},
    queue::{
        Queue,
        forecast::{Limit, Turn},
        record::RecordError,
        run::field,
        status::{JobStatus, Place},
    },
};
use serde::Serialize;

use crate::{
    arguments::OneJob,
    moment::moment,
    render::{Format, Row},
    target,
};

/// `job why`.
pub(crate) async fn why(queue: &Queue, format: Format, wanted: &OneJob) -> Result<Exit, Failure> {
    let status = target::job(queue, wanted).await?;
    let only = |reason| (vec![reason], None);
    let (reasons, turn) = match status.state {
        State::Done => only(done(&status)),
        State::Dead => only(dead(&status)),
        State::Running => only(running(&status, queue.now().await?)),
        State::Scheduled | State::Ready | State::Blocked => waiting(queue, &status).await?,
    };
    let answer = Answer {
        id: status.id,
        tenant: status.tenant,
        state: status.state,
        reasons,
        eta: turn.map(|turn| moment(turn.at_ms)),
    };
    match format {
        Format::Table => answer.tell()?,
        _ => format.record(&answer)?,
    }
    Ok(Exit::Done)
}

/// One thing that a job waits for.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Reason {
    /// A word for programs.
    what: &'static str,
    /// The same for people.
    detail: String,
    /// When it passes, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl Row for Reason {
    const COLUMNS: &'static [&'static str] = &["what", "until", "detail"];
}

impl Reason {
    fn new(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            detail: detail.into(),
            until: None,
        }
    }

    fn until(self, ms: Option<u64>) -> Self {
        Self {
            until: ms.map(moment),
            ..self
        }
    }
}

#[derive(Debug, Serialize)]
struct Answer {
    id: String,
    tenant: String,
    state: State,
    reasons: Vec<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eta: Option<String>,
}

impl Row for Answer {
    const COLUMNS: &'static [&'static str] = &["id", "tenant", "state", "reasons", "eta"];
}

impl Answer {
    fn tell(&self) -> Result<(), Failure> {
        let eta = self.eta.as_deref();
        let eta = eta.map_or_else(String::new, |eta| format!("; it runs at about {eta}"));
        let head = format!("{} of {} is {}{eta}\n", self.id, self.tenant, self.state);
        penstock_shared::program::print(&head)?;
        Format::Table.rows(&self.reasons)
    }
}

/// What a job waits for, and when it runs.
async fn waiting(
    queue: &Queue,
    status: &JobStatus,
) -> Result<(Vec<Reason>, Option<Turn>), Failure> {
    let outlook = queue.outlook(&status.lane).await?;
    let crew = queue.crew().await?;
    let awaited = queue.awaited(status).await?;
    let is_hidden = awaited
        .as_ref()
        .is_some_and(|awaited| awaited.hides_moment(status.state));
    // When a person lets it go on is not known.
    let is_hidden = is_hidden || read_only(status).is_some();
    let turn = status.turn(&outlook, &crew).filter(|_| !is_hidden);
    let others = match &awaited {
        Some(awaited) => Some(others::reason(queue, status, awaited).await?),
        None => None,
    };
    // What it was put off for tells more than until when.
    let put_off = locked(status)
        .into_iter()
        .chain(unconnected(status))
        .chain(flowless(status))
        .chain(read_only(status))
        .chain(others);
    let mut reasons: Vec<_> = match status.state {
        State::Ready => vec![ready(status, turn)],
        State::Blocked => vec![blocked(queue, status, turn).await?],
        _ => Vec::new(),
    };
    reasons.extend(put_off);
    if reasons.is_empty() {
        reasons.push(scheduled(status));
    }
    if !queue.is_served(&status.lane).await? {
        reasons.push(unserved(status));
    }
    reasons.extend(lane::held(&outlook.status));
    reasons.extend(lane::ahead(&outlook.ledger, crew.workers, status.is_high()));
    Ok((reasons, turn))
}

fn done(status: &JobStatus) -> Reason {
    let at = status.done.as_ref().map(|(_, at)| *at);
    let at = at.map_or_else(String::new, |at| format!("at {}", moment(at)));
    Reason::new("done", format!("it was done {at}"))
}

fn dead(status: &JobStatus) -> Reason {
    let cause = status.run.text(field::CAUSE).unwrap_or("unknown cause");
    let at = status
        .run
        .number(field::DEAD_AT)
        .map(moment)
        .unwrap_or_default();
    let remedy = match cause {
        "ambiguous" => {
            "look at its contact; `dead resolve` then says that it is done, or sends it again"
        }
        "undecodable" => "`dead show --reveal` gives what stands there; it can only be deleted",
        _ => "`dead show` says more, `dead retry` sends it again",
    };
    Reason::new("dead", format!("it died at {at} ({cause}): {remedy}"))
}

fn running(status: &JobStatus, now_ms: u64) -> Reason {
    let worker = status.worker.as_deref().unwrap_or("unknown");
    let delivery = status.deliveries;
    if status.lease_ms.is_some_and(|end| end < now_ms) {
        let detail = format!(
            "the worker {worker} had it (delivery {delivery}); its lease has ended, and the next claim of a worker takes it back"
        );
        return Reason::new("running", detail);
    }
    let detail = format!(
        "the worker {worker} has it (delivery {delivery}); its lease ends then unless it is renewed"
    );
    Reason::new("running", detail).until(status.lease_ms)
}

/// What is sealed waits for whoever has the key.
fn locked(status: &JobStatus) -> Option<Reason> {
    let missing = status.run.text(field::LOCKED).map(|key| {
        format!(
            "it is sealed with the key {key}, which the worker that had it last does not have: it is offered again every 30 s until one has it in PENSTOCK_ENCRYPTION_KEYS"
        )
    });
    let here = status
        .unreadable
        .as_ref()
        .filter(|error| matches!(error, RecordError::Locked(_)));
    let detail = missing.or_else(|| here.map(ToString::to_string))?;
    let until = status.due_ms.filter(|_| status.state == State::Scheduled);
    Some(Reason::new("key", detail).until(until))
}

/// What goes where its last worker knows no way to waits for one that does.
fn unconnected(status: &JobStatus) -> Option<Reason> {
    let name = status.run.text(field::NO_CONNECTION)?;
    let detail = format!(
        "it is for the connection {name}, which the worker that had it last does not know: it is offered again every 30 s until one has it in the file that PENSTOCK_CONNECTIONS names"
    );
    let until = status.due_ms.filter(|_| status.state == State::Scheduled);
    Some(Reason::new("connection", detail).until(until))
}

/// What nobody follows would be lost.
fn flowless(status: &JobStatus) -> Option<Reason> {
    status.run.text(field::NO_FLOWS)?;
    let detail = "the worker that had it last has no PENSTOCK_FLOWS: it is offered again every 30 s until one has it (PENSTOCK_FLOWS=/dev/null says that nothing follows)";
    let until = status.due_ms.filter(|_| status.state == State::Scheduled);
    Some(Reason::new("flows", detail.to_owned()).until(until))
}

/// What would write waits for a person to allow it.
fn read_only(status: &JobStatus) -> Option<Reason> {
    let waits = status.state == State::Scheduled && status.run.text(field::READ_ONLY).is_some();
    if !waits {
        return None;
    }
    let tenant = &status.tenant;
    let detail = format!(
        "it would write, and its tenant may only read: `tenant allow-writes {tenant}` lets it go on; by itself it looks again then"
    );
    Some(Reason::new(READ_ONLY, detail).until(status.due_ms))
}

/// No worker has ever told of its destination.
fn unserved(status: &JobStatus) -> Reason {
    let name = status.lane.destination();
    let detail = format!(
        "no worker knows where {name} is: it waits for one that has it in the file that PENSTOCK_CONNECTIONS names"
    );
    Reason::new("connection", detail)
}

fn scheduled(status: &JobStatus) -> Reason {
    let reason = if status.run.text(field::ENDING).is_some() {
        Reason::new("quarantine", ending(status))
    } else if status.run.text(field::INTENT).is_some() && is_sms(status) {
        let detail = "nobody knows whether the message was sent: it waits for a delivery report or a reply, which is looked for then; it is not sent again";
        Reason::new("report", detail)
    } else if status.run.text(field::INTENT).is_some() {
        let detail =
            "what became of a call is not known: then it is looked up whether that took effect";
        Reason::new("quarantine", detail)
    } else if status.run.text(field::LOOKUP).is_some() {
        let detail = "the API finds no contact with its email or phone yet: it is looked up again then, for 2 minutes in all";
        Reason::new("look-up", detail)
    } else if waits_for_room(status) {
        let detail = "its tenant has about as many unfinished jobs as it may (PENSTOCK_MAX_BACKLOG): what it would find had no room; it is looked again then";
        Reason::new("backlog", detail)
    } else if status.attempts() > 0 {
        let detail = format!(
            "attempt {} has failed; the next is due then",
            status.attempts()
        );
        Reason::new("retry", detail)
    } else {
        Reason::new("due", "it is not due before then")
    };
    reason.until(status.due_ms)
}

/// What looks elsewhere for events counts how often it found no room for any.
fn waits_for_room(status: &JobStatus) -> bool {
    let job = status.job.as_ref();
    let finds = job
        .is_some_and(|job| matches!(job.payload, Payload::PullContacts(_) | Payload::PollSms(_)));
    finds && status.run.number(field::LOOKS).is_some()
}

fn is_sms(status: &JobStatus) -> bool {
    let job = status.job.as_ref();
    job.is_some_and(|job| matches!(job.payload, Payload::SendSms(_)))
}

/// What a job comes to as soon as a call of its that had no answer cannot be applied any more.
fn ending(status: &JobStatus) -> String {
    let end = match status.run.text(field::ENDING).map(serde_json::from_str) {
        Some(Ok(Ending::Dead { cause, .. })) => format!("it will be dead ({cause}) then"),
        Some(Ok(Ending::Done { .. })) => "it will be done then".to_owned(),
        _ => "it has ended".to_owned(),
    };
    format!(
        "{end}: a call of its that had no answer may still be applied, for which its contact's next job waits"
    )
}

fn ready(status: &JobStatus, turn: Option<Turn>) -> Reason {
    let mut detail = match status.position {
        Some(0) => "it is its tenant's next job".to_owned(),
        Some(before) => format!("{before} due jobs of its tenant are before it"),
        None => "it is due".to_owned(),
    };
    let jobs = status.ahead.map_or(0, |ahead| ahead.jobs);
    let others = jobs.saturating_sub(status.position.unwrap_or(0));
    if others > 0 {
        // Writing to a String cannot fail.
        let _ = write!(
            detail,
            ", and about {others} that wait for others of their contacts or for a moment go before it too"
        );
    }
    Reason::new("lane", detail + pace(turn)).until(turn.filter(|_| jobs > 0).map(|turn| turn.at_ms))
}

/// What the jobs before it wait for most.
fn pace(turn: Option<Turn>) -> &'static str {
    match turn.and_then(|turn| turn.limit) {
        None => "",
        Some(Limit::Burst) => "; the burst quota sets the pace",
        Some(Limit::Daily) => "; the daily quota sets the pace",
        Some(Limit::Slots) => "; the workers' slots set the pace",
        Some(Limit::Contacts) => "; that of a contact one job runs at a time sets the pace",
    }
}

async fn blocked(queue: &Queue, status: &JobStatus, turn: Option<Turn>) -> Result<Reason, Failure> {
    let Some(place) = queue.place(status).await? else {
        return Ok(Reason::new(
            "sequence",
            "earlier jobs of its contact have not ended",
        ));
    };
    let Some(head) = place.heads.first() else {
        // It was popped from its sequence between the two looks.
        return Ok(Reason::new("sequence", "its turn has just come"));
    };
    let found = queue.find(head, Some(&status.tenant)).await?;
    let state = found.first().map(|head| head.state);
    let turn = turn.map(|turn| turn.at_ms);
    Ok(Reason::new("sequence", behind(&place, state)).until(turn))
}

fn behind(place: &Place, head: Option<State>) -> String {
    let count = place.heads.len() as u64 + place.before;
    let jobs = if count == 1 { "job" } else { "jobs" };
    let state = head.map_or_else(String::new, |state| format!(", which is {state}"));
    let heads = place.heads.join(" and ");
    format!("{count} earlier {jobs} of its contact must end before it; the first is {heads}{state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_heads_and_those_before() {
        let place = Place {
            heads: vec!["a".to_owned()],
            before: 2,
        };
        let told = behind(&place, Some(State::Running));
        assert_eq!(
            told,
            "3 earlier jobs of its contact must end before it; the first is a, which is running"
        );
    }
}
