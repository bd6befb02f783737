use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn classify_with(
    operation: Operation,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    end: End,
) -> Result<Answer, CallError> {
    let now = Timestamp::UNIX_EPOCH;
    let answer = Response {
        status,
        headers,
        body,
        end,
        now,
    };
    response(operation, &answer)
}

fn classify(operation: Operation, status: u16, body: &str) -> Result<Answer, CallError> {
    let headers = HeaderMap::new();
    classify_with(operation, status, &headers, body.as_bytes(), End::Whole)
}

fn error(operation: Operation, status: u16, body: &str) -> CallError {
    classify(operation, status, body).unwrap_err()
}

const HTML: &str = "<!doctype html><title>Bad gateway</title>";

#[test]
fn successes_are_read_whole() {
    let body = r#" {"contact":{"id":"c1"},"traceId":"t-1"} "#;
    let answer = classify(Operation::UpsertContact, 200, body).unwrap();
    assert_eq!(answer.body["contact"]["id"], "c1");
    assert_eq!(answer.trace_id.as_deref(), Some("t-1"));
    let empty = classify(Operation::AddTags, 204, "").unwrap();
    assert_eq!((empty.status, empty.body), (204, Value::Null));
}

#[test]
fn successes_that_cannot_be_read_are_no_failures() {
    let deep = "[".repeat(100_000);
    for body in [HTML, "{", "{\"a\":NaN}", "\u{feff}{}", &deep] {
        let error = error(Operation::CreateNote, 201, body);
        assert!(
            matches!(error, CallError::Unreadable { status: 201, .. }),
            "{error}"
        );
    }
    let headers = HeaderMap::new();
    let long = classify_with(Operation::CreateNote, 200, &headers, b"{}", End::TooLong);
    assert!(matches!(long, Err(CallError::TooLong { .. })));
    let cut = End::Cut("connection reset".to_owned());
    let cut = classify_with(Operation::CreateNote, 200, &headers, b"{}", cut);
    assert!(matches!(cut, Err(CallError::Unanswered { .. })));
}

