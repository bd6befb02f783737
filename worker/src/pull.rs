//! A walk through a location's contacts: a page a delivery, with one permit, and an event for each contact of it.

use std::time::Duration;

use penstock_shared::{
    event::Event,
    ghl::{Place, Walk},
    job::{Job, JobId, PullContacts},
    outcome::{Cause, Fault, Outcome},
    queue::{record::StoredJob, run::field},
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::{self, Courier},
    event, room,
};

/// Reads the page that it has come to, stores the events, and goes back to its lane for the next one: so others of the tenant are served between two
/// pages. A page that is read again makes the same events, which are known by their ids.
pub async fn step(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    pull: &PullContacts,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    room::wait(courier, job, calls.turn()).await?;
    let (walk, from) = (Walk::of(pull), place(job));
    let request = walk.request(&deliver::tenant(job)?, &from);
    let answer = calls.send(&request).await?;
    let leg = calls.read(&request, walk.leg(&from, &answer))?;
    let Some(next) = leg.next else {
        return Ok(Outcome::Delivered {
            result: json!({ "contacts": from.contacts, "pages": from.pages }),
            effect: None,
            permit: calls.permit(),
        });
    };
    let events = events(job, stored, pull, leg.contacts, calls)?;
    event::enqueue(courier, events, calls).await?;
    job.note(field::PLACE, json!(next).to_string());
    // Those were failures of pages that are behind it by now: a long walk may meet many.
    job.note(field::ATTEMPTS, "");
    Err(calls.postponed(Duration::ZERO, "goes on with the next page"))
}

/// Where the last delivery has come to.
fn place(job: &Assignment) -> Place {
    let noted = job.claimed.run.text(field::PLACE);
    let noted = noted.and_then(|json| serde_json::from_str(json).ok());
    noted.unwrap_or_default()
}

fn events(
    job: &Assignment,
    stored: &StoredJob,
    pull: &PullContacts,
    contacts: Vec<Value>,
    calls: &Calls<'_>,
) -> Result<Vec<Job>, Stop> {
    let unfit = |message: String| Outcome::Rejected {
        cause: Cause::Undecodable,
        fault: Fault::new(message),
        permit: calls.permit(),
    };
    let tenant = deliver::tenant(job)?;
    let id: Result<JobId, _> = job.reference().id().parse();
    let id = id.map_err(|error| unfit(error.to_string()))?;
    let events = contacts.into_iter().map(|contact| {
        let event = Event::from_contact(contact, &tenant, &id, pull.kind.kind());
        let event = event.map_err(|error| unfit(error.to_string()))?;
        // A walk that is to hold nobody up makes events that hold nobody up.
        Ok(Job {
            priority: stored.priority,
            ..event.into_job()
        })
    });
    events.collect()
}
