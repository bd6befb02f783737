//! Every write of the contacts API, from HTTP to the ledger.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stage::{TENANT, World, door::job, merge};

/// How many there are.
const WRITES: usize = 22;

/// A job type, what it says beside its contact, the operation that it is, and the effect that the API has of it.
pub(crate) type Write = (&'static str, Value, &'static str, &'static str);

/// Those of one contact and of what it has, in an order in which each has something to do.
fn of_parts() -> Vec<Write> {
    let due = "2030-01-01T09:00:00Z";
    let task = json!({ "task": { "job": "CreateTask" } });
    let note = json!({ "note": { "job": "AttachNote" } });
    let with = |part: &Value, more: Value| {
        let mut payload = part.clone();
        merge(&mut payload, more);
        payload
    };
    vec![
        (
            "UpdateContact",
            json!({ "firstName": "Ann" }),
            "update-contact",
            "contact-update",
        ),
        (
            "CreateTask",
            json!({ "title": "Call", "dueDate": due }),
            "create-task",
            "task",
        ),
        (
            "UpdateTask",
            with(&task, json!({ "title": "Call again" })),
            "update-task",
            "task-update",
        ),
        (
            "CompleteTask",
            task.clone(),
            "update-task-completed",
            "task-update",
        ),
        ("DeleteTask", task, "delete-task", "task-delete"),
        (
            "AttachNote",
            json!({ "body": "Once" }),
            "create-note",
            "note",
        ),
        (
            "UpdateNote",
            with(&note, json!({ "body": "Anew" })),
            "update-note",
            "note-update",
        ),
        ("DeleteNote", note, "delete-note", "note-delete"),
    ]
}

/// Those of the contact itself, which is gone after them.
fn of_a_contact() -> Vec<Write> {
    vec![
        ("AddTags", json!({ "tags": ["a", "b"] }), "add-tags", "tags"),
        (
            "RemoveTags",
            json!({ "tags": ["a"] }),
            "remove-tags",
            "tags-removed",
        ),
        (
            "AddFollowers",
            json!({ "followers": ["u1"] }),
            "add-followers-contact",
            "followers",
        ),
        (
            "RemoveFollowers",
            json!({ "followers": ["u1"] }),
            "remove-followers-contact",
            "followers-removed",
        ),
        (
            "AddToCampaign",
            json!({ "campaignId": "x" }),
            "add-contact-to-campaign",
            "campaign",
        ),
        (
            "RemoveFromCampaign",
            json!({ "campaignId": "x" }),
            "remove-contact-from-campaign",
            "campaign-removed",
        ),
        (
            "RemoveFromAllCampaigns",
            json!({}),
            "remove-contact-from-every-campaign",
            "campaigns-removed",
        ),
        (
            "AddToWorkflow",
            json!({ "workflowId": "y" }),
            "add-contact-to-workflow",
            "workflow",
        ),
        (
            "RemoveFromWorkflow",
            json!({ "workflowId": "y" }),
            "delete-contact-from-workflow",
            "workflow-removed",
        ),
        (
            "DeleteContact",
            json!({}),
            "delete-contact",
            "contact-delete",
        ),
    ]
}

/// Those that need nobody else's contact.
fn of_others(known: &Value) -> Vec<Write> {
    let many = json!([{ "id": known }]);
    vec![
        (
            "CreateContact",
            json!({ "email": "ann@example.com" }),
            "create-contact",
            "contact",
        ),
        (
            "UpsertContact",
            json!({ "email": "bo@example.com" }),
            "upsert-contact",
            "contact",
        ),
        (
            "BulkTags",
            json!({ "contacts": many, "tags": ["c"], "operation": "add" }),
            "create-association",
            "bulk-tags",
        ),
        (
            "SetBusiness",
            json!({ "contacts": many, "businessId": "b1" }),
            "add-remove-contact-from-business",
            "business",
        ),
    ]
}

/// All of them, in an order in which each has something to do.
pub(crate) fn all(known: &Value) -> Vec<Write> {
    [of_others(known), of_parts(), of_a_contact()].concat()
}

/// A job for each, which is called like its type.
pub(crate) fn jobs(known: &Value) -> Vec<Value> {
    let of_others = of_others(known);
    let of_others = of_others
        .iter()
        .map(|(job_type, payload, ..)| job(job_type, job_type, payload));
    let of_one = [of_parts(), of_a_contact()].concat();
    let of_one = of_one.into_iter().map(|(job_type, mut payload, ..)| {
        // What is done to a task names the job that makes it, which names the contact.
        let part = payload.get("task").or(payload.get("note")).cloned();
        payload["contact"] = part.unwrap_or(json!({ "job": "CreateContact" }));
        job(job_type, job_type, &payload)
    });
    of_others.chain(of_one).collect()
}

/// In one array, all of which is done in its order.
#[tokio::test]
async fn every_write_is_taken_over_http_and_has_its_effect_once() {
    let world = World::start().await;
    let known = world.seeded(json!({ "email": "known@example.com" }))["id"].clone();
    let writes = all(&known);
    world.post(&jobs(&known)).await;
    let created = world.result("CreateContact").await["contactId"].clone();
    for (job_type, ..) in &writes[of_others(&known).len()..] {
        let result = world.result(job_type).await;
        assert_eq!(result["contactId"], created, "{job_type}: {result}");
    }
    assert_eq!(world.rest().await, 0);
    let expected: BTreeMap<_, _> = writes
        .iter()
        .map(|(_, _, operation, kind)| (*operation, *kind))
        .collect();
    let calls = world.sandbox.calls_after(0);
    let calls: Vec<_> = calls.iter().filter(|call| call.effect.is_some()).collect();
    assert!(calls.iter().all(|call| &*call.tenant == TENANT));
    let kind = |call: &_| serde_json::to_value(call).unwrap()["effect"]["kind"].clone();
    let found: Vec<_> = calls
        .iter()
        .map(|call| (call.operation, kind(call)))
        .collect();
    assert_eq!(found.len(), WRITES, "{found:?}");
    for (operation, kind) in found {
        assert_eq!(kind, expected[operation], "{operation}");
    }
    assert_eq!(expected.len(), WRITES);
}
