//! One call for several jobs: its leader's delivery is theirs too. What is refused is taken apart, and each is sent singly.

use std::{collections::HashMap, time::Duration};

use penstock_shared::{
    ghl::{BulkResult, CallError, Request},
    job::{AddTags, ContactId, ContactRef, Payload},
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
    contact,
    deliver::{self, Courier},
    journal,
};

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

/// The id of a rider's contact, if it is to get the same tags as the leader's.
fn same_tags(
    courier: &Courier,
    job: &Assignment,
    tags: &AddTags,
    rider: &Rider,
) -> Option<ContactId> {
    let Some(Payload::AddTags(its)) = payload(courier, job, rider) else {
        return None;
    };
    match (&its.contact, &rider.contact) {
        _ if !its.same_tags(tags) => None,
        (ContactRef::Id(id), _) => Some(id.clone()),
        (_, remembered) => remembered.as_deref()?.parse().ok(),
    }
}

/// Whether the riders are about other contacts: then one call tags many.
pub(crate) fn is_bulk(job: &Assignment) -> bool {
    job.claimed.riders.iter().any(|rider| !rider.behind)
}

/// Adds the same tags to many contacts in one call; each has its own result.
pub(crate) async fn tag_many(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let (Payload::AddTags(tags), Some(leader)) = (
        &stored.payload,
        contact::find(courier, job, &stored.payload, calls).await?,
    ) else {
        return Ok(apart(job, job.claimed.riders.len()));
    };
    let mut ids = vec![leader.id.clone()];
    let mut members = Vec::new();
    for rider in &job.claimed.riders {
        let Some(id) = same_tags(courier, job, tags, rider) else {
            job.rider_ends(rider, RiderEnd::Apart);
            continue;
        };
        if !ids.contains(&id) {
            ids.push(id.clone());
        }
        members.push((rider, id));
    }
    let request = Request::bulk_add_tags(&deliver::tenant(job)?, &ids, tags);
    let results = match calls.send(&request).await {
        Ok(answer) => by_contact(calls.read(&request, answer.bulk_results())?),
        Err(Stop::Call(error)) if is_refusal(&error) => HashMap::new(),
        Err(stop) => return Err(stop),
    };
    for (rider, id) in members {
        let result = results.get(id.as_str()).cloned();
        job.rider_ends(rider, result.map_or(RiderEnd::Apart, RiderEnd::Done));
    }
    Ok(match results.get(leader.id.as_str()) {
        Some(result) => Outcome::Delivered {
            result: result.clone(),
            effect: None,
            permit: Permit::Answered,
        },
        None => apart(job, 0),
    })
}

/// By contact, what those get to read that got their tags. A contact of which nothing is said got none.
fn by_contact(results: Vec<BulkResult>) -> HashMap<String, Value> {
    let done = results.into_iter().filter_map(|result| {
        let told = json!({ "contactId": result.contact_id, "tags": result.tags? });
        Some((result.contact_id, told))
    });
    done.collect()
}
