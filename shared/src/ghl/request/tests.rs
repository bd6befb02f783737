//! Where requests go, and what they say.

use super::*;
use crate::job::{Job, JobType, Payload};
use proptest::prelude::*;
use serde_json::json;

fn id(text: &str) -> ContactId {
    text.parse().unwrap()
}

fn payload(job_type: &str, payload: &Value) -> Payload {
    let job = json!({"type": job_type, "tenant": "loc", "payload": payload});
    Job::from_value(job).unwrap().payload
}

/// The request of a job whose contact is `c1`.
fn request(job_type: &str, json: &Value) -> Request {
    let payload = payload(job_type, json);
    Request::of(&payload, &"loc".parse().unwrap(), Some(&id("c1"))).unwrap()
}

fn line(request: &Request) -> String {
    format!("{} {}", request.method, request.path)
}

/// One job of each type at least: its payload, where it goes, and what it says there.
const WRITES: &[(&str, &str, &str, &str)] = &[
    (
        "UpsertContact",
        r#"{"email": "a@b.co", "firstName": "Ann"}"#,
        "POST /contacts/upsert",
        r#"{"email": "a@b.co", "firstName": "Ann", "locationId": "loc"}"#,
    ),
    (
        "CreateContact",
        r#"{"email": "a@b.co", "firstName": "Ann"}"#,
        "POST /contacts/",
        r#"{"email": "a@b.co", "firstName": "Ann", "locationId": "loc"}"#,
    ),
    (
        "UpdateContact",
        r#"{"contact": {"email": "a@b.co"}, "firstName": null}"#,
        "PUT /contacts/c1",
        r#"{"firstName": null}"#,
    ),
    (
        "DeleteContact",
        r#"{"contact": {"email": "a@b.co"}}"#,
        "DELETE /contacts/c1",
        "null",
    ),
    (
        "CreateTask",
        r#"{"contact": {"id": "c1"}, "title": "Call", "dueDate": "2026-12-01T09:00:00Z"}"#,
        "POST /contacts/c1/tasks",
        r#"{"title": "Call", "dueDate": "2026-12-01T09:00:00Z", "completed": false}"#,
    ),
    (
        "UpdateTask",
        r#"{"contact": {"id": "c1"}, "task": {"id": "p1"}, "title": "Call"}"#,
        "PUT /contacts/c1/tasks/p1",
        r#"{"title": "Call"}"#,
    ),
    (
        "CompleteTask",
        r#"{"contact": {"id": "c1"}, "task": {"id": "p1"}}"#,
        "PUT /contacts/c1/tasks/p1/completed",
        r#"{"completed": true}"#,
    ),
    (
        "DeleteTask",
        r#"{"contact": {"id": "c1"}, "task": {"id": "p1"}}"#,
        "DELETE /contacts/c1/tasks/p1",
        "null",
    ),
    (
        "AttachNote",
        r#"{"contact": {"id": "c1"}, "body": "Hi"}"#,
        "POST /contacts/c1/notes",
        r#"{"body": "Hi"}"#,
    ),
    (
        "UpdateNote",
        r#"{"contact": {"id": "c1"}, "note": {"id": "p1"}, "pinned": true}"#,
        "PUT /contacts/c1/notes/p1",
        r#"{"pinned": true}"#,
    ),
    (
        "DeleteNote",
        r#"{"contact": {"id": "c1"}, "note": {"id": "p1"}}"#,
        "DELETE /contacts/c1/notes/p1",
        "null",
    ),
    (
        "AddTags",
        r#"{"contact": {"id": "c1"}, "tags": ["vip"]}"#,
        "POST /contacts/c1/tags",
        r#"{"tags": ["vip"]}"#,
    ),
    (
        "RemoveTags",
        r#"{"contact": {"id": "c1"}, "tags": ["vip"]}"#,
        "DELETE /contacts/c1/tags",
        r#"{"tags": ["vip"]}"#,
    ),
    (
        "BulkTags",
        r#"{"contacts": [{"id": "c1"}], "tags": ["vip"], "operation": "add"}"#,
        "POST /contacts/c1/tags",
        r#"{"tags": ["vip"]}"#,
    ),
    (
        "BulkTags",
        r#"{"contacts": [{"id": "c1"}], "tags": ["vip"], "operation": "remove"}"#,
        "DELETE /contacts/c1/tags",
        r#"{"tags": ["vip"]}"#,
    ),
    (
        "BulkTags",
        r#"{"contacts": [{"id": "c1"}], "tags": [], "operation": "remove", "removeAllTags": true}"#,
        "POST /contacts/bulk/tags/update/remove",
        r#"{"contacts": ["c1"], "tags": [], "removeAllTags": true, "locationId": "loc"}"#,
    ),
    (
        "BulkTags",
        r#"{"contacts": [{"id": "c1"}, {"id": "c2"}], "tags": ["vip"], "operation": "add"}"#,
        "POST /contacts/bulk/tags/update/add",
        r#"{"contacts": ["c1", "c2"], "tags": ["vip"], "locationId": "loc"}"#,
    ),
    (
        "SetBusiness",
        r#"{"contacts": [{"id": "c1"}], "businessId": null}"#,
        "POST /contacts/bulk/business",
        r#"{"ids": ["c1"], "businessId": null, "locationId": "loc"}"#,
    ),
    (
        "AddFollowers",
        r#"{"contact": {"id": "c1"}, "followers": ["u"]}"#,
        "POST /contacts/c1/followers",
        r#"{"followers": ["u"]}"#,
    ),
    (
        "RemoveFollowers",
        r#"{"contact": {"id": "c1"}, "followers": ["u"]}"#,
        "DELETE /contacts/c1/followers",
        r#"{"followers": ["u"]}"#,
    ),
    (
        "AddToCampaign",
        r#"{"contact": {"id": "c1"}, "campaignId": "p1"}"#,
        "POST /contacts/c1/campaigns/p1",
        "{}",
    ),
    (
        "RemoveFromCampaign",
        r#"{"contact": {"id": "c1"}, "campaignId": "p1"}"#,
        "DELETE /contacts/c1/campaigns/p1",
        "null",
    ),
    (
        "RemoveFromAllCampaigns",
        r#"{"contact": {"id": "c1"}}"#,
        "DELETE /contacts/c1/campaigns/removeAll",
        "null",
    ),
    (
        "AddToWorkflow",
        r#"{"contact": {"id": "c1"}, "workflowId": "p1", "eventStartTime": "2021-06-23T03:30:00+01:00"}"#,
        "POST /contacts/c1/workflow/p1",
        r#"{"eventStartTime": "2021-06-23T02:30:00+00:00"}"#,
    ),
    (
        "RemoveFromWorkflow",
        r#"{"contact": {"id": "c1"}, "workflowId": "p1"}"#,
        "DELETE /contacts/c1/workflow/p1",
        "{}",
    ),
];

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn writes_go_where_the_document_says() {
    for (job_type, payload, expected, body) in WRITES {
        let request = request(job_type, &json_of(payload));
        assert_eq!(line(&request), *expected, "{job_type}");
        let body = Some(json_of(body)).filter(|body| !body.is_null());
        assert_eq!(request.body, body, "{job_type}");
        assert!(!request.operation.is_read());
    }
}

