//! Keeps which record of another system a contact is.

use std::time::Duration;

use penstock_shared::{
    job::{ContactId, LinkRecord, RecordRef},
    outcome::{Cause, Fault, Outcome},
    queue::links::RecordName,
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
    parent,
};

/// When Redis is asked again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a link is read again that others have changed meanwhile.
const TRIES: usize = 8;

/// Stores it, and puts together what was known of both.
pub async fn keep(
    courier: &Courier,
    job: &Assignment,
    link: &LinkRecord,
    contact: &ContactId,
    calls: &Calls<'_>,
) -> Result<Outcome, Stop> {
    let record = record(courier, job, link, calls).await?;
    let tenant = job.reference().tenant();
    let system = link.system.as_str();
    let names = [
        RecordName::new("ghl", contact.as_str()),
        RecordName::new(system, &record),
    ];
    for _ in 0..TRIES {
        let found = courier.queue.link(tenant, &names).await;
        let mut found = found.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))?;
        found.memory.created(system);
        found.memory.created("ghl");
        let stored = courier.queue.put_link(tenant, &found).await;
        if stored.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))? {
            return Ok(Outcome::Delivered {
                result: json!({ "contactId": contact, "system": system, "record": record }),
                effect: None,
                permit: calls.permit(),
            });
        }
    }
    Err(calls.postponed(AGAIN, "others change what is known of its record"))
}

/// What it is called there: as it is given, or as another job's result says.
async fn record(
    courier: &Courier,
    job: &Assignment,
    link: &LinkRecord,
    calls: &Calls<'_>,
) -> Result<String, Stop> {
    let made = match &link.record {
        RecordRef::Id(record) => return Ok(record.id.as_str().to_owned()),
        RecordRef::Made(made) => made,
    };
    let result = parent::result_of(courier, job, &made.job, calls).await?;
    let found = match result.pointer(made.pointer.as_str()) {
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    found.ok_or_else(|| {
        let message = format!(
            "the result of {} has nothing at {}",
            made.job,
            made.pointer.as_str()
        );
        Outcome::Rejected {
            cause: Cause::Rejected,
            fault: Fault::new(message),
            permit: calls.permit(),
        }
        .into()
    })
}
