//! The JSON Schemas of all job types, for whoever wants to check a job before sending it.

use schemars::{
    Schema, SchemaGenerator,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::{Value, json};

use super::{
    attempts::MaxAttempts, date::Moment, id::JobId, payload::JobType, priority::Priority,
    tenant::Tenant,
};

/// The dialect that the schemas are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Every schema with its name: one per job type, then `Job` for any of those that may come from outside. Keys are sorted.
///
/// A schema refuses nothing that [`Job::parse`](super::Job::parse) accepts; the parser is stricter where a schema cannot
/// say what is meant (dates that do not exist, repeated members, sizes).
pub fn schemas() -> Vec<(String, Value)> {
    let single = |job_type: &JobType| {
        (
            job_type.to_string(),
            document(job_type.as_str(), &[*job_type]),
        )
    };
    let mut schemas: Vec<_> = JobType::ALL.iter().map(single).collect();
    let public: Vec<_> = JobType::ALL
        .iter()
        .copied()
        .filter(|job_type| job_type.is_public())
        .collect();
    schemas.push(("Job".to_owned(), document("Job", &public)));
    schemas
}

/// A whole schema document for jobs of these types.
fn document(title: &str, job_types: &[JobType]) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut envelopes = job_types
        .iter()
        .map(|job_type| envelope(*job_type, &mut generator));
    let body = match (envelopes.next(), job_types.len()) {
        (Some(only), 1) => only,
        (first, _) => json!({ "oneOf": first.into_iter().chain(envelopes).collect::<Vec<_>>() }),
    };
    let Value::Object(mut members) = body else {
        return Value::Null;
    };
    members.insert("$schema".to_owned(), DIALECT.into());
    members.insert("title".to_owned(), title.into());
    members.insert(
        "$defs".to_owned(),
        Value::Object(generator.take_definitions(true)),
    );
    let mut schema = Schema::from(members);
    RecursiveTransform(never_null).transform(&mut schema);
    let mut value = schema.to_value();
    value.sort_all_objects();
    value
}

fn envelope(job_type: JobType, generator: &mut SchemaGenerator) -> Value {
    let described = |schema: Schema, description: &str| {
        let mut schema = schema;
        schema.insert("description".to_owned(), description.into());
        schema.to_value()
    };
    let properties = json!({
        "type": { "const": job_type.as_str() },
        "tenant": described(generator.subschema_for::<Tenant>(), "Whose job it is: a GHL location id."),
        "payload": job_type.payload_schema(generator).to_value(),
        "id": described(generator.subschema_for::<JobId>(), "The caller's own key, unique within the tenant; without one, one is made."),
        "priority": described(generator.subschema_for::<Priority>(), "Which due jobs it goes before; normal unless said."),
        "runAt": described(generator.subschema_for::<Moment>(), "Not before this moment: RFC 3339 with its offset."),
        "maxAttempts": described(generator.subschema_for::<MaxAttempts>(), "Failed attempts before it is dead."),
    });
    json!({
        "type": "object",
        "properties": properties,
        "required": ["type", "tenant", "payload"],
        "additionalProperties": false,
    })
}

/// An optional field may be left out but not be null, which the derived schemas do not tell apart: they end in null for
/// every `Option`. A field that may be null is a `Patch`, whose schema begins with it.
fn never_null(schema: &mut Schema) {
    let null = json!({ "type": "null" });
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            members.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(branches)) = members.get_mut("anyOf") else {
        return;
    };
    if branches.last() != Some(&null) {
        return;
    }
    branches.pop();
    if let [Value::Object(only)] = branches.as_slice() {
        let only = only.clone();
        members.remove("anyOf");
        members.extend(only);
    }
}
