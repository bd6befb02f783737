//! Keeps which record of another system a contact is.

use std::{collections::BTreeMap, time::Duration};

use penstock_shared::{
    job::{ContactId, LinkRecord, Parent, RecordRef},
    link::Gone,
    outcome::{Cause, Fault, Outcome},
    queue::links::{Link, RecordName},
};
use serde_json::{Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
    parent,
    sync::{self, now},
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
    let mut record = None;
    if let Some(given) = &link.record {
        record = called(courier, job, given, calls).await?;
        if record.is_none() {
            // There is none of its own: what is known stays as it is.
            return Ok(kept(contact, system, None, calls));
        }
    }
    let own = record
        .as_ref()
        .map(|record| RecordName::new(system, record));
    let contacts = RecordName::new("ghl", contact.as_str());
    let names: Vec<_> = std::iter::once(contacts.clone())
        .chain(own.clone())
        .collect();
    let is_made = matches!(link.record, Some(RecordRef::Made(_)));
    for _ in 0..TRIES {
        let found = courier.queue.link(tenant, &names, now(job)).await;
        let mut found = found.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))?;
        let gone = courier.queue.gone(tenant, &names).await;
        let gone = gone.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))?;
        match (&own, gone.get(&contacts)) {
            // It was made for a contact that is gone by now, and is no other's.
            (Some(own), Some(gone)) if is_made && found.contest().is_none() => {
                let buried = courier.queue.bury(tenant, own, gone).await;
                buried.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))?;
                return Ok(kept(contact, system, record.as_deref(), calls));
            }
            (Some(own), _) => link_to(&mut found, own, job, &gone, calls)?,
            (None, gone) => found.unlink(system, gone.map_or(now(job), |gone| gone.at)),
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

/// They are one from now on; unless the record is another contact's, or it was decided since that another record is the contact's.
fn link_to(
    link: &mut Link,
    own: &RecordName,
    job: &Assignment,
    gone: &BTreeMap<RecordName, Gone>,
    calls: &Calls<'_>,
) -> Result<(), Stop> {
    let system = own.system.as_str();
    if let Some(other) = link.contest() {
        let message = sync::contested(own, other);
        return Err(refused(message, calls));
    }
    let decided = job.first_due();
    let is_late = link
        .memory
        .linked(system)
        .is_some_and(|last| last > decided);
    if let Some(later) = link.replaced(system).filter(|_| is_late) {
        let message = format!(
            "the contact is {system}/{later}, as was decided after this: if it is to be {system}/{} instead, unlink the contact from {system}, then retry this",
            own.record
        );
        return Err(refused(message, calls));
    }
    for name in gone.keys() {
        link.revive(name);
    }
    link.memory.link(system, decided);
    link.memory.link("ghl", decided);
    Ok(())
}

fn refused(message: String, calls: &Calls<'_>) -> Stop {
    Outcome::Rejected {
        cause: Cause::Rejected,
        fault: Fault::new(message),
        permit: calls.permit(),
    }
    .into()
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
        refused(message, calls)
    })
}
