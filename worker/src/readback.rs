//! What a contact's list says of a call that had no answer.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    ghl::{Answer, CallError, Note, Request, Task},
    job::{ContactId, CreateTask, Payload, Text},
    span::millis,
};

use crate::{
    likeness::{Likeness, Wanted},
    marker,
};

/// A note dated this much before its intent can still be ours: dates are rounded, and the API has more than one clock.
pub const CLOCKS: Duration = Duration::from_secs(10);
/// One dated within this before its intent might be ours if a clock is badly wrong: a person looks.
const DOUBT: Duration = Duration::from_secs(3600);
/// An API that keeps the day alone moves what is due by less than this.
const DAY: Duration = Duration::from_secs(86_400);

/// The request that lists what the job's call may have made; `None` for what no list shows.
pub fn list(payload: &Payload, contact: &ContactId) -> Option<Request> {
    match payload {
        Payload::AttachNote(_) => Some(Request::list_notes(contact)),
        Payload::CreateTask(_) => Some(Request::list_tasks(contact)),
        _ => None,
    }
}

/// A note or a task of the contact, as far as it may be the job's.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// When it was made, by the API's clock; a task does not tell.
    pub added: Option<Timestamp>,
    /// How like it is to what the job says.
    pub likeness: Likeness,
    /// The markers in it, anybody's.
    pub markers: Vec<String>,
}

impl Seen {
    fn added_ms(&self) -> Option<u64> {
        let added = self.added?.as_millisecond();
        Some(u64::try_from(added).unwrap_or(0))
    }
}

/// Everything in a list.
pub fn seen(payload: &Payload, answer: &Answer) -> Result<Vec<Seen>, CallError> {
    Ok(match payload {
        Payload::AttachNote(wanted) => {
            let notes = answer.notes()?;
            let body = Wanted::new(wanted.body.as_str());
            let title = wanted
                .title
                .as_ref()
                .map(|title| Wanted::new(title.as_str()));
            let seen = notes.into_iter().map(|note| Seen {
                likeness: of_note(&note, &body, title.as_ref()),
                markers: markers(note.body.as_deref()),
                added: note.date_added,
                id: note.id,
            });
            seen.collect()
        }
        Payload::CreateTask(wanted) => {
            let tasks = answer.tasks()?;
            let title = Wanted::new(wanted.title.as_str());
            let seen = tasks.into_iter().map(|task| Seen {
                likeness: of_task(&task, &title, wanted),
                markers: markers(task.body.as_deref()),
                added: None,
                id: task.id,
            });
            seen.collect()
        }
        _ => Vec::new(),
    })
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// When the call was sent, ms by the API's clock; `None` if that cannot be told.
    pub since_ms: Option<u64>,
    /// By when it has had its effect if the API keeps to the quarantine, likewise.
    pub until_ms: Option<u64>,
    /// The markers that the job's calls may have carried; empty if none can be known.
    pub markers: Vec<String>,
    /// Whether each of its calls carried one: then no body without is its own.
    pub all_marked: bool,
    /// Whether one without a marker may be the job's only by chance.
    pub doubts_bare: bool,
    /// Markers that stand in what was to be written: somebody has copied them there, and they tell of nobody.
    pub quoted: Vec<String>,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This one is the job's.
    Ours(String),
    /// Nothing.
    Absent,
    /// These may be the job's or not.
    Unclear(Vec<String>),
}

impl Sought {
    /// Whether it carries a marker of the job's.
    fn is_marked(&self, seen: &Seen) -> bool {
        seen.markers
            .iter()
            .any(|marker| self.markers.contains(marker))
    }

    /// Whether it has to be looked at: ours for certain, or equal or alike and not another one's.
    pub fn concerns(&self, seen: &Seen) -> bool {
        if self.is_marked(seen) {
            return true;
        }
        // Of another life of the job its date tells whether it is ours, as if it had none.
        let alike = |marker: &str| {
            self.markers
                .iter()
                .any(|own| marker::are_alike(own, marker))
        };
        let foreign = |marker: &String| !self.quoted.contains(marker) && !alike(marker);
        let anothers = !self.markers.is_empty() && seen.markers.iter().any(foreign);
        // An altered text may have lost it.
        let is_bare = self.all_marked && seen.likeness == Likeness::Equal;
        seen.likeness != Likeness::Other && !anothers && !is_bare
    }