#[test]
fn every_job_type_for_this_api_is_a_request() {
    // These go elsewhere, or nowhere.
    let others = [
        JobType::HandleEvent,
        JobType::LinkRecord,
        JobType::SendSms,
        JobType::SmsListContact,
        JobType::SmsBlacklist,
        JobType::PollSms,
        JobType::HttpCall,
    ];
    let walk = request("PullContacts", &json!({}));
    assert_eq!(line(&walk), "POST /contacts/search");
    let written = WRITES.iter().map(|(job_type, ..)| *job_type);
    let written: Vec<_> = written.chain(["PullContacts"]).collect();
    for job_type in JobType::ALL.iter().filter(|own| !others.contains(own)) {
        assert!(written.contains(&job_type.as_str()), "{job_type}");
    }
}

#[test]
fn what_is_there_instead_gets_what_an_update_takes() {
    let new = json!({"email": "a@b.co", "gender": "f", "companyName": "X", "tags": ["vip"]});
    let Payload::CreateContact(new) = payload("CreateContact", &new) else {
        unreachable!()
    };
    let request = Request::update_instead(&id("c1"), &new);
    assert_eq!(line(&request), "PUT /contacts/c1");
    assert_eq!(
        request.body,
        Some(json!({"email": "a@b.co", "tags": ["vip"]}))
    );
    let request = Request::update_lacking(&id("c1"), &new, &["email".to_owned()]);
    assert_eq!(line(&request), "PUT /contacts/c1");
    assert_eq!(request.body, Some(json!({"email": "a@b.co"})));
}

