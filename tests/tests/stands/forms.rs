//! Smore: forms and responses.

use penstock_tests::smore::{Account, Options};
use serde_json::{Value, json};

use crate::client::Client;
use crate::oauth::{ALL, allowed};

/// A client of an account with a form of the id f1.
pub(crate) async fn client(options: Options) -> Client<Account> {
    let client = allowed(options, ALL).await;
    let form = json!({"id": "f1", "title": "Win a boat"});
    client.running.steer("forms", &form).unwrap();
    client
}

/// Answers of every kind that the page shows.
pub(crate) fn answered() -> Value {
    let answer = |kind: &str, value: Value| json!({"question": format!("Your {kind}?"), "questionType": format!("input-{kind}"), "answerType": kind, kind: value});
    json!({
        "formId": "f1",
        "answers": [
            answer("string", json!("Doda Churu")), answer("email", json!("doda@smore.example")), answer("phone", json!("+33612345678")),
            answer("date", json!("2019-02-17")), answer("time", json!("19:49")), answer("integer", json!(4)),
        ],
        "customFields": [{"name": "source", "value": "xxxxx"}],
        "metadata": {"browser": "Chrome", "duration": 220},
    })
}

#[tokio::test]
async fn forms_and_responses_are_read() {
    let client = client(Options::default()).await;
    for _ in 0..3 {
        client.running.steer("responses", &answered()).unwrap();
    }
    let form = json!({"id": "f1", "title": "Win a boat", "responseCount": 3});
    assert_eq!(
        client.get("/api/v1/forms").await.1,
        json!({"forms": [form]})
    );
    assert_eq!(client.get("/api/v1/forms/f1").await.1, form);
    let path = "/api/v1/forms/f1/responses";
    let (_, first) = client.get(&format!("{path}?limit=2")).await;
    assert_eq!(
        (
            first["responses"].as_array().unwrap().len(),
            &first["hasMore"]
        ),
        (2, &json!(true))
    );
    let id = first["responses"][1]["id"].as_str().unwrap();
    let (_, rest) = client.get(&format!("{path}?limit=2&after={id}")).await;
    assert_eq!(
        (
            rest["responses"].as_array().unwrap().len(),
            &rest["hasMore"]
        ),
        (1, &json!(false))
    );
    assert_eq!(
        client.get(&format!("{path}/{id}")).await.1,
        first["responses"][1]
    );
    for missing in [
        "/api/v1/forms/f2",
        "/api/v1/forms/f2/responses",
        "/api/v1/forms/f1/responses/x",
    ] {
        assert_eq!(client.get(missing).await.0, 404);
    }
    assert_eq!(client.get(&format!("{path}?limit=0")).await.0, 422);
    assert_eq!(client.get("/api/v1/profile").await.0, 200);
    assert_eq!(
        client.running.summary().effects,
        1,
        "but for the grant nothing was changed"
    );
}

#[tokio::test]
async fn an_answer_has_its_value_under_the_name_of_its_type() {
    let client = client(Options::default()).await;
    let wrong = |change: fn(&mut Value)| {
        let mut body = answered();
        change(&mut body);
        client.running.steer("responses", &body).unwrap_err()
    };
    assert!(wrong(|body| body["answers"][1]["answerType"] = "url".into()).contains("needs `url`"));
    assert!(wrong(|body| body["answers"][1]["question"] = Value::Null).contains("question"));
    assert!(wrong(|body| body["formId"] = "f2".into()).contains("formId"));
    let again = json!({"id": "f1", "title": "Another"});
    assert!(client.running.steer("forms", &again).is_err());
}