    /// Whether more than one of them is the job's for certain.
    pub fn has_twins(&self, list: &[Seen]) -> bool {
        list.iter().filter(|seen| self.is_marked(seen)).count() > 1
    }

    /// What the list says, of which all are left out that are another job's.
    pub fn judge(&self, list: &[Seen]) -> Verdict {
        // Newest first, as the API lists them: of two that are ours for certain the older one is it, and the other its twin.
        let mut marked = list.iter().filter(|seen| self.is_marked(seen));
        if let Some(oldest) = marked.next_back() {
            return Verdict::Ours(oldest.id.clone());
        }
        let (mut ours, mut doubtful) = (Vec::new(), Vec::new());
        for seen in list.iter().filter(|seen| self.concerns(seen)) {
            match (self.before_call(seen), seen.likeness) {
                (Some(age), Likeness::Equal)
                    if age <= CLOCKS
                        && !self.is_too_late(seen)
                        && !(self.doubts_bare && seen.markers.is_empty()) =>
                {
                    ours.push(seen.id.clone());
                }
                (Some(age), Likeness::Equal) if age > DOUBT => {}
                (Some(age), Likeness::Alike) if age > CLOCKS => {}
                _ => doubtful.push(seen.id.clone()),
            }
        }
        match (ours.as_slice(), doubtful.as_slice()) {
            ([id], []) => Verdict::Ours(id.clone()),
            ([], []) => Verdict::Absent,
            _ => Verdict::Unclear([ours, doubtful].concat()),
        }
    }

    /// How long before the call it was made, zero if after; `None` if that cannot be told.
    fn before_call(&self, seen: &Seen) -> Option<Duration> {
        let before = self.since_ms?.saturating_sub(seen.added_ms()?);
        Some(Duration::from_millis(before))
    }

    /// Whether it was made when the call could have no effect any more.
    fn is_too_late(&self, seen: &Seen) -> bool {
        let dates = seen.added_ms().zip(self.until_ms);
        dates.is_some_and(|(added, until)| added > until + millis(CLOCKS))
    }
}

/// The markers in what a job writes.
pub fn quoted(payload: &Payload) -> Vec<String> {
    markers(match payload {
        Payload::AttachNote(note) => Some(note.body.as_str()),
        Payload::CreateTask(task) => task.body.as_ref().map(Text::as_str),
        _ => None,
    })
}

fn markers(body: Option<&str>) -> Vec<String> {
    marker::found(body.unwrap_or_default())
}

/// A note of which nothing is shown may say anything.
fn of_note(note: &Note, body: &Wanted<'_>, title: Option<&Wanted<'_>>) -> Likeness {
    let theirs = note.body.as_deref();
    let bodies = theirs.map_or(Likeness::Alike, |theirs| body.likeness(theirs));
    bodies.max(of_titles(note.title.as_deref(), title))
}

/// A body that is not shown may have held a marker.
fn of_task(task: &Task, title: &Wanted<'_>, wanted: &CreateTask) -> Likeness {
    let body = task
        .body
        .as_ref()
        .map_or(Likeness::Alike, |_| Likeness::Equal);
    let titles = of_titles(task.title.as_deref(), Some(title));
    body.max(titles)
        .max(of_dates(task.due_date, wanted.due_date.timestamp()))
}

/// What the list leaves out tells nothing.
fn of_titles(theirs: Option<&str>, ours: Option<&Wanted<'_>>) -> Likeness {
    let both = theirs.zip(ours);
    both.map_or(Likeness::Equal, |(theirs, ours)| ours.likeness(theirs))
}

fn of_dates(theirs: Option<Timestamp>, ours: Timestamp) -> Likeness {
    match theirs.map(|theirs| theirs.duration_since(ours).unsigned_abs()) {
        Some(apart) if apart >= DAY => Likeness::Other,
        Some(apart) if apart >= Duration::from_secs(1) => Likeness::Alike,
        _ => Likeness::Equal,
    }
}

#[cfg(test)]
mod tests;