#[test]
fn reads_go_where_the_document_says() {
    let (tenant, phone) = ("loc".parse().unwrap(), "+15551234567".parse().unwrap());
    for (request, expected) in [
        (Request::get_contact(&id("c1")), "GET /contacts/c1"),
        (Request::list_notes(&id("c1")), "GET /contacts/c1/notes"),
        (Request::list_tasks(&id("c1")), "GET /contacts/c1/tasks"),
        (
            Request::search_duplicate(&tenant, Lookup::Phone(&phone)),
            "GET /contacts/search/duplicate",
        ),
        (
            Request::get_note(&id("c1"), "n1"),
            "GET /contacts/c1/notes/n1",
        ),
        (
            Request::get_task(&id("c1"), "t1"),
            "GET /contacts/c1/tasks/t1",
        ),
        (
            Request::list_appointments(&id("c1")),
            "GET /contacts/c1/appointments",
        ),
        (
            Request::list_contacts(&tenant, &Page::default()),
            "GET /contacts/",
        ),
        (
            Request::list_by_business(&tenant, "b.1", &OfBusiness::default()),
            "GET /contacts/business/b%2E1",
        ),
        (
            Request::search_contacts(&tenant, &search()),
            "POST /contacts/search",
        ),
    ] {
        assert_eq!(line(&request), expected);
        assert!(request.operation.is_read() && request.is_idempotent());
    }
}

fn search() -> Search {
    Search {
        page: Some(1),
        page_limit: 20,
        query: None,
        filters: vec![Filter {
            field: "email".to_owned(),
            operator: "eq".to_owned(),
            value: json!("a@b.co"),
        }],
        search_after: None,
    }
}

#[test]
fn a_page_is_named_by_what_the_one_before_has_told() {
    let tenant = "loc".parse().unwrap();
    let page = Page {
        limit: Some(100),
        query: Some("ann".to_owned()),
        start_after: Some(1_631_087_949_919),
        start_after_id: Some("yd0".to_owned()),
    };
    let text = |text: &str| text.to_owned();
    let expected = [
        ("locationId", text("loc")),
        ("limit", text("100")),
        ("query", text("ann")),
        ("startAfter", text("1631087949919")),
        ("startAfterId", text("yd0")),
    ];
    assert_eq!(Request::list_contacts(&tenant, &page).query, expected);
    let body = json!({
        "locationId": "loc", "page": 1, "pageLimit": 20,
        "filters": [{"field": "email", "operator": "eq", "value": "a@b.co"}],
    });
    assert_eq!(
        Request::search_contacts(&tenant, &search()).body,
        Some(body)
    );
}

#[test]
fn what_is_deleted_is_one_of_the_contacts_own() {
    for (request, expected) in [
        (
            Request::delete_note(&id("c1"), "n1"),
            "DELETE /contacts/c1/notes/n1",
        ),
        (
            Request::delete_task(&id("c1"), "t1"),
            "DELETE /contacts/c1/tasks/t1",
        ),
        (
            Request::delete_task(&id("c1"), "../../c2"),
            "DELETE /contacts/c1/tasks/%2E%2E%2F%2E%2E%2Fc2",
        ),
    ] {
        assert_eq!(line(&request), expected);
        assert!(!request.operation.is_read() && request.is_idempotent());
    }
}

#[test]
fn idempotence_agrees_with_the_jobs() {
    let again = r#"{"email": "a@b.co", "createNewIfDuplicateAllowed": true}"#;
    let all = WRITES.iter().map(|(job_type, json, ..)| (*job_type, *json));
    for (job_type, json) in all.chain([("UpsertContact", again)]) {
        let json = json_of(json);
        let expected = payload(job_type, &json).is_idempotent();
        assert_eq!(
            request(job_type, &json).is_idempotent(),
            expected,
            "{job_type}"
        );
    }
}

#[test]
fn nothing_personal_is_debugged() {
    let (tenant, email) = ("loc".parse().unwrap(), "canary@b.co".parse().unwrap());
    let request = Request::search_duplicate(&tenant, Lookup::Email(&email));
    assert!(!format!("{request:?}").contains("canary"));
}

proptest! {
    #[test]
    fn any_id_is_one_segment_or_refused(text in any::<String>()) {
        if let Ok(id) = text.parse() {
            let path = Request::get_contact(&id).path;
            let segment = path.strip_prefix("/contacts/").unwrap();
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b);
            prop_assert!(segment.bytes().all(plain), "{segment}");
            prop_assert!(segment != "." && !segment.contains(".."), "{segment}");
        }
    }
}
