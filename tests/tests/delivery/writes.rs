//! Every write of a contact and of what it has: its effect in the API, its result, and what becomes of it when nobody says whether it took effect.

use penstock_shared::job::state::State;
use penstock_tests::fixture::job;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::Stage;

/// A job type, what it says beside its contact, the operation that it is, and the effect that the API has of it.
type Write = (&'static str, Value, &'static str, &'static str);

/// All that concern one contact that is there, of a task and a note with these ids.
fn writes(task: &str, note: &str) -> Vec<Write> {
    let part = |name: &str, id: &str, more: Value| {
        let mut payload = more;
        payload[name] = json!({ "id": id });
        payload
    };
    vec![
        (
            "UpdateContact",
            json!({ "firstName": "Ann", "tags": ["a", "b"] }),
            "update-contact",
            "contact-update",
        ),
        ("AddTags", json!({ "tags": ["C"] }), "add-tags", "tags"),
        (
            "RemoveTags",
            json!({ "tags": ["A"] }),
            "remove-tags",
            "tags-removed",
        ),
        (
            "AddFollowers",
            json!({ "followers": ["u1", "u2"] }),
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
            "UpdateTask",
            part("task", task, json!({ "title": "Call again" })),
            "update-task",
            "task-update",
        ),
        (
            "CompleteTask",
            part("task", task, json!({})),
            "update-task-completed",
            "task-update",
        ),
        (
            "DeleteTask",
            part("task", task, json!({})),
            "delete-task",
            "task-delete",
        ),
        (
            "UpdateNote",
            part("note", note, json!({ "body": "Anew" })),
            "update-note",
            "note-update",
        ),
        (
            "DeleteNote",
            part("note", note, json!({})),
            "delete-note",
            "note-delete",
        ),
        (
            "AddToCampaign",
            json!({ "campaignId": "camp" }),
            "add-contact-to-campaign",
            "campaign",
        ),
        (
            "RemoveFromCampaign",
            json!({ "campaignId": "camp" }),
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
            json!({ "workflowId": "flow", "eventStartTime": "2030-01-01T09:00:00+02:00" }),
            "add-contact-to-workflow",
            "workflow",
        ),
        (
            "RemoveFromWorkflow",
            json!({ "workflowId": "flow" }),
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

/// What the jobs give to read, in the same order, but for the contact's id.
fn results(task: &str, note: &str) -> Vec<Value> {
    vec![
        json!({}),
        json!({ "tags": ["a", "b", "c"] }),
        json!({ "tags": ["b", "c"] }),
        json!({ "followers": ["u1", "u2"] }),
        json!({ "followers": ["u2"] }),
        json!({ "taskId": task }),
        json!({ "taskId": task, "completed": true }),
        json!({ "taskId": task }),
        json!({ "noteId": note }),
        json!({ "noteId": note }),
        json!({ "campaignId": "camp" }),
        json!({ "campaignId": "camp" }),
        json!({}),
        json!({ "workflowId": "flow" }),
        json!({ "workflowId": "flow" }),
        json!({}),
    ]
}

impl Stage {
    /// A task and a note of the contact, by their ids.
    async fn parts(&self, contact: &str) -> (String, String) {
        let path = format!("/contacts/{contact}");
        let task =
            json!({ "title": "Call", "dueDate": "2030-01-01T09:00:00Z", "completed": false });
        let task = self
            .by_another(Method::POST, &format!("{path}/tasks"), task)
            .await;
        let note = json!({ "body": "Once" });
        let note = self
            .by_another(Method::POST, &format!("{path}/notes"), note)
            .await;
        let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
        (id(&task["task"]), id(&note["note"]))
    }
}

/// One after the other, as their contact's sequence wants it, named by its email.
#[tokio::test]
async fn each_has_its_effect_and_its_result() {
    let stage = Stage::start(&[]).await;
    stage.person("c1", "ann@example.com");
    let (task, note) = stage.parts("c1").await;
    let before = stage.calls().len();
    let _worker = stage.worker().await;
    let writes = writes(&task, &note);
    let drafts: Vec<_> = writes
        .iter()
        .map(|(job_type, payload, ..)| {
            let mut payload = payload.clone();
            payload["contact"] = json!({ "email": "ann@example.com" });
            job(job_type).what(job_type, payload)
        })
        .collect();
    stage.enqueue(&drafts).await;
    stage.until_done(drafts.len() as u64).await;
    let calls = stage.calls()[before..].to_vec();
    assert_eq!(calls[0].operation, "get-duplicate-contact");
    for (call, (job_type, _, operation, kind)) in calls[1..].iter().zip(&writes) {
        assert_eq!(call.operation, *operation, "{job_type}");
        let effect = serde_json::to_value(call).unwrap()["effect"].clone();
        assert_eq!(effect["kind"], *kind, "{job_type}");
        assert_eq!(effect["contactId"], "c1", "{job_type}");
    }
    assert_eq!(calls.len(), 1 + writes.len());
    for ((job_type, ..), mut expected) in writes.iter().zip(results(&task, &note)) {
        expected["contactId"] = "c1".into();
        assert_eq!(stage.result(job_type).await, expected, "{job_type}");
    }
}

/// Whether or not the first call had its effect, the second leaves the same behind; of a deletion it finds nothing more.
#[tokio::test]
async fn what_is_idempotent_is_repeated() {
    let tried: Vec<_> = writes("", "")
        .into_iter()
        .filter(|(job_type, ..)| !job_type.starts_with("AddTo"))
        .collect();
    // A tenant each: a few failures in a row would open its breaker.
    let fault = |(job_type, _, operation, _): &Write| {
        format!("cut-after:op={operation}:tenant={job_type}:count=1")
    };
    let faults: Vec<_> = tried.iter().map(fault).collect();
    let stage = Stage::start(&faults.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut drafts = Vec::new();
    for (job_type, ..) in &tried {
        let contact = json!({ "id": job_type, "locationId": job_type });
        stage.sandbox.seed_contact(&contact).unwrap();
        let (task, note) = stage.parts(job_type).await;
        let all = writes(&task, &note);
        let (_, payload, ..) = all.iter().find(|(own, ..)| own == job_type).unwrap();
        let mut payload = payload.clone();
        payload["contact"] = json!({ "id": job_type });
        drafts.push(job(job_type).of(job_type).what(job_type, payload));
    }
    let _worker = stage.worker().await;
    stage.enqueue(&drafts).await;
    stage.until_done(drafts.len() as u64).await;
    for (job_type, _, operation, _) in &tried {
        let operations = stage.operations_on(job_type);
        assert_eq!(operations[2..], [*operation, *operation], "{job_type}");
        let result = stage
            .status_of(job_type, job_type)
            .await
            .done
            .unwrap()
            .0
            .result;
        let is_deletion = job_type.starts_with("Delete");
        let expected = if is_deletion {
            json!(true)
        } else {
            Value::Null
        };
        assert_eq!(result["absent"], expected, "{job_type}: {result}");
    }
}

/// Nobody can read whether a contact was added: that is left to a person, and nothing is sent again.
#[tokio::test]
async fn what_cannot_be_read_back_is_decided_by_a_person() {
    let enrolments = [
        (
            "AddToCampaign",
            json!({ "campaignId": "x" }),
            "add-contact-to-campaign",
        ),
        (
            "AddToWorkflow",
            json!({ "workflowId": "x" }),
            "add-contact-to-workflow",
        ),
    ];
    let cuts = ["cut-before", "cut-after"];
    let mut faults = Vec::new();
    let mut drafts = Vec::new();
    for (job_type, payload, operation) in &enrolments {
        for cut in cuts {
            let id = format!("{job_type}-{cut}");
            faults.push(format!("{cut}:op={operation}:tenant={id}:count=1"));
            let mut payload = payload.clone();
            payload["contact"] = json!({ "id": id });
            drafts.push(job(&id).of(&id).what(job_type, payload));
        }
    }
    let stage = Stage::start(&faults.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // Their bodies have no room for one: with it on nothing is different.
    let marker = [
        ("PENSTOCK_MARKER", "on"),
        ("PENSTOCK_MARKER_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let _worker = stage.worker_with(&marker).await;
    stage.enqueue(&drafts).await;
    for (job_type, _, operation) in &enrolments {
        for cut in cuts {
            let id = format!("{job_type}-{cut}");
            stage.until_state_of(&id, &id, State::Dead).await;
            let letter = stage.dead(&id).await;
            assert_eq!(letter.cause, "ambiguous", "{id}");
            assert_eq!(stage.operations_on(&id), [*operation], "{id}");
            let shown = stage.ask(&["dead", "show", &id]).await;
            assert_eq!(
                shown["evidence"],
                json!({ "cannotBeReadBack": job_type }),
                "{shown}"
            );
        }
    }
    let id = "AddToWorkflow-cut-before";
    let again = ["dead", "resolve", id, "--resend"];
    assert_eq!(
        stage.ask(&again).await,
        json!({ "matched": 1, "changed": 1 })
    );
    stage.until_state_of(id, id, State::Done).await;
    assert_eq!(stage.operations_on(id).len(), 2);
}

/// A task that is not there says nothing of its contact: that is not looked up anew, and what it is remembered by stays.
#[tokio::test]
async fn a_part_that_is_not_there_is_not_the_contact() {
    let stage = Stage::start(&[]).await;
    stage.person("c1", "ann@example.com");
    let _worker = stage.worker().await;
    let contact = json!({ "email": "ann@example.com" });
    let gone = |id: &str, job_type, name: &str, more: Value| {
        let mut payload = more;
        payload["contact"] = contact.clone();
        payload[name] = json!({ "id": "gone" });
        job(id).what(job_type, payload)
    };
    stage
        .enqueue(&[
            gone("deleted", "DeleteTask", "task", json!({})),
            gone("updated", "UpdateTask", "task", json!({ "title": "t" })),
            gone("note", "UpdateNote", "note", json!({ "body": "b" })),
            gone("left", "DeleteNote", "note", json!({})),
        ])
        .await;
    for (id, task) in [("deleted", "taskId"), ("left", "noteId")] {
        stage.until_state(id, State::Done).await;
        let expected = json!({ task: "gone", "contactId": "c1", "absent": true });
        assert_eq!(stage.result(id).await, expected);
    }
    for id in ["updated", "note"] {
        stage.until_state(id, State::Dead).await;
        let letter = stage.dead(id).await;
        assert_eq!(letter.cause, "rejected", "{id}");
    }
    assert_eq!(stage.operations()["get-duplicate-contact"], 1);
}

#[tokio::test]
async fn a_contact_that_is_not_there_is_deleted() {
    let stage = Stage::start(&[]).await;
    let _worker = stage.worker().await;
    let draft = job("gone").what("DeleteContact", json!({ "contact": { "id": "nobody" } }));
    let each = penstock_shared::queue::enqueue::Admission::Each;
    stage.queue.enqueue(&[draft.build()], each).await.unwrap();
    stage.until_state("gone", State::Done).await;
    let expected = json!({ "contactId": "nobody", "absent": true });
    assert_eq!(stage.result("gone").await, expected);
}

/// What a contact was known by leads to it no longer, or leads to it from now on.
#[tokio::test]
async fn an_update_says_who_is_who() {
    let stage = Stage::start(&[]).await;
    stage.person("c1", "old@example.com");
    let _worker = stage.worker().await;
    let update = json!({ "contact": { "email": "old@example.com" }, "email": "new@example.com" });
    stage
        .enqueue(&[job("update").what("UpdateContact", update)])
        .await;
    stage.until_done(1).await;
    stage.person("c2", "old@example.com");
    stage
        .enqueue(&[
            job("new").email("new@example.com"),
            job("old").email("old@example.com"),
        ])
        .await;
    stage.until_done(3).await;
    assert_eq!(stage.operations_on("c1"), ["update-contact", "add-tags"]);
    assert_eq!(stage.operations_on("c2"), ["add-tags"]);
    assert_eq!(stage.operations()["get-duplicate-contact"], 2);
}
