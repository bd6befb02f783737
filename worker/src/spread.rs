//! A job for several contacts, which is spread over jobs for one each: it waits until these have ended, and tells what they came to.

use std::time::Duration;

use penstock_shared::{
    job::{Job, JobId},
    outcome::Outcome,
    queue::{
        enqueue::{Admission, Enqueued},
        parent::Standing,
        record::{NewJob, StoredJob},
        run::field,
        settle::Fields,
    },
    retry::Backoff,
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::{self, Courier},
};

/// When it is looked whether they have ended, ever less often.
const LOOK: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(60),
};

/// Makes sure that they are stored, and waits for their ends.
pub async fn conclude(
    courier: &Courier,
    job: &Assignment,
    stored: &StoredJob,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let parts = parts(job, stored)?;
    if job.claimed.run.text(field::SPREAD).is_none() {
        calls.expect_to_write().await?;
        store(courier, &parts, calls).await?;
        // Once they have ended they are forgotten some time, and must not be stored again.
        calls
            .advance(Fields::from([(field::SPREAD, "1".to_owned())]), None)
            .await?;
    }
    let ids: Vec<JobId> = parts.iter().map(|part| part.id.clone()).collect();
    let standings = courier
        .queue
        .standings(job.reference().tenant(), &ids)
        .await;
    let standings = standings.map_err(|_| calls.postponed(LOOK.first, "waits for Redis"))?;
    if standings.contains(&Standing::Open) {
        let looks = job.claimed.run.number(field::LOOKS).unwrap_or(0) + 1;
        job.note(field::LOOKS, looks.to_string());
        let wait = LOOK.delay(u32::try_from(looks).unwrap_or(u32::MAX), 1.0);
        return Err(calls.postponed(wait, "waits for the jobs of its contacts"));
    }
    Ok(Outcome::Delivered {
        result: tally(&parts, &standings),
        effect: None,
        permit: calls.permit(),
    })
}

fn parts(job: &Assignment, stored: &StoredJob) -> Result<Vec<NewJob>, Stop> {
    let tenant = deliver::tenant(job)?;
    let id: Result<JobId, _> = job.reference().id().parse();
    let id = id.unwrap_or_else(|_| JobId::generate());
    let whole: Job = stored.to_job(tenant, id.clone());
    Ok(NewJob { id, job: whole }.spread())
}

async fn store(courier: &Courier, parts: &[NewJob], calls: &Calls<'_>) -> Result<(), Stop> {
    let codes = courier.queue.enqueue(parts, Admission::Each).await;
    let codes = codes.map_err(|_| calls.postponed(LOOK.first, "waits for Redis"))?;
    for code in codes {
        if let Enqueued::BacklogFull { retry_after } = code {
            return Err(calls.postponed(retry_after, "waits for room in the tenant's backlog"));
        }
    }
    Ok(())
}

/// How many are done, and which are not. One that is not known any more was done: a dead one stays.
fn tally(parts: &[NewJob], standings: &[Standing]) -> Value {
    let dead = parts.iter().zip(standings);
    let dead = dead.filter(|(_, standing)| **standing == Standing::Dead);
    let failed: Vec<_> = dead
        .map(|(part, _)| {
            let contact = part.job.payload.to_value()["contacts"][0]["id"].clone();
            json!({ "contactId": contact, "id": part.id })
        })
        .collect();
    json!({ "done": parts.len() - failed.len(), "failed": failed })
}
