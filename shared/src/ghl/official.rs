//! Requests and answers of the contacts API against its official document, where `PENSTOCK_GHL_SPEC` names the folder that has it.

mod document;
mod tokens;

use std::collections::BTreeSet;

use http::HeaderMap;
use serde_json::{Value, json};

use self::document::{Described, Document};
use super::{
    Answer, CallError, Filter, Lookup, OfBusiness, Operation, Page, Request, Search, classify,
};
use crate::{
    job::{Job, tests::examples},
    wire::{End, Response},
};

/// The document, mended where it is wrong; or a word on why the test does nothing.
fn document() -> Option<Document> {
    let mut document = Document::read("apps/contacts.json")?;
    mend(document.schemas());
    Some(document)
}

fn described(document: &Document, operation: Operation) -> Described<'_> {
    document.described(operation.name())
}

/// Where the document contradicts its own examples: numbers and a date called objects, fields that may be named by key.
fn mend(schemas: &mut Value) {
    for contact in ["UpsertContactDto", "CreateContactDto", "UpdateContactDto"] {
        schemas[contact]["properties"]["dateOfBirth"]["type"] = json!(["string", "null"]);
    }
    for numeric in ["NumericField", "MonetoryField"] {
        schemas[numeric]["properties"]["field_value"]["type"] = json!("number");
    }
    // Which it describes in words.
    schemas["SearchBodyV2DTO"] = json!({});
    schemas["TextField"]["properties"]["field_value"]["type"] = json!(["string", "boolean"]);
    for (name, schema) in schemas.as_object_mut().unwrap() {
        if name.ends_with("Field") {
            schema["required"] = json!([]);
        }
    }
}

/// The reads, each with as little and with as much as can be said.
fn reads() -> Vec<Request> {
    let (tenant, contact) = ("loc".parse().unwrap(), "c1".parse().unwrap());
    let (email, phone) = ("a@b.co".parse().unwrap(), "+15551234567".parse().unwrap());
    let search = |filters, search_after| Search {
        page: Some(1),
        page_limit: 20,
        query: Some("ann".to_owned()),
        filters,
        search_after,
    };
    let filter = Filter {
        field: "email".to_owned(),
        operator: "exists".to_owned(),
        value: Value::Null,
    };
    let page = Page {
        limit: Some(100),
        query: Some("ann".to_owned()),
        start_after: Some(1),
        start_after_id: Some("c0".to_owned()),
    };
    let of_business = OfBusiness {
        limit: Some(10),
        skip: Some(10),
        query: Some("ann".to_owned()),
    };
    vec![
        Request::search_contacts(&tenant, &search(Vec::new(), None)),
        Request::search_contacts(&tenant, &search(vec![filter], Some(json!([1, "c0"])))),
        Request::search_duplicate(&tenant, Lookup::Email(&email)),
        Request::search_duplicate(&tenant, Lookup::Phone(&phone)),
        Request::list_contacts(&tenant, &Page::default()),
        Request::list_contacts(&tenant, &page),
        Request::list_by_business(&tenant, "b1", &OfBusiness::default()),
        Request::list_by_business(&tenant, "b1", &of_business),
        Request::get_contact(&contact),
        Request::list_tasks(&contact),
        Request::get_task(&contact, "t1"),
        Request::list_notes(&contact),
        Request::get_note(&contact, "n1"),
        Request::list_appointments(&contact),
    ]
}

/// Every request that can be made: those of jobs, and the reads.
fn requests() -> Vec<Request> {
    let (tenant, contact) = ("loc".parse().unwrap(), "c1".parse().unwrap());
    let of_job = |job: Value| {
        let job = Job::from_value(job).unwrap();
        // What goes elsewhere, or nowhere, is none.
        Request::of(&job.payload, &tenant, Some(&contact))
    };
    let jobs = examples::good().into_iter();
    let jobs = jobs.filter_map(|(_, job)| of_job(job));
    jobs.chain(reads()).collect()
}

