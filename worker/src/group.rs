//! One call for several jobs: its leader's delivery is theirs too. What is refused is taken apart, and each is sent singly.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    ghl::{CallError, Request},
    job::{ContactId, ContactRef, Payload},
    outcome::{Outcome, Permit},
    queue::{
        claim::Rider,
        record::{self, Record, StoredJob},
        run::field,
    },
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    conclusion, contact,
    deliver::{self, Courier},
    journal,
};

/// The most contacts whose business the API sets in one call.
const MOST_OF_BUSINESS: usize = 50;

/// How a rider has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum RiderEnd {
    /// It is done, with this result.
    Done(Value),
    /// It is to be sent singly.
    Apart,
}

/// Makes the jobs that stand behind the leader in its contact's sequence part of it, as far as one call does what they do one after another;
/// returns how many. The first that it does not is sent singly; what comes after that stays where it is.
pub(crate) fn merge_neighbours(
    courier: &Courier,
    job: &Assignment,
    stored: &mut StoredJob,
) -> usize {
    let mut merged = 0;
    // It would undo what they do.
    if journal::may_still_come(courier, job, stored) {
        return merged;
    }
    for rider in &job.claimed.riders {
        let together =
            payload(courier, job, rider).and_then(|next| stored.payload.followed_by(&next));
        let Some(together) = together else {
            job.rider_ends(rider, RiderEnd::Apart);
            break;
        };
        stored.payload = together;
        merged += 1;
    }
    merged
}

/// Those that were merged are done as the leader is.
pub(crate) fn conclude(job: &Assignment, merged: usize, outcome: &Outcome) {
    let Outcome::Delivered { result, .. } = outcome else {
        return;
    };
    for rider in &job.claimed.riders[..merged] {
        let mut result = result.clone();
        // At most the first of them has made the contact.
        if let Some(new) = result.get_mut("new") {
            *new = false.into();
        }
        job.rider_ends(rider, RiderEnd::Done(result));
    }
}

/// Whether the API refuses what was asked: which of the merged jobs it means is not known.
pub(crate) fn is_refusal(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Rejected { .. }
            | CallError::ContactNotFound { .. }
            | CallError::DuplicateContact { .. }
    )
}

/// The leader and the first `merged` riders are sent singly; that costs no attempt.
pub(crate) fn apart(job: &Assignment, merged: usize) -> Outcome {
    job.note(field::SINGLY, "1");
    for rider in &job.claimed.riders[..merged] {
        job.rider_ends(rider, RiderEnd::Apart);
    }
    Outcome::Postponed {
        wait: Duration::ZERO,
        why: "the merged call was refused",
        permit: Permit::Answered,
    }
}

/// What a rider is to do, unless it is too old or nobody can tell.
fn payload(courier: &Courier, job: &Assignment, rider: &Rider) -> Option<Payload> {
    match record::decode(&rider.record) {
        Ok(Record::Job(stored)) if !courier.is_expired(job, &stored) => Some(stored.payload),
        _ => None,
    }
}

/// The id of a rider's contact, if it is to get the same as the leader's.
fn same_work(
    courier: &Courier,
    job: &Assignment,
    leader: &Payload,
    rider: &Rider,
) -> Option<ContactId> {
    match (leader, payload(courier, job, rider)?) {
        (Payload::AddTags(tags), Payload::AddTags(its)) if its.same_tags(tags) => {
            match (&its.contact, &rider.contact) {
                (ContactRef::Id(id), _) => Some(id.clone()),
                (_, remembered) => remembered.as_deref()?.parse().ok(),
            }
        }
        (Payload::BulkTags(bulk), Payload::BulkTags(its)) if its.does_same(bulk) => {
            its.contacts.single().cloned()
        }
        (Payload::SetBusiness(business), Payload::SetBusiness(its))
            if its.business_id == business.business_id =>
        {
            its.contacts.single().cloned()
        }
        _ => None,
    }
}

/// Whether the riders are about other contacts: then one call is for many.
pub(crate) fn is_bulk(job: &Assignment) -> bool {
    job.claimed.riders.iter().any(|rider| !rider.behind)
}

/// Does the same to many contacts in one call; each has its own result, or is sent singly.
pub(crate) async fn call_for_many(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let Some(leader) = contact::find(courier, job, &stored.payload, calls).await? else {
        return Ok(apart(job, job.claimed.riders.len()));
    };
    let mut ids = vec![leader.id.clone()];
    let mut members = Vec::new();
    for rider in &job.claimed.riders {
        let Some(id) = same_work(courier, job, &stored.payload, rider) else {
            job.rider_ends(rider, RiderEnd::Apart);
            continue;
        };
        if !ids.contains(&id) {
            ids.push(id.clone());
        }
        members.push((rider, id));
    }
    let mut own = None;
    for some in ids.chunks(most_at_once(&stored.payload)) {
        let mut results = results_of(job, &stored.payload, some, calls).await?;
        // What is done stays done, whatever becomes of the next call.
        for (rider, id) in members.iter().filter(|(_, id)| some.contains(id)) {
            let result = results.get(id.as_str()).cloned();
            job.rider_ends(rider, result.map_or(RiderEnd::Apart, RiderEnd::Done));
        }
        own = own.or(results.remove(leader.id.as_str()));
    }
    Ok(match own {
        Some(result) => Outcome::Delivered {
            result,
            effect: None,
            permit: Permit::Answered,
        },
        None => apart(job, 0),
    })
}

/// How many contacts one call takes.
fn most_at_once(payload: &Payload) -> usize {
    match payload {
        Payload::SetBusiness(_) => MOST_OF_BUSINESS,
        // As many as are merged.
        _ => usize::MAX,
    }
}

/// By contact, what those get to read to which it was done. One of which nothing is said it was not done to.
async fn results_of(
    job: &Assignment,
    payload: &Payload,
    ids: &[ContactId],
    calls: &mut Calls<'_>,
) -> Result<HashMap<String, Value>, Stop> {
    let tenant = deliver::tenant(job)?;
    let request = match payload {
        Payload::AddTags(tags) => Request::bulk_tags(&tenant, ids, tags.as_ref().into()),
        Payload::BulkTags(bulk) => Request::bulk_tags(&tenant, ids, bulk.as_ref().into()),
        Payload::SetBusiness(business) => Request::set_business(&tenant, ids, business),
        _ => return Ok(HashMap::new()),
    };
    let answer = match calls.send(&request).await {
        Ok(answer) => answer,
        Err(Stop::Call(error)) if is_refusal(&error) => return Ok(HashMap::new()),
        Err(stop) => return Err(stop),
    };
    let read = match payload {
        Payload::SetBusiness(business) => {
            conclusion::by_business(&answer, ids.iter(), &json!(business.business_id))
        }
        _ => conclusion::by_contact(&answer),
    };
    let results = match read {
        Err(error) if is_refusal(&error) => return Ok(HashMap::new()),
        read => calls.read(&request, read)?,
    };
    let done = results.into_iter();
    Ok(done
        .filter_map(|(id, result)| Some((id, result.ok()?)))
        .collect())
}
