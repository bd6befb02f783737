//! What an answer says of the job: its result, for whoever asks, and what it has made.

use penstock_shared::{
    ghl::{Answer, BulkResult, CallError, Operation},
    job::{ContactId, Payload},
};
use serde_json::{Value, json};

/// The result, less the contact's id where that was known before, and the id of what was made.
type Read = (Value, Option<String>);

/// What a success says.
pub(crate) fn read(
    payload: &Payload,
    contact: Option<&ContactId>,
    operation: Operation,
    answer: &Answer,
) -> Result<Read, CallError> {
    let result = match payload {
        Payload::UpsertContact(_) => {
            let contact = answer.upserted()?.map(|contact| contact.id);
            json!({ "contactId": contact, "new": answer.body.get("new") })
        }
        Payload::CreateContact(_) => {
            let contact = answer.contact()?;
            let effect = contact.id.as_str().to_owned();
            return Ok((
                json!({ "contactId": contact.id, "new": true }),
                Some(effect),
            ));
        }
        Payload::CreateTask(_) => {
            let id = answer.task_id()?;
            return Ok((json!({ "taskId": id }), Some(id)));
        }
        Payload::AttachNote(_) => {
            let id = answer.note_id()?;
            return Ok((json!({ "noteId": id }), Some(id)));
        }
        Payload::AddTags(_) | Payload::RemoveTags(_) => json!({ "tags": answer.tags()? }),
        Payload::BulkTags(_) if operation != Operation::BulkTags => {
            json!({ "tags": answer.tags()? })
        }
        Payload::BulkTags(_) => of_many(answer, by_contact(answer)?, contact)?,
        Payload::SetBusiness(business) => {
            let all = business.contacts.iter();
            of_many(
                answer,
                by_business(answer, all, &json!(business.business_id))?,
                contact,
            )?
        }
        Payload::AddFollowers(_) | Payload::RemoveFollowers(_) => {
            json!({ "followers": answer.followers()? })
        }
        done => {
            answer.succeeded()?;
            named(done)
        }
    };
    Ok((result, None))
}

/// What the job says of itself: of what is done nothing else has to be told.
fn named(payload: &Payload) -> Value {
    match payload {
        Payload::UpdateTask(task) => json!({ "taskId": task.task.id() }),
        Payload::CompleteTask(task) => {
            json!({ "taskId": task.task.id(), "completed": task.completed })
        }
        Payload::DeleteTask(task) => json!({ "taskId": task.task.id() }),
        Payload::UpdateNote(note) => json!({ "noteId": note.note.id() }),
        Payload::DeleteNote(note) => json!({ "noteId": note.note.id() }),
        Payload::AddToCampaign(campaign) => json!({ "campaignId": campaign.campaign_id }),
        Payload::RemoveFromCampaign(campaign) => json!({ "campaignId": campaign.campaign_id }),
        Payload::AddToWorkflow(workflow) => json!({ "workflowId": workflow.workflow_id }),
        Payload::RemoveFromWorkflow(workflow) => json!({ "workflowId": workflow.workflow_id }),
        _ => json!({}),
    }
}

/// The result of a deletion that found nothing to delete: that is what was wanted. `is_certain` says that nobody else can be meant by the contact's
/// name, or that an earlier call may have deleted it.
pub(crate) fn absent(payload: &Payload, error: &CallError, is_certain: bool) -> Option<Value> {
    let is_absent = match (payload, error) {
        (Payload::DeleteTask(_) | Payload::DeleteNote(_), CallError::PartNotFound { .. }) => true,
        (
            Payload::DeleteContact(_) | Payload::DeleteTask(_) | Payload::DeleteNote(_),
            CallError::ContactNotFound { .. },
        ) => is_certain,
        _ => false,
    };
    is_absent.then(|| {
        let mut result = named(payload);
        result["absent"] = true.into();
        result
    })
}

/// What a call for many came to for each: its result, or why it has none.
pub(crate) type Results = Vec<(String, Result<Value, CallError>)>;

/// Of a change of tags.
pub(crate) fn by_contact(answer: &Answer) -> Result<Results, CallError> {
    let told = |result: BulkResult| {
        let BulkResult { contact_id, tags } = result;
        let result = tags.map(|tags| json!({ "contactId": contact_id, "tags": tags }));
        (contact_id, result)
    };
    Ok(answer.bulk_results()?.into_iter().map(told).collect())
}

/// Of a change of the business, for these contacts. It tells of those to which something was done.
pub(crate) fn by_business<'a>(
    answer: &Answer,
    contacts: impl Iterator<Item = &'a ContactId>,
    business: &Value,
) -> Result<Results, CallError> {
    // It says that it did not succeed if it left out but one.
    let done = match (answer.set_ids(), answer.succeeded()) {
        (Ok(done), _) => done,
        (Err(_), Err(denied)) => return Err(denied),
        (Err(lacks), Ok(())) => return Err(lacks),
    };
    let told = |contact: &ContactId| {
        let is_done = done.iter().any(|id| id == contact.as_str());
        let result = json!({ "contactId": contact, "businessId": business });
        let result = is_done.then_some(result).ok_or_else(|| answer.left_out());
        (contact.as_str().to_owned(), result)
    };
    Ok(contacts.map(told).collect())
}

/// The result of the one contact that the job is about, or of them all, those that failed apart.
fn of_many(
    answer: &Answer,
    results: Results,
    contact: Option<&ContactId>,
) -> Result<Value, CallError> {
    if let Some(contact) = contact {
        let own = results.into_iter().find(|(id, _)| id == contact.as_str());
        return own.map_or_else(|| Err(answer.left_out()), |(_, result)| result);
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (id, result) in results {
        match result {
            Ok(result) => done.push(result),
            Err(error) => failed.push(json!({ "contactId": id, "error": error.to_string() })),
        }
    }
    Ok(json!({ "results": done, "failed": failed }))
}
