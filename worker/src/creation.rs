//! Creating a contact, where the API has one already: then that is brought up to date.

use penstock_shared::{
    ghl::{CallError, Request},
    job::{ContactId, CreateContact, Payload},
    outcome::Outcome,
    queue::{
        run::{Run, field},
        settle::Fields,
    },
};
use serde_json::json;

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    contact,
    deliver::Courier,
};

/// Whether the contact may be there all the same: of a refusal for what it says, the API is known to have made it. The intent stays in the journal
/// then, so that whoever retries the dead letter has it looked for first.
pub(crate) fn may_be_there(payload: &Payload, error: &CallError) -> bool {
    let is_refused = matches!(error, CallError::Rejected { status: 422, .. });
    is_refused && matches!(payload, Payload::CreateContact(_))
}

/// The contact that is updated instead of being created, if an earlier delivery was told that it is there. Such a call is simply repeated, and has no intent.
pub(crate) fn updated_instead(run: &Run) -> Option<ContactId> {
    run.text(field::INSTEAD)?.parse().ok()
}

/// Goes on where an earlier delivery was told that the contact is there: nothing is created any more.
pub(crate) async fn resume(
    courier: &Courier,
    job: &Assignment,
    payload: &Payload,
    calls: &mut Calls<'_>,
) -> Result<Option<Outcome>, Stop> {
    match (payload, updated_instead(&job.claimed.run)) {
        (Payload::CreateContact(new), Some(id)) => {
            let request = Request::update_instead(&id, new);
            update(courier, job, &request, &id, calls).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// The API has refused a second contact: that is written down, since it says that nothing was created, and the one that is there is updated.
pub(crate) async fn instead(
    courier: &Courier,
    job: &Assignment,
    new: &CreateContact,
    id: &ContactId,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let fields = Fields::from([
        (field::INSTEAD, id.as_str().to_owned()),
        (field::INTENT, String::new()),
        (field::ABSENT, String::new()),
    ]);
    calls.advance(fields, None).await?;
    update(courier, job, &Request::update_instead(id, new), id, calls).await
}

/// Brings the contact that is there up to date by this call.
pub(crate) async fn update(
    courier: &Courier,
    job: &Assignment,
    request: &Request,
    id: &ContactId,
    calls: &mut Calls<'_>,
) -> Result<Outcome, Stop> {
    let answer = match calls.send(request).await {
        Ok(answer) => answer,
        // It has been deleted since: there is room for a new one, as soon as the API has noticed that itself.
        Err(Stop::Call(error @ CallError::ContactNotFound { .. })) => {
            job.note(field::INSTEAD, "");
            return Ok(contact::not_found(job, Some(&error), calls.permit()));
        }
        Err(stop) => return Err(stop),
    };
    answer.succeeded().map_err(Stop::Call)?;
    if let Ok(found) = answer.contact() {
        contact::learn(courier, job, &found, None).await;
    }
    Ok(Outcome::Delivered {
        result: json!({ "contactId": id, "new": false }),
        effect: None,
        permit: calls.permit(),
    })
}
