//! The sandbox against the official documents, both ways, where `PENSTOCK_GHL_SPEC` names the folder that has
//! `apps/contacts.json` and `apps/oauth.json`.

mod answers;
mod requests;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

/// What the sandbox shows beyond the schemas, since field reports have it.
const BEYOND: [&str; 6] = [
    "traceId",
    "meta",
    "tagsAdded",
    "tagsRemoved",
    "error",
    "error_description",
];

struct Document {
    contacts: Value,
    oauth: Value,
    common: Value,
}

/// The document, or a word on why the test does nothing.
fn document() -> Option<Document> {
    let Some(folder) = std::env::var_os("PENSTOCK_GHL_SPEC").map(PathBuf::from) else {
        eprintln!("skipped: PENSTOCK_GHL_SPEC does not name a folder with apps/contacts.json");
        return None;
    };
    let read =
        |path: &str| serde_json::from_slice(&std::fs::read(folder.join(path)).unwrap()).unwrap();
    Some(Document {
        contacts: read("apps/contacts.json"),
        oauth: read("apps/oauth.json"),
        common: read("common/common-schemas.json"),
    })
}

impl Document {
    /// Every operation with its path and method, and the document that it is in.
    fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value, &Value)> {
        [&self.contacts, &self.oauth].into_iter().flat_map(|whole| {
            let paths = whole["paths"].as_object().unwrap().iter();
            paths.flat_map(move |(path, methods)| {
                let methods = methods.as_object().unwrap().iter();
                methods.map(move |(method, found)| (path.as_str(), method.as_str(), found, whole))
            })
        })
    }

    /// The schema of an operation's answer with this status; none if the document leaves it open.
    fn schema(&self, operation: &str, status: u16) -> Option<Value> {
        let (_, _, found, whole) = self
            .operations()
            .find(|(_, _, found, _)| found["operationId"] == operation)
            .unwrap();
        let answer = &found["responses"][status.to_string()];
        assert!(answer.is_object(), "{operation} has no {status}");
        let schema = answer.pointer("/content/application~1json/schema")?;
        let mut whole = json!({"allOf": [schema], "components": whole["components"], "common": self.common["components"]});
        adapt(&mut whole, &self.contact_properties());
        Some(whole)
    }

    /// What any of the schemas of a contact names: each leaves out some of what the others have.
    fn contact_properties(&self) -> Vec<String> {
        let properties = |name| {
            self.contacts["components"]["schemas"][name]["properties"]
                .as_object()
                .unwrap()
        };
        [
            "GetContectByIdSchema",
            "CreateContactSchema",
            "ContactsSearchSchema",
        ]
        .into_iter()
        .flat_map(|name| properties(name).keys().cloned())
        .collect()
    }

    fn check(&self, operation: &str, status: u16, answer: &Value) {
        let Some(schema) = self.schema(operation, status) else {
            return;
        };
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft4)
            .build(&schema)
            .unwrap();
        let faults: Vec<String> = validator
            .iter_errors(answer)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{operation}: {answer}\n{faults:#?}");
    }
}

/// From `OpenAPI` 3.0 to JSON Schema, and strict about properties that no schema names.
fn adapt(schema: &mut Value, of_contacts: &[String]) {
    match schema {
        Value::Object(fields) => {
            adapt_fields(fields, of_contacts);
            fields
                .values_mut()
                .for_each(|field| adapt(field, of_contacts));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| adapt(item, of_contacts)),
        _ => {}
    }
}

fn adapt_fields(fields: &mut Map<String, Value>, of_contacts: &[String]) {
    if let Some(Value::String(target)) = fields.get_mut("$ref") {
        *target = target.replace("../common/common-schemas.json#/components", "#/common");
    }
    if fields.get("nullable") == Some(&json!(true)) {
        let kind = fields["type"].take();
        fields["type"] = json!([kind, "null"]);
    }
    // Its own example shows objects where the schema says strings.
    if fields.get("description") == Some(&json!("Responses for each contact processed")) {
        fields.remove("items");
    }
    let is_object = fields.get("type") == Some(&json!("object"));
    if let (true, Some(Value::Object(properties))) = (is_object, fields.get_mut("properties")) {
        let contact = properties.contains_key("locationId");
        let more = of_contacts.iter().map(String::as_str).filter(|_| contact);
        for name in more.chain(BEYOND) {
            properties.entry(name).or_insert(json!({}));
        }
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    fields.remove("example");
}
