//! `/openapi.json`: that it describes what there is, and what can come back.

use std::collections::BTreeSet;

use penstock_tests::fixture::job;
use serde_json::{Value, json};

use crate::{
    service::{Answer, Service},
    stage::{Stage, array, text},
};

async fn document() -> (Stage, Service, Value) {
    let stage = Stage::start().await;
    let service = Service::start(&stage, &[]).await;
    let answer = service.get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    (stage, service, answer.body)
}

fn codes(document: &Value, path: &str, method: &str) -> BTreeSet<String> {
    let responses = &document["paths"][path][method]["responses"];
    responses.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn paths_and_status_codes_are_those_that_there_are() {
    let (_stage, _service, document) = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert_eq!(
        document["info"]["version"],
        penstock_shared::program::VERSION
    );
    let expected = [
        ("/hooks/ghl", "post", "200 400 401 403 404 413 415 422 429"),
        ("/hooks/smore", "post", "200 400 401 403 413 415 422 503"),
        (
            "/hooks/smore/{name}",
            "post",
            "200 400 401 403 413 415 422 503",
        ),
        (
            "/hooks/smsfactor",
            "post",
            "200 400 401 403 404 413 415 422 503",
        ),
        (
            "/hooks/smsfactor/{name}",
            "post",
            "200 400 401 403 404 413 415 422 503",
        ),
        (
            "/hooks/{name}",
            "post",
            "200 400 401 403 404 413 415 422 503",
        ),
        ("/livez", "get", "200"),
        ("/metrics", "get", "200"),
        ("/oauth/callback", "get", "200 400 404 429 502 503"),
        ("/oauth/install", "get", "302 404"),
        ("/readyz", "get", "200 503"),
        (
            "/v1/jobs",
            "post",
            "202 400 401 403 408 413 415 422 429 503",
        ),
        ("/v1/jobs/{id}", "get", "200 400 401 403 404 409 503"),
    ];
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, expected.map(|(path, _, _)| path));
    for (path, method, expected) in expected {
        let methods: Vec<&String> = document["paths"][path]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(methods, [method]);
        let found: Vec<String> = codes(&document, path, method).into_iter().collect();
        assert_eq!(found.join(" "), expected, "{path}");
    }
    // Refusals are problem details, and say so.
    for (path, method) in [("/v1/jobs", "post"), ("/v1/jobs/{id}", "get")] {
        for code in codes(&document, path, method)
            .iter()
            .filter(|code| !code.starts_with('2'))
        {
            let content = &document["paths"][path][method]["responses"][code]["content"];
            assert!(
                content["application/problem+json"].is_object(),
                "{path} {code}"
            );
        }
    }
    let later = |code: &str| {
        document["paths"]["/v1/jobs"]["post"]["responses"][code]["headers"]["Retry-After"]
            .is_object()
    };
    assert!(later("429") && later("503"));
    let security = &document["components"]["securitySchemes"]["key"];
    assert_eq!(
        (&security["type"], &security["scheme"]),
        (&json!("http"), &json!("bearer"))
    );
}

/// Checks a body against the schema that the document has for it.
fn check(document: &Value, pointer: &str, body: &Value) {
    let mut schema = document.clone();
    schema["$ref"] = json!(format!("#{pointer}"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(body)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{pointer}: {errors:?}\n{body}");
}

#[tokio::test]
async fn bodies_are_as_their_schemas_say() {
    let (stage, service, document) = document().await;
    stage.register(0).await;
    let accepted = service
        .post(array(&[job("a"), job("b").run_at(4_000_000_000_000)]))
        .await;
    check(&document, "/components/schemas/Accepted", &accepted.body);
    for id in ["a", "b"] {
        check(
            &document,
            "/components/schemas/JobStatus",
            &service.job(id).await,
        );
    }
    let request = service.posting("x").header("content-encoding", "gzip");
    for refused in [
        service.post("{").await,
        service.post("[{}]").await,
        service.get("/v1/jobs/c").await,
        Answer::to(request).await,
    ] {
        assert!(refused.status >= 400);
        check(&document, "/components/schemas/Problem", &refused.body);
    }
    let jobs = json!([serde_json::from_str::<Value>(&text(&job("a"))).unwrap()]);
    let request = "/paths/~1v1~1jobs/post/requestBody/content/application~1json/schema";
    check(&document, request, &jobs);
    check(&document, request, &jobs[0]);
    let mut schema = document.clone();
    schema["$ref"] = json!(format!("#{request}"));
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(!validator.is_valid(&json!({ "type": "AddTags" })));
    assert!(!validator.is_valid(&json!([])));
}

#[tokio::test]
async fn a_tenant_is_an_optional_part_of_the_query() {
    let (_stage, _service, document) = document().await;
    let parameters = &document["paths"]["/v1/jobs/{id}"]["get"]["parameters"];
    let places: Vec<_> = parameters
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["name"].as_str(),
                one["in"].as_str(),
                one["required"].as_bool(),
            )
        })
        .collect();
    let expected = [
        (Some("id"), Some("path"), Some(true)),
        (Some("tenant"), Some("query"), Some(false)),
    ];
    assert_eq!(places, expected);
}
