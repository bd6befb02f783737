//! Requests and answers against the API's official document, where `PENSTOCK_GHL_SPEC` names the folder that has it.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{
    Answer, CallError, Filter, Lookup, OfBusiness, Operation, Page, Request, Search, classify,
};
use crate::{
    job::{Job, tests::examples},
    wire::{End, Response},
};

struct Document {
    contacts: Value,
    common: Value,
}

/// One operation as the document has it.
struct Described<'a> {
    method: String,
    path: &'a str,
    operation: &'a Value,
}

/// The document, or a word on why the test does nothing.
fn document() -> Option<Document> {
    let Some(folder) = env::var_os("PENSTOCK_GHL_SPEC").map(PathBuf::from) else {
        eprintln!("skipped: PENSTOCK_GHL_SPEC does not name a folder with apps/contacts.json");
        return None;
    };
    let read = |path: &str| serde_json::from_slice(&fs::read(folder.join(path)).unwrap()).unwrap();
    let mut contacts: Value = read("apps/contacts.json");
    as_json_schema(&mut contacts["components"]["schemas"]);
    mend(&mut contacts["components"]["schemas"]);
    Some(Document {
        contacts,
        common: read("common/common-schemas.json"),
    })
}

impl Document {
    fn operations(&self) -> Vec<Described<'_>> {
        let paths = self.contacts["paths"].as_object().unwrap();
        let described = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods.iter().map(move |(method, operation)| Described {
                method: method.to_uppercase(),
                path,
                operation,
            })
        });
        described.collect()
    }

    fn described(&self, operation: Operation) -> Described<'_> {
        let mut all = self.operations().into_iter();
        let found = all.find(|described| described.operation["operationId"] == operation.name());
        found.unwrap_or_else(|| panic!("{operation} is not in the document"))
    }

    /// What a reference, if it is one, refers to.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(target) = schema.get("$ref").and_then(Value::as_str) else {
            return schema;
        };
        let document = if target.starts_with('#') {
            &self.contacts
        } else {
            &self.common
        };
        let (_, pointer) = target.split_once('#').unwrap();
        document.pointer(pointer).unwrap()
    }

    /// All that is wrong with a body.
    fn faults(&self, schema: &Value, body: &Value) -> Vec<String> {
        let whole = json!({ "allOf": [schema], "components": self.contacts["components"] });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let faults = validator.iter_errors(body);
        faults
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect()
    }

    /// What the schema describes: all of it, or only what is required, and in each object a member that nobody has heard of.
    fn instance(&self, schema: &Value, whole: bool) -> Value {
        let schema = self.resolved(schema);
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let required: Vec<_> = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .collect();
            let wanted = properties
                .iter()
                .filter(|(name, _)| whole || required.iter().any(|own| *own == *name));
            let mut members: Map<_, _> = wanted
                .map(|(name, property)| (name.clone(), self.instance(property, whole)))
                .collect();
            members.insert("newSinceThen".to_owned(), json!({ "deep": [1, null] }));
            return Value::Object(members);
        }
        if let Some(example) = schema.get("example") {
            return example.clone();
        }
        match schema["type"].as_str() {
            Some("array") => json!([self.instance(&schema["items"], whole)]),
            Some("object") => json!({}),
            Some("boolean") => json!(true),
            Some("number") => json!(1),
            _ => json!("text"),
        }
    }
}

/// `OpenAPI` 3.0 says `nullable` where JSON Schema has a type; beyond that, what is not described counts as not allowed.
fn as_json_schema(value: &mut Value) {
    if let Value::Object(members) = value {
        if members.remove("nullable") == Some(Value::Bool(true)) {
            let named = members["type"].take();
            members["type"] = json!([named, "null"]);
        }
        if members.contains_key("properties") {
            members.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(as_json_schema),
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
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

/// Whether the path is one of those that the template stands for.
fn fits(path: &str, template: &str) -> bool {
    let (own, wanted): (Vec<_>, Vec<_>) =
        (path.split('/').collect(), template.split('/').collect());
    let same = |(own, wanted): (&&str, &&str)| {
        own == wanted || (wanted.starts_with('{') && !own.is_empty())
    };
    own.len() == wanted.len() && own.iter().zip(&wanted).all(same)
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
        let described = document.described(operation);
        assert_eq!(request.method.as_str(), described.method, "{operation}");
        assert!(
            fits(&request.path, described.path),
            "{operation}: {}",
            request.path
        );
        let parameters = described.operation["parameters"].as_array().unwrap();
        let in_query = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query");
        let (mut known, mut required) = (BTreeSet::new(), BTreeSet::new());
        for parameter in in_query {
            let name = parameter["name"].as_str().unwrap();
            known.insert(name);
            if parameter["required"] == true {
                required.insert(name);
            }
        }
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
    let described = document.described(Operation::UpdateContact);
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
        let described = document.described(operation);
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