#[test]
fn refusals_are_for_good() {
    for (status, body, expected) in [
        (
            400,
            r#"{"statusCode":400,"message":"Bad Request"}"#,
            "Bad Request",
        ),
        (
            422,
            r#"{"message":["a bad","b bad"],"error":"Unprocessable Entity"}"#,
            "a bad, b bad",
        ),
        (
            422,
            r#"{"message":"property x should not exist"}"#,
            "property x should not exist",
        ),
        (400, HTML, "Bad Request"),
        (405, "", "Method Not Allowed"),
        (409, r#"{"detail":"busy"}"#, "busy"),
        (413, "{}", "Payload Too Large"),
        (499, "[]", "no message"),
        (
            403,
            r#"{"message":"The plan does not include tasks"}"#,
            "The plan does not include tasks",
        ),
    ] {
        let message = expected.to_owned();
        let expected = CallError::Rejected { status, message };
        assert_eq!(error(Operation::CreateTask, status, body), expected);
    }
}

#[test]
fn an_unknown_contact_is_told_in_two_ways() {
    let said = r#"{"message":"Contact with id ve9EPM428h8vShlRW1KT not found"}"#;
    for (status, body) in [
        (400, said),
        (404, said),
        (404, ""),
        (404, HTML),
        (422, said),
    ] {
        let error = error(Operation::CreateNote, status, body);
        assert!(
            matches!(error, CallError::ContactNotFound { .. }),
            "{status} {error}"
        );
    }
    let upsert = error(Operation::UpsertContact, 404, "{}");
    assert!(matches!(upsert, CallError::Rejected { status: 404, .. }));
}

#[test]
fn what_a_contact_lacks_is_not_the_contact() {
    let of_task = r#"{"message":"Task with id X of contact Y not found"}"#;
    let of_contact = r#"{"message":"Contact with id tasks not found"}"#;
    let of_note = r#"{"message":["note 5 was not found."]}"#;
    for (operation, status, body, what) in [
        (Operation::UpdateTask, 404, of_task, Some("task")),
        (Operation::DeleteTask, 400, of_task, Some("task")),
        (Operation::CompleteTask, 404, "", Some("task")),
        (Operation::DeleteNote, 404, HTML, Some("note")),
        (Operation::UpdateNote, 400, of_note, Some("note")),
        (Operation::UpdateNote, 404, of_contact, None),
        (Operation::AddToWorkflow, 404, "{}", Some("workflow")),
        (Operation::AddToCampaign, 400, of_contact, None),
        (Operation::AddFollowers, 404, "{}", None),
        (Operation::DeleteContact, 400, of_contact, None),
    ] {
        let error = error(operation, status, body);
        let found = match &error {
            CallError::PartNotFound { what, .. } => Some(*what),
            CallError::ContactNotFound { .. } => None,
            other => panic!("{operation}: {other}"),
        };
        assert_eq!(found, what, "{operation} {status} {body}");
    }
    for operation in [Operation::SetBusiness, Operation::CreateContact] {
        let error = error(operation, 404, of_contact);
        assert!(matches!(error, CallError::Rejected { .. }), "{operation}");
    }
}

#[test]
fn of_many_contacts_each_is_told_apart() {
    let of = |message: &str| of_many(201, &json!({ "message": message }));
    for unknown in [
        "contact id is not a valid firebase id",
        "Contact not found",
        "contact is deleted",
    ] {
        assert!(matches!(
            of(unknown),
            CallError::ContactNotFound { status: 201, .. }
        ));
    }
    assert!(matches!(
        of("contact does not belong to location"),
        CallError::Rejected { .. }
    ));
    assert_eq!(
        of("a@b.co is odd").to_string(),
        "refused with 201: [email] is odd"
    );
}

#[test]
fn a_refused_duplicate_names_the_contact() {
    let body = json!({
        "statusCode": 400,
        "message": "This location does not allow duplicated contacts.",
        "meta": {"contactId": "c1", "matchingField": "email"},
    });
    let duplicate = error(Operation::UpsertContact, 400, &body.to_string());
    let contact_id = "c1".parse().unwrap();
    assert_eq!(duplicate, CallError::DuplicateContact { contact_id });
    let created = error(Operation::CreateContact, 400, &body.to_string());
    assert_eq!(created, duplicate);

    for operation in [Operation::CreateNote, Operation::UpdateContact] {
        let other = error(operation, 400, &body.to_string());
        assert!(matches!(other, CallError::Rejected { .. }));
    }
    for id in [json!("../c1"), json!(""), json!(5), Value::Null] {
        let mut body = body.clone();
        body["meta"]["contactId"] = id;
        let refused = error(Operation::UpsertContact, 400, &body.to_string());
        assert!(matches!(refused, CallError::Rejected { .. }), "{body}");
    }
}

#[test]
fn authorisation_is_permanent_or_stale() {
    for (status, message, permanent) in [
        (401, "Invalid token: access token is invalid", false),
        (401, "Invalid JWT", false),
        (401, "Unauthorized", false),
        (401, "The token is not authorized for this scope.", true),
        (401, "Token's user type mismatch!", true),
        (401, "version header was not found.", true),
        (
            403,
            "The token does not have access to this location.",
            true,
        ),
        (403, "Forbidden resource", true),
        (403, "Invalid JWT", false),
    ] {
        let body = json!({"statusCode": status, "message": message}).to_string();
        let message = message.to_owned();
        let expected = CallError::Unauthorized {
            status,
            message,
            permanent,
        };
        assert_eq!(error(Operation::GetContact, status, &body), expected);
    }
    let bare = error(Operation::GetContact, 401, HTML);
    assert!(matches!(
        bare,
        CallError::Unauthorized {
            permanent: false,
            ..
        }
    ));
}

#[test]
fn throttling_says_when_to_return_whatever_the_body() {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("3"));
    headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
    for (body, end) in [
        ("", End::Whole),
        (HTML, End::Whole),
        ("{", End::TooLong),
        ("{", End::Cut("reset".to_owned())),
    ] {
        let throttled =
            classify_with(Operation::CreateTask, 429, &headers, body.as_bytes(), end).unwrap_err();
        let CallError::Throttled { retry_after } = throttled else {
            panic!("not throttled: {throttled}");
        };
        assert_eq!(retry_after, Some(Duration::from_secs(3)));
    }
}

#[test]
fn what_is_not_the_apis_judgement_is_a_server_error() {
    for (status, body) in [
        (500, "{}"),
        (502, HTML),
        (503, ""),
        (599, "x"),
        (101, ""),
        (302, HTML),
        (600, ""),
        (999, ""),
        (408, ""),
        (425, ""),
        (403, HTML),
    ] {
        let error = error(Operation::CreateTask, status, body);
        assert!(
            matches!(error, CallError::ServerError { .. }),
            "{status} {error}"
        );
        assert_eq!(error.status(), Some(status));
    }
}

#[test]
fn messages_are_redacted() {
    let body = json!({"message": "canary@example.com has +14155552671 already"}).to_string();
    let error = format!("{:?}", error(Operation::UpsertContact, 422, &body));
    assert!(
        !error.contains("canary") && !error.contains("4155552671"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_response_is_survived(
        status in 0_u16..1_000,
        body in proptest::collection::vec(any::<u8>(), 0..300),
        header in "[ -~]{0,40}",
    ) {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(&header).unwrap());
        for operation in [Operation::UpsertContact, Operation::CreateNote, Operation::ListTasks] {
            let classified = classify_with(operation, status, &headers, &body, End::Whole);
            prop_assert!(classified.is_err() || (200..300).contains(&status));
        }
    }

    #[test]
    fn any_json_is_survived(status in 200_u16..600, text in ".{0,80}", number in any::<f64>()) {
        let bodies = [
            json!({"message": text, "meta": {"contactId": text}, "traceId": text}),
            json!({"message": [text, number, null], "error": {"a": text}}),
            json!([text]),
            json!(number),
        ];
        for body in bodies {
            let classified = classify(Operation::UpsertContact, status, &body.to_string());
            prop_assert_eq!(classified.is_ok(), status < 300);
        }
    }
}
