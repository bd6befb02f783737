//! From an email or a phone to the API's id of the contact: the journal, the remembered map, else the API.

use std::time::Duration;

use penstock_shared::{
    ghl::{Answer, CallError, Contact, Lookup, Request},
    job::{ContactId, ContactRef, Payload},
    outcome::{Cause, Fault, Outcome, Permit},
    queue::{run::field, settle::Fields},
    span::millis,
};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::{self, Courier},
    parent,
};

/// The API's search lags behind its writes: what it does not find is looked up again for this long …
const LAG: Duration = Duration::from_secs(120);
/// … this often.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The contact of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The API's id.
    pub id: ContactId,
    /// What it was remembered for, if it was not given as an id: it may be out of date.
    pub remembered_for: Option<ContactRef>,
}

/// Finds the contact that the job is for; `None` for what creates one, and what is for many.
pub async fn find(
    courier: &Courier,
    job: &Assignment,
    payload: &Payload,
    calls: &mut Calls<'_>,
) -> Result<Option<Found>, Stop> {
    let reference = match deliver::reference(payload) {
        None => return Ok(None),
        Some(ContactRef::Id(id)) => {
            return Ok(Some(Found {
                id,
                remembered_for: None,
            }));
        }
        Some(ContactRef::Job(parent)) => {
            return Ok(Some(Found {
                id: parent::contact(courier, job, &parent, calls).await?,
                remembered_for: None,
            }));
        }
        Some(reference) => reference,
    };
    let known = match job.claimed.run.text(field::CONTACT) {
        Some(id) => id.parse().ok(),
        None => remembered(courier, job, &reference).await,
    };
    let id = match known {
        Some(id) => id,
        None => look_up(courier, job, &reference, calls).await?,
    };
    Ok(Some(Found {
        id,
        remembered_for: Some(reference),
    }))
}

/// What the map says; a Redis that is away means that the API is asked.
pub async fn remembered(
    courier: &Courier,
    job: &Assignment,
    reference: &ContactRef,
) -> Option<ContactId> {
    let known = courier
        .queue
        .remembered(job.reference().tenant(), reference)
        .await;
    known.ok().flatten().and_then(|id| id.parse().ok())
}

async fn look_up(
    courier: &Courier,
    job: &Assignment,
    reference: &ContactRef,
    calls: &mut Calls<'_>,
) -> Result<ContactId, Stop> {
    if let ContactRef::Id(id) = reference {
        return Ok(id.clone());
    }
    let request = read(job, reference)?;
    let found = match calls.send(&request).await {
        Ok(answer) => calls.read(&request, answer.found_contact())?,
        // Nobody by that name is no refusal.
        Err(Stop::Call(error @ CallError::ContactNotFound { .. })) => {
            return Err(not_found(job, Some(&error), calls.permit()).into());
        }
        Err(stop) => return Err(stop),
    };
    let Some(found) = found else {
        return Err(not_found(job, None, calls.permit()).into());
    };
    learn(courier, job, &found, Some(reference)).await;
    let fields = Fields::from([
        (field::CONTACT, found.id.as_str().to_owned()),
        (field::LOOKUP, String::new()),
    ]);
    calls.advance(fields, None).await?;
    Ok(found.id)
}

/// The call that reads a contact by what is known of it.
pub fn read(job: &Assignment, reference: &ContactRef) -> Result<Request, Stop> {
    let by = match reference {
        ContactRef::Id(id) => return Ok(Request::get_contact(id)),
        ContactRef::Email(email) => Lookup::Email(email),
        ContactRef::Phone(phone) => Lookup::Phone(phone),
        ContactRef::Job(_) => return Err(deliver::nameless()),
    };
    Ok(Request::search_duplicate(&deliver::tenant(job)?, by))
}

