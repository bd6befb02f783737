//! The description of the interface, for programs.

use axum::Json;
use penstock_shared::{job::schemas, program::VERSION};
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{connect, health, hooks, jobs, metrics, problem};

#[derive(OpenApi)]
#[openapi(
    info(title = "Penstock intake", description = "Takes jobs for the GoHighLevel API and stores them durably."),
    paths(
        jobs::accept, jobs::show, hooks::ghl, hooks::smsfactor, hooks::smsfactor_named, hooks::smore, hooks::smore_named, hooks::generic,
        health::live, health::ready, metrics::show, connect::install, connect::callback
    ),
    components(schemas(jobs::ReceiptOf, problem::FaultAt, problem::StandingOf)),
    modifiers(&Key),
)]
struct Interface;

struct Key;

impl Modify for Key {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A key out of PENSTOCK_API_KEYS; none is needed where none is set.",
            ));
        if let Some(components) = &mut openapi.components {
            components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
        }
    }
}

/// The whole description, with the jobs' own schemas in it.
pub(super) async fn show() -> Json<Value> {
    Json(document())
}

fn document() -> Value {
    let mut openapi = Interface::openapi();
    VERSION.clone_into(&mut openapi.info.version);
    let mut document = serde_json::to_value(openapi).unwrap_or_default();
    for (name, mut schema) in schemas() {
        let definitions = schema.as_object_mut().and_then(|schema| {
            schema.remove("$schema");
            schema.remove("$defs")
        });
        let own = [(name, schema)];
        let Some(Value::Object(definitions)) = definitions else {
            continue;
        };
        for (name, mut schema) in definitions.into_iter().chain(own) {
            point_to_components(&mut schema);
            document["components"]["schemas"][name] = schema;
        }
    }
    let job = json!({ "$ref": "#/components/schemas/Job" });
    document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"] =
        json!({ "oneOf": [job, { "type": "array", "items": job, "minItems": 1 }] });
    document
}

/// Definitions live beside all others in this document.
fn point_to_components(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref") {
                *target = target.replace("#/$defs/", "#/components/schemas/");
            }
            members.values_mut().for_each(point_to_components);
        }
        Value::Array(items) => items.iter_mut().for_each(point_to_components),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(
                    members
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                members
                    .values()
                    .for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.contains(&"#/components/schemas/Job".to_owned()));
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_call_is_described() {
        let document = document();
        let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
        assert_eq!(
            paths,
            [
                "/hooks/ghl",
                "/hooks/smore",
                "/hooks/smore/{name}",
                "/hooks/smsfactor",
                "/hooks/smsfactor/{name}",
                "/hooks/{name}",
                "/livez",
                "/metrics",
                "/oauth/callback",
                "/oauth/install",
                "/readyz",
                "/v1/jobs",
                "/v1/jobs/{id}"
            ]
        );
        assert_eq!(document["info"]["version"], VERSION);
    }
}
