//! Keeps which record of another system a contact is.

use std::time::Duration;

use penstock_shared::{
    job::{ContactId, LinkRecord, Parent, RecordRef},
    outcome::{Cause, Fault, Outcome},
    queue::links::RecordName,
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
    parent,
    sync::now,
};

/// When Redis is asked again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a link is read again that others have changed meanwhile.
const TRIES: usize = 8;

/// Stores it, and puts together what was known of both; or forgets it.
pub async fn keep(
    courier: &Courier,
    job: &Assignment,
    link: &LinkRecord,
    contact: &ContactId,
    calls: &Calls<'_>,
) -> Result<Outcome, Stop> {
    let (tenant, system) = (job.reference().tenant(), link.system.as_str());
    let record = match &link.record {
        Some(record) => Some(called(courier, job, record, calls).await?),
        None => None,
    };
    let record = match record {
        // There is none of its own: what is known stays as it is.
        Some(None) => return Ok(kept(contact, system, None, calls)),
        Some(Some(record)) => Some(record),
        None => None,
    };
    let own = record
        .as_ref()
        .map(|record| RecordName::new(system, record));
    let contacts = RecordName::new("ghl", contact.as_str());
    let names: Vec<_> = std::iter::once(contacts).chain(own).collect();
    for _ in 0..TRIES {
        let found = courier.queue.link(tenant, &names, now(job)).await;
        let mut found = found.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))?;
        if record.is_some() {
            found.memory.created(system);
            found.memory.created("ghl");
        } else {
            found.unlink(system);
        }
        let stored = courier.queue.put_link(tenant, &found).await;
        if stored.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))? {
            return Ok(kept(contact, system, record.as_deref(), calls));
        }
    }
    Err(calls.postponed(AGAIN, "others change what is known of its record"))
}

fn kept(contact: &ContactId, system: &str, record: Option<&str>, calls: &Calls<'_>) -> Outcome {
    Outcome::Delivered {
        result: json!({ "contactId": contact, "system": system, "record": record }),
        effect: None,
        permit: calls.permit(),
    }
}

/// What it is called there: as it is given, or as another job's result says; `None` if that says that the record there is another's.
async fn called(
    courier: &Courier,
    job: &Assignment,
    record: &RecordRef,
    calls: &Calls<'_>,
) -> Result<Option<String>, Stop> {
    let made = match record {
        RecordRef::Id(record) => return Ok(Some(record.id.as_str().to_owned())),
        RecordRef::Made(made) => made,
    };
    let parent = Parent {
        job: made.job.clone(),
        wait: made.wait,
    };
    let result = parent::result_of(courier, job, &parent, calls).await?;
    let found = match result.pointer(made.pointer.as_str()) {
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(Value::Null) if result["shared"] == true => return Ok(None),
        _ => None,
    };
    found.map(Some).ok_or_else(|| {
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