/// Nobody by that name yet: the search may only lag.
fn not_found(job: &Assignment, said: Option<&CallError>, permit: Permit) -> Outcome {
    let lookup = job.claimed.run.number(field::LOOKUP);
    let first = lookup.unwrap_or(job.steady.latest_ms());
    if job.steady.earliest_ms().saturating_sub(first) >= millis(LAG) {
        let nobody = || Fault::new("the API knows no contact with this email or phone");
        let fault = said.map_or_else(nobody, deliver::fault);
        return Outcome::Rejected {
            cause: Cause::ContactNotFound,
            fault,
            permit,
        };
    }
    job.note(field::LOOKUP, first.to_string());
    Outcome::Postponed {
        wait: LOOK_AGAIN,
        why: "the API does not find the contact yet",
        permit,
    }
}

/// The API does not know the contact: a remembered id is forgotten and looked up once more, a given one is an error.
pub async fn forget(
    courier: &Courier,
    job: &Assignment,
    contact: &Found,
    error: &CallError,
) -> Outcome {
    let fresh = job.claimed.run.text(field::FORGOTTEN) == Some(contact.id.as_str());
    let Some(reference) = contact.remembered_for.as_ref().filter(|_| !fresh) else {
        return Outcome::Rejected {
            cause: Cause::ContactNotFound,
            fault: deliver::fault(error),
            permit: Permit::Answered,
        };
    };
    unlearn(courier, job, reference).await;
    job.note(field::CONTACT, "");
    job.note(field::FORGOTTEN, contact.id.as_str());
    Outcome::Postponed {
        wait: Duration::ZERO,
        why: "the remembered contact is gone",
        permit: Permit::Answered,
    }
}

/// What a job's success says of who is who from now on.
pub async fn remember(
    courier: &Courier,
    job: &Assignment,
    payload: &Payload,
    contact: Option<&Found>,
    answer: &Answer,
) {
    let old = contact.and_then(|contact| contact.remembered_for.as_ref());
    match payload {
        Payload::UpsertContact(_) | Payload::CreateContact(_) => {
            if let Ok(found) = answer.contact() {
                learn(courier, job, &found, None).await;
            }
        }
        Payload::UpdateContact(_) => {
            if let Ok(found) = answer.contact() {
                if let Some(old) = old.filter(|old| !found.has(old)) {
                    unlearn(courier, job, old).await;
                }
                learn(courier, job, &found, None).await;
            }
        }
        Payload::DeleteContact(_) => {
            if let Some(old) = old {
                unlearn(courier, job, old).await;
            }
        }
        _ => {}
    }
}

/// Forgets whose name this was.
pub async fn unlearn(courier: &Courier, job: &Assignment, reference: &ContactRef) {
    let tenant = job.reference().tenant();
    if let Err(error) = courier.queue.unremember(tenant, reference).await {
        tracing::warn!(job = %job.reference(), %error, "a contact's id could not be forgotten");
    }
}

/// Remembers what an answer says of the contact: its email and phone, and what it was asked for by.
pub async fn learn(
    courier: &Courier,
    job: &Assignment,
    contact: &Contact,
    asked: Option<&ContactRef>,
) {
    let email = contact.email.clone().map(ContactRef::Email);
    let phone = contact.phone.clone().map(ContactRef::Phone);
    let mut references: Vec<_> = email.into_iter().chain(phone).collect();
    references.extend(asked.filter(|asked| !references.contains(asked)).cloned());
    learn_names(courier, job, &contact.id, &references).await;
}

/// Remembers that these are names of the contact. Whoever has the job by now asks for itself.
pub async fn learn_names(
    courier: &Courier,
    job: &Assignment,
    contact: &ContactId,
    names: &[ContactRef],
) {
    if !job.is_ours(Duration::ZERO) {
        return;
    }
    let tenant = job.reference().tenant();
    if let Err(error) = courier.queue.learn(tenant, contact, names).await {
        tracing::warn!(job = %job.reference(), %error, "a contact's id could not be remembered; it will be looked up");
    }
}
