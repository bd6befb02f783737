//! Looking for a contact that may have been created: by its email and its phone, and by the date that the API has put on it.

use jiff::Timestamp;
use penstock_shared::{
    ghl::{CallError, Contact, Request},
    job::{ContactId, ContactRef},
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
    Look, Seen, Sought, Verdict, Window, ambiguous, cannot_be_read_back, count_anew, sought,
    unclaimed, unreadable,
};
use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact,
    deliver::Courier,
    likeness::Likeness,
};

/// What the searches of one look have found so far, each of them a call: the next may have to wait for its permit, and none is repeated for that.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// By each reference, in their order, whom it leads to, if to anybody.
    searched: Vec<Option<Candidate>>,
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
            // There is nothing in it that JSON could not say.
            let seen = serde_json::to_string(&progress).unwrap_or_default();
            calls
                .advance(Fields::from([(field::SEEN, seen)]), None)
                .await?;
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
            let names = progress.names_of(&id, &references);
            if let Ok(contact) = id.parse() {
                contact::learn_names(courier, job, &contact, &names).await;
            }
            Ok(Look::Adopted {
                outcome: Outcome::Delivered {
                    result: json!({ "contactId": id, "new": true }),
                    effect: Some(id),
                    permit: calls.permit(),
                },
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
mod tests {
    use super::*;

    const SENT: i64 = 1_700_000_000_000;

    fn contact(id: &str, added_ms: Option<i64>) -> Contact {
        Contact {
            id: id.parse().unwrap(),
            email: None,
            phone: None,
            date_added: added_ms.map(|ms| Timestamp::from_millisecond(ms).unwrap()),
        }
    }

    fn references() -> [ContactRef; 2] {
        let email = ContactRef::Email("a@b.io".parse().unwrap());
        let phone = ContactRef::Phone("+14155550100".parse().unwrap());
        [email, phone]
    }

    fn of(found: &[Option<Contact>]) -> Vec<Seen> {
        let mut progress = Progress::default();
        for found in found {
            progress.found(found.clone());
        }
        progress.seen()
    }

    #[test]
    fn a_contact_is_read_only_for_a_date_that_the_search_leaves_out() {
        let references = references();
        let mut progress = Progress::default();
        progress.found(Some(contact("a", Some(SENT))));
        let Some(Step::Search(ContactRef::Phone(_))) = progress.next(&references) else {
            panic!("the other name is searched for")
        };
        progress.found(Some(contact("b", None)));
        let stored = serde_json::to_string(&progress).unwrap();
        let mut progress: Progress = serde_json::from_str(&stored).unwrap();
        let Some(Step::Read(id)) = progress.next(&references) else {
            panic!("it is read")
        };
        progress.read(&id, Some(&contact("b", None)));
        assert!(progress.next(&references).is_none(), "it has no date");
        assert_eq!(progress.names_of("b", &references), references[1..]);
        progress.read(&id, None);
        assert_eq!(progress.seen().len(), 1, "it is gone");
    }

    #[test]
    fn only_who_came_to_be_with_the_call_is_its_doing() {
        let sent = u64::try_from(SENT).unwrap();
        let sought = Sought {
            since_ms: Some(sent),
            until_ms: Some(sent + 30_000),
            ..Sought::default()
        };
        let verdict = |found: &[Option<Contact>]| verdict(&sought, &of(found), &of(found));
        let (old, new) = (
            contact("old", Some(SENT - 86_400_000)),
            contact("new", Some(SENT + 500)),
        );
        let unclear =
            |ids: &[&str]| Verdict::Unclear(ids.iter().map(ToString::to_string).collect());
        assert_eq!(verdict(&[None, None]), Verdict::Absent);
        let ours = Verdict::Ours("new".to_owned());
        assert_eq!(verdict(&[Some(new.clone()), Some(new.clone())]), ours);
        assert_eq!(verdict(&[Some(old.clone()), Some(new.clone())]), ours);
        assert_eq!(verdict(&[Some(old), None]), unclear(&["old"]));
        assert_eq!(
            verdict(&[Some(contact("odd", None)), None]),
            unclear(&["odd"])
        );
        let later = contact("later", Some(SENT + 90_000));
        assert_eq!(verdict(&[Some(later), None]), unclear(&["later"]));
        // Another job of ours has made it.
        let there = of(&[Some(new), None]);
        assert_eq!(super::verdict(&sought, &there, &[]), unclear(&["new"]));
    }
}
