//! Event storms: flows that feed each other, or a sender that has run wild. Of one record so many events of one kind may lead to jobs; what
//! comes then is not followed, but kept as dead letters, all of it: a loop that is not followed any more feeds no more events, and a sender can
//! fill Redis no further than intake lets it.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use metrics::counter;
use penstock_shared::{
    event::Event,
    flow::Plan,
    outcome::{Cause, Fault, Outcome},
    queue::storms::Weather,
    quota::Quota,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
};

/// How many storms this worker was the first to see.
pub const STORMS: &str = "penstock_event_storms_total";

/// When Redis is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Refuses an event that belongs to a storm, before anything is made of it.
pub async fn pass(
    courier: &Courier,
    job: &Assignment,
    (event, record): (&Event, Option<&str>),
    calls: &Calls<'_>,
) -> Result<(), Stop> {
    let Some(events) = alike(event, record) else {
        return Ok(());
    };
    let tenant = job.reference().tenant();
    let broken = courier.queue.storm_of(tenant, &events, &courier.storm);
    match broken.await.map_err(|_| away(calls))? {
        Some(broken) => Err(held(broken, event, calls)),
        None => Ok(()),
    }
}

/// Counts an event from which jobs follow, and refuses it if there are too many of its kind.
pub async fn count(
    courier: &Courier,
    job: &Assignment,
    (event, record): (&Event, Option<&str>),
    plan: &Plan,
    calls: &Calls<'_>,
) -> Result<(), Stop> {
    let Some(events) = alike(event, record).filter(|_| !plan.jobs.is_empty()) else {
        return Ok(());
    };
    let tenant = job.reference().tenant();
    let this = (job.reference().id(), job.clock.now_ms());
    let weather = courier
        .queue
        .count_event(tenant, &events, this, &courier.storm);
    match weather.await.map_err(|_| away(calls))? {
        Weather::Calm => Ok(()),
        Weather::Breaks(broken) => {
            alarm(broken, job, event, plan);
            Err(held(broken, event, calls))
        }
        Weather::Storm(broken) => Err(held(broken, event, calls)),
    }
}

/// Once for each storm: whoever reads it finds its events among the dead letters.
fn alarm(broken: Quota, job: &Assignment, event: &Event, plan: &Plan) {
    let flows: BTreeSet<_> = plan.jobs.iter().map(|job| job.flow.as_str()).collect();
    let flows: Vec<_> = flows.into_iter().collect();
    tracing::error!(
        tenant = job.reference().tenant(),
        kind = %event.kind,
        flows = flows.join(","),
        job = job.reference().id(),
        most = %broken,
        "a storm of events of one record, as when flows feed each other: they are not followed until none comes for a while, and are dead letters \
         with the cause `storm`"
    );
    counter!(STORMS).increment(1);
}

fn held(broken: Quota, event: &Event, calls: &Calls<'_>) -> Stop {
    let why = format!(
        "more than {broken} events {} of one record led to jobs (PENSTOCK_STORM): none is followed until they have ceased; see whether flows feed each \
         other, and retry it then",
        event.kind
    );
    Outcome::Rejected {
        cause: Cause::Storm,
        fault: Fault::new(why),
        permit: calls.permit(),
    }
    .into()
}

/// What events have in common that count together: their sender, their kind, and the record, which is the person's, or as the flows say. Those
/// that name none but their own id are about many, and are not counted.
fn alike(event: &Event, record: Option<&str>) -> Option<String> {
    let person = event.contact.refs().into_iter().next();
    let record = match (person, record) {
        (Some(person), _) => json!(person).to_string(),
        (None, Some(record)) if !event.id.as_str().ends_with(&format!(":{record}")) => {
            json!(record).to_string()
        }
        _ => return None,
    };
    let digest = Sha256::new()
        .chain_update(event.source.as_str())
        .chain_update([0])
        .chain_update(event.kind.as_str())
        .chain_update([0])
        .chain_update(record)
        .finalize();
    Some(URL_SAFE_NO_PAD.encode(&digest[..16]))
}

fn away(calls: &Calls<'_>) -> Stop {
    calls.postponed(AGAIN, "waits for Redis")
}