#[test]
fn the_operations_are_those_of_the_document() {
    let Some(document) = document() else { return };
    let described: BTreeSet<_> = document
        .operations()
        .iter()
        .map(|described| {
            described.operation["operationId"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let ours: BTreeSet<_> = Operation::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(ours, described);
    assert_eq!(ours.len(), 32);
    let requested: BTreeSet<_> = requests().iter().map(Request::operation).collect();
    assert_eq!(requested, Operation::ALL.iter().copied().collect());
}

#[test]
fn requests_are_as_the_document_describes_them() {
    let Some(document) = document() else { return };
    for request in requests() {
        let operation = request.operation();
        let described = described(&document, operation);
        assert_eq!(request.method.as_str(), described.method, "{operation}");
        assert!(
            described.has_path(&request.path),
            "{operation}: {}",
            request.path
        );
        let (known, required) = described.parameters("query");
        let said: BTreeSet<_> = request.query.iter().map(|(name, _)| *name).collect();
        assert!(
            said.is_subset(&known) && said.is_superset(&required),
            "{operation}: {said:?}"
        );
        let schema = described
            .operation
            .pointer("/requestBody/content/application~1json/schema");
        assert_eq!(request.body.is_some(), schema.is_some(), "{operation}");
        if let (Some(schema), Some(body)) = (schema, &request.body) {
            assert_eq!(
                document.faults(schema, body),
                Vec::<String>::new(),
                "{operation}: {body}"
            );
        }
    }
}

/// A request that is not as described is found out.
#[test]
fn a_body_of_another_operation_does_not_fit() {
    let Some(document) = document() else { return };
    let described = described(&document, Operation::UpdateContact);
    let schema = described
        .operation
        .pointer("/requestBody/content/application~1json/schema");
    let faults = document.faults(
        schema.unwrap(),
        &json!({ "locationId": "loc", "gender": "f" }),
    );
    assert!(!faults.is_empty());
}

fn classified(operation: Operation, status: u16, body: &Value) -> Result<Answer, CallError> {
    let (headers, body) = (HeaderMap::new(), body.to_string());
    let response = Response {
        status,
        headers: &headers,
        body: body.as_bytes(),
        end: End::Whole,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    classify::response(operation, &response)
}

/// Reads of an answer what is read of it.
fn read(operation: Operation, answer: &Answer) -> Result<(), CallError> {
    match operation {
        Operation::SearchDuplicate => answer.found_contact().map(drop),
        Operation::GetContact | Operation::CreateContact => answer.contact().map(drop),
        Operation::UpsertContact => answer.upserted().map(drop),
        Operation::ListTasks => answer.tasks().map(drop),
        Operation::GetTask | Operation::CreateTask => answer.task_id().map(drop),
        Operation::ListNotes => answer.notes().map(drop),
        Operation::GetNote | Operation::CreateNote => answer.note_id().map(drop),
        Operation::AddTags | Operation::RemoveTags => answer.tags().map(drop),
        Operation::BulkTags => answer.bulk_results().map(drop),
        Operation::SetBusiness => answer.succeeded().and(answer.set_ids().map(drop)),
        Operation::AddFollowers | Operation::RemoveFollowers => answer.followers().map(drop),
        Operation::SearchContacts
        | Operation::ListContacts
        | Operation::ListByBusiness
        | Operation::ListAppointments
        | Operation::UpdateContact
        | Operation::UpdateTask
        | Operation::CompleteTask
        | Operation::UpdateNote
        | Operation::DeleteContact
        | Operation::DeleteTask
        | Operation::DeleteNote
        | Operation::AddToCampaign
        | Operation::RemoveFromCampaign
        | Operation::RemoveFromAllCampaigns
        | Operation::AddToWorkflow
        | Operation::RemoveFromWorkflow => answer.succeeded(),
    }
}

/// Whatever the document leaves out or later adds: an answer is read, or it is said that it cannot be.
#[test]
fn every_documented_answer_is_read() {
    let Some(document) = document() else { return };
    for operation in Operation::ALL.iter().copied() {
        let described = described(&document, operation);
        for (status, response) in described.operation["responses"].as_object().unwrap() {
            let status: u16 = status.parse().unwrap();
            let schema = &response["content"]["application/json"]["schema"];
            for whole in [true, false] {
                let body = document.instance(schema, whole);
                let answer = classified(operation, status, &body);
                match (status, answer) {
                    (200..=299, answer) => {
                        let answer = answer.unwrap_or_else(|error| panic!("{operation}: {error}"));
                        let read = read(operation, &answer);
                        // No more is required than the document requires, but for what a job's result is made of.
                        let lacks = matches!(&read, Err(CallError::Unreadable { .. }));
                        // A write that may be repeated would be, and each time be done.
                        let repeats = operation.is_idempotent() && !operation.is_read();
                        let may_lack = (!whole && !repeats) || schema.is_null();
                        let fits = read.is_ok() || (lacks && may_lack);
                        assert!(fits, "{operation} {status} {body}: {read:?}");
                    }
                    (
                        401,
                        Err(CallError::Unauthorized {
                            permanent: false, ..
                        }),
                    )
                    | (400 | 422, Err(CallError::Rejected { .. })) => {}
                    (_, other) => panic!("{operation} {status} {body}: {other:?}"),
                }
            }
        }
    }
}
