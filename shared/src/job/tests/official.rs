//! What is sent fits the API's official document, where one is at hand.

use std::{env, fs, path::PathBuf};

use serde_json::{Value, json};

use super::{examples, parse};
use crate::job::JobType;

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
    schemas["UpsertContactDto"]["properties"]["dateOfBirth"]["type"] = json!(["string", "null"]);
    for numeric in ["NumericField", "MonetoryField"] {
        schemas[numeric]["properties"]["field_value"]["type"] = json!("number");
    }
    schemas["TextField"]["properties"]["field_value"]["type"] = json!(["string", "boolean"]);
    for (name, schema) in schemas.as_object_mut().unwrap() {
        if name.ends_with("Field") {
            schema["required"] = json!([]);
        }
    }
}

#[test]
fn request_bodies_fit_the_official_document() {
    let Some(folder) = env::var_os("PENSTOCK_GHL_SPEC").map(PathBuf::from) else {
        eprintln!(
            "not checked: PENSTOCK_GHL_SPEC does not name the folder of the official documents"
        );
        return;
    };
    let text = fs::read(folder.join("apps/contacts.json")).unwrap();
    let mut document: Value = serde_json::from_slice(&text).unwrap();
    let schemas = &mut document["components"]["schemas"];
    as_json_schema(schemas);
    mend(schemas);
    for (name, job) in examples::good() {
        let payload = parse(&job).payload;
        if !payload.job_type().is_public() {
            // It makes no call.
            continue;
        }
        let mut body = payload.request_body();
        let schema = match payload.job_type() {
            JobType::UpsertContact => {
                body["locationId"] = json!("loc");
                "UpsertContactDto"
            }
            JobType::CreateTask => "CreateTaskParams",
            JobType::AttachNote => "NotesDTO",
            JobType::AddTags => "TagsDTO",
            JobType::HandleEvent => unreachable!("it makes no call"),
        };
        document["$ref"] = format!("#/components/schemas/{schema}").into();
        let validator = jsonschema::validator_for(&document).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&body)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new(), "{name}");
    }
}
