//! Looking for a contact that may have been created: by its email and its phone, and by the date that the API has put on it.

mod lack;

use jiff::Timestamp;
use penstock_shared::{
    ghl::{CallError, Contact, Request},
    job::{ContactId, ContactRef, CreateContact, Payload},
    outcome::Outcome,
    queue::{
        record::StoredJob,
        run::{Run, field},
        settle::Fields,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Look, READ_AGAIN, Seen, Sought, Verdict, Window, ambiguous, cannot_be_read_back, count_anew,
    sought, unclaimed, unreadable,
};
use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact, creation,
    deliver::Courier,
    likeness::Likeness,
};

/// What the searches of one look have found so far, each of them a call: the next may have to wait for its permit, and none is repeated for that.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// By each reference, in their order, whom it leads to, if to anybody.
    searched: Vec<Option<Candidate>>,
    /// What the one that it may be lacks of what the job says, once it was read.
    #[serde(default)]
    lacks: Vec<String>,
}

/// A contact that goes by a name of the job's.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Candidate {
    id: ContactId,
    added: Option<Timestamp>,
    /// Whether that is all that the API tells: its search leaves out what it likes.
    whole: bool,
}

/// What is to be found out next.
enum Step<'a> {
    Search(&'a ContactRef),
    Read(ContactId),
}

impl Progress {
    fn of(run: &Run) -> Self {
        let seen = run.text(field::SEEN).map(serde_json::from_str);
        seen.and_then(Result::ok).unwrap_or_default()
    }

    /// Writes it down, before the next call, which may find no permit.
    async fn keep(&self, calls: &mut Calls<'_>) -> Result<(), Stop> {
        // There is nothing in it that JSON could not say.
        let seen = serde_json::to_string(self).unwrap_or_default();
        let seen = Fields::from([(field::SEEN, seen)]);
        calls.advance(seen, None).await
    }

    fn next<'a>(&self, references: &'a [ContactRef]) -> Option<Step<'a>> {
        let mut found = self.searched.iter().flatten();
        let dateless = found.find(|found| found.added.is_none() && !found.whole);
        match dateless {
            Some(found) => Some(Step::Read(found.id.clone())),
            None => references.get(self.searched.len()).map(Step::Search),
        }
    }

    /// What a search has found.
    fn found(&mut self, contact: Option<Contact>) {
        self.searched.push(contact.map(|contact| Candidate {
            id: contact.id,
            added: contact.date_added,
            whole: false,
        }));
    }

    /// What the contact itself says; nobody is there if it is gone.
    fn read(&mut self, id: &ContactId, contact: Option<&Contact>) {
        for searched in &mut self.searched {
            if searched.as_ref().is_some_and(|found| found.id == *id) {
                *searched = contact.map(|contact| Candidate {
                    id: id.clone(),
                    added: contact.date_added,
                    whole: true,
                });
            }
        }
    }

    /// The names that lead to this contact.
    fn names_of(&self, id: &str, references: &[ContactRef]) -> Vec<ContactRef> {
        let all = self.searched.iter().zip(references);
        let own =
            all.filter(|(found, _)| found.as_ref().is_some_and(|found| found.id.as_str() == id));
        own.map(|(_, reference)| reference.clone()).collect()
    }

    /// Each contact once.
    fn seen(&self) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::new();
        for found in self.searched.iter().flatten() {
            if seen.iter().all(|other| other.id != found.id.as_str()) {
                seen.push(Seen {
                    id: found.id.as_str().to_owned(),
                    added: found.added,
                    likeness: Likeness::Equal,
                    markers: Vec::new(),
                });
            }
        }
        seen
    }
}

