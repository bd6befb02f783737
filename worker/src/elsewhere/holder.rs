//! Whose a row of a list is, as far as links say.

use std::time::Duration;

use penstock_shared::{
    job::{ContactRef, SmsListContact, Text},
    queue::links::RecordName,
    smsfactor::Listed,
};

use crate::{
    assignment::Assignment,
    deliver::Courier,
    gate::{Stop, Turn},
};

/// `SMSFactor`, as links call it.
const SMSFACTOR: &str = "smsfactor";
/// GHL, whose records are the contacts.
const GHL: &str = "ghl";
/// When Redis is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Those of these rows that are not another contact's.
pub(super) async fn free(
    courier: &Courier,
    job: &Assignment,
    wanted: &SmsListContact,
    found: &[Listed],
    turn: &Turn<'_>,
) -> Result<Vec<Listed>, Stop> {
    let mut free = Vec::new();
    for row in found {
        if !is_anothers(courier, job, wanted, &row.id, turn).await? {
            free.push(row.clone());
        }
    }
    Ok(free)
}

/// Whether a row is another contact's than the one whom the job is about. One that names nobody is about the number, whoever has it.
pub(super) async fn is_anothers(
    courier: &Courier,
    job: &Assignment,
    wanted: &SmsListContact,
    row: &str,
    turn: &Turn<'_>,
) -> Result<bool, Stop> {
    let contact = match &wanted.contact {
        Some(ContactRef::Id(contact)) => Some(contact.as_str()),
        _ => None,
    };
    let own = wanted.contact_id.as_ref().map(Text::as_str);
    if contact.is_none() && own.is_none() {
        return Ok(false);
    }
    let (tenant, name) = (job.reference().tenant(), RecordName::new(SMSFACTOR, row));
    let link = courier.queue.known_link(tenant, &name).await;
    let link = link.map_err(|error| {
        tracing::warn!(%error, "whose a row of a list is cannot be read yet");
        turn.postponed(AGAIN, "waits for Redis")
    })?;
    let holder = link.and_then(|mut link| link.records.remove(GHL));
    Ok(holder.is_some_and(|holder| match contact {
        Some(contact) => holder != contact,
        None => own != Some(row),
    }))
}