/// One look. Whoever is there and was so before may be why nothing was created, or beside what was: that nobody can tell.
pub(super) async fn look(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    calls: &mut Calls<'_>,
    window: Window,
) -> Result<Look, Stop> {
    let references = stored.payload.contact_refs();
    if references.is_empty() {
        return Err(cannot_be_read_back(&stored.payload, calls));
    }
    let mut progress = Progress::of(&job.claimed.run);
    while let Some(step) = progress.next(&references) {
        let too_old = courier.is_expired(job, stored);
        let taken = take(job, &mut progress, step, calls).await;
        taken.map_err(|stop| unreadable(stop, None, too_old, job, calls))?;
        if progress.next(&references).is_some() {
            progress.keep(calls).await?;
        }
    }
    count_anew(job);
    job.note(field::SEEN, "");
    let sought = Sought {
        markers: Vec::new(),
        all_marked: false,
        doubts_bare: false,
        quoted: Vec::new(),
        ..sought(courier, job, stored, calls, window)
    };
    let there = progress.seen();
    let own = unclaimed(courier, job, there.clone(), &sought, calls).await?;
    match verdict(&sought, &there, &own) {
        Verdict::Ours(id) => {
            let Ok(id) = id.parse::<ContactId>() else {
                return Err(cannot_be_read_back(&stored.payload, calls));
            };
            let names = progress.names_of(id.as_str(), &references);
            let outcome = adopt(courier, job, stored, &id, &mut progress, calls).await?;
            contact::learn_names(courier, job, &id, &names).await;
            Ok(Look::Adopted {
                outcome,
                has_twins: false,
            })
        }
        Verdict::Absent => Ok(Look::Absent),
        Verdict::Unclear(ids) => Err(ambiguous(
            "who is there cannot be told from who was there before",
            json!({ "contacts": ids }),
            calls,
        )),
    }
}

/// Of those that are there, some of which no other job of ours has made.
fn verdict(sought: &Sought, there: &[Seen], own: &[Seen]) -> Verdict {
    match sought.judge(own) {
        Verdict::Ours(id) => Verdict::Ours(id),
        _ if there.is_empty() => Verdict::Absent,
        _ => Verdict::Unclear(there.iter().map(|seen| seen.id.clone()).collect()),
    }
}

/// Takes it for the job's, as far as that goes: somebody else may have made it in the same seconds, and the call was refused then. It is to have what the
/// job says in any case: what it lacks of that is written, which may be repeated; so the intent stays, and nothing is created for it.
async fn adopt(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    id: &ContactId,
    progress: &mut Progress,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let Payload::CreateContact(new) = &stored.payload else {
        return Err(cannot_be_read_back(&stored.payload, calls));
    };
    if progress.lacks.is_empty() {
        progress.keep(calls).await?;
        let read = lacks(new, id, calls).await;
        let too_old = courier.is_expired(job, stored);
        progress.lacks = read.map_err(|stop| unreadable(stop, Some(id), too_old, job, calls))?;
    }
    if !progress.lacks.is_empty() {
        progress.keep(calls).await?;
        let request = Request::update_lacking(id, new, &progress.lacks);
        return creation::update(courier, job, &request, id, calls).await;
    }
    Ok(Outcome::Delivered {
        result: json!({ "contactId": id, "new": true }),
        effect: Some(id.as_str().to_owned()),
        permit: calls.permit(),
    })
}

/// What the contact lacks of what it was to be created with. One that is gone is looked for anew.
async fn lacks(
    new: &CreateContact,
    id: &ContactId,
    calls: &mut Calls<'_>,
) -> Result<Vec<String>, Stop> {
    let request = Request::get_contact(id);
    let answer = match calls.send(&request).await {
        Err(Stop::Call(CallError::ContactNotFound { .. })) => {
            return Err(calls.postponed(READ_AGAIN, "who was found is gone"));
        }
        answer => answer?,
    };
    let read = answer.contact();
    calls.read(&request, read)?;
    let theirs = answer.body.get("contact").unwrap_or(&answer.body);
    Ok(lack::of(new, theirs))
}

/// Makes the call that a step is.
async fn take(
    job: &Assignment,
    progress: &mut Progress,
    step: Step<'_>,
    calls: &mut Calls<'_>,
) -> Result<(), Stop> {
    let request = match &step {
        Step::Search(reference) => contact::read(job, reference)?,
        Step::Read(id) => Request::get_contact(id),
    };
    let answer = match calls.send(&request).await {
        Ok(answer) => Some(answer),
        // Nobody is there.
        Err(Stop::Call(CallError::ContactNotFound { .. })) => None,
        Err(other) => return Err(other),
    };
    match step {
        Step::Search(_) => {
            let found = answer.map(|answer| answer.found_contact()).transpose();
            progress.found(calls.read(&request, found)?.flatten());
        }
        Step::Read(id) => {
            let found = answer.map(|answer| answer.contact()).transpose();
            progress.read(&id, calls.read(&request, found)?.as_ref());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
