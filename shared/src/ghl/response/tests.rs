//! What is read of answers.

use super::*;
use serde_json::json;

fn answer(body: Value) -> Answer {
    Answer {
        status: 200,
        body,
        trace_id: None,
    }
}

fn is_unreadable<T>(read: &Result<T, CallError>) -> bool {
    matches!(read, Err(CallError::Unreadable { status: 200, .. }))
}

#[test]
fn contacts_are_read() {
    let body = json!({"new": true, "contact": {"id": "c1", "email": "a@b.co", "phone": null}});
    let contact = answer(body).contact().unwrap();
    assert_eq!(contact.id.as_str(), "c1");
    assert_eq!(contact.email, "a@b.co".parse().ok());
    assert_eq!(contact.phone, None);
    assert_eq!(
        answer(json!({"id": "c2"})).contact().unwrap().id.as_str(),
        "c2"
    );
    for body in [
        json!({"contact": {}}),
        json!({"contact": {"id": 5}}),
        json!({"contact": {"id": "../c1"}}),
        json!([]),
        Value::Null,
    ] {
        assert!(is_unreadable(&answer(body.clone()).contact()), "{body}");
    }
}

#[test]
fn a_search_finds_one_or_none() {
    for body in [
        json!({"contact": null}),
        json!({"contact": {}}),
        json!({"traceId": "t"}),
    ] {
        assert_eq!(answer(body).found_contact(), Ok(None));
    }
    let found = answer(json!({"contact": {"id": "c1"}}))
        .found_contact()
        .unwrap();
    assert_eq!(found.unwrap().id.as_str(), "c1");
    for body in [
        json!({"contact": {"name": "x"}}),
        json!({"contact": "c1"}),
        Value::Null,
    ] {
        assert!(
            is_unreadable(&answer(body.clone()).found_contact()),
            "{body}"
        );
    }
}

#[test]
fn effects_have_ids() {
    assert_eq!(
        answer(json!({"note": {"id": "n1"}})).note_id(),
        Ok("n1".to_owned())
    );
    assert_eq!(
        answer(json!({"task": {"id": "t1"}})).task_id(),
        Ok("t1".to_owned())
    );
    assert!(is_unreadable(
        &answer(json!({"note": {"id": ""}})).note_id()
    ));
    assert!(is_unreadable(&answer(json!({"task": null})).task_id()));
}

#[test]
fn a_success_may_say_that_it_is_none() {
    for body in [
        json!({}),
        Value::Null,
        json!({"succeded": true}),
        json!({"success": true}),
    ] {
        assert_eq!(answer(body).succeeded(), Ok(()));
    }
    for name in ["succeded", "succeeded", "success"] {
        let refused = answer(json!({name: false, "message": "no"})).succeeded();
        assert!(matches!(
            refused,
            Err(CallError::Rejected { status: 200, .. })
        ));
    }
}

/// It was done, and would only be done again and again for what is not said.
#[test]
fn what_the_document_does_not_require_may_be_missing() {
    for body in [
        json!({}),
        json!({"traceId": "t"}),
        json!({"tags": null, "followers": null, "contact": null}),
    ] {
        let answer = answer(body);
        assert_eq!(answer.tags(), Ok(&Value::Null));
        assert_eq!(answer.followers(), Ok(&Value::Null));
        assert_eq!(answer.upserted(), Ok(None));
    }
    assert_eq!(answer(json!({"tags": ["x"]})).tags(), Ok(&json!(["x"])));
    let upserted = answer(json!({"contact": {"id": "c1"}})).upserted().unwrap();
    assert_eq!(upserted.unwrap().id.as_str(), "c1");
    for body in [
        Value::Null,
        json!([]),
        json!({"tags": "x", "contact": {"id": 5}}),
    ] {
        assert!(is_unreadable(&answer(body.clone()).tags()), "{body}");
        assert!(is_unreadable(&answer(body.clone()).upserted()), "{body}");
    }
    let denied = answer(json!({"succeded": false}));
    let is_denied = |denied| matches!(denied, Some(CallError::Rejected { .. }));
    assert!(is_denied(denied.tags().err()) && is_denied(denied.upserted().err()));
}

#[test]
fn of_many_contacts_each_has_its_tags() {
    let results = answer(json!({"responses": [
        {"contactId": "a", "type": "success", "oldTags": ["x", "y"], "tagsAdded": ["z"], "tagsRemoved": ["x"]},
        {"contactId": "b", "type": "error", "message": "contact not found"},
        {"contactId": "c", "type": "success"},
    ]}));
    let tags: Vec<_> = results
        .bulk_results()
        .unwrap()
        .into_iter()
        .map(|result| result.tags.ok())
        .collect();
    let of = |tags: &[&str]| Some(tags.iter().map(ToString::to_string).collect());
    assert_eq!(tags, [of(&["y", "z"]), None, of(&[])]);
    assert_eq!(
        answer(json!({"success": true, "ids": ["a"]})).set_ids(),
        Ok(vec!["a".to_owned()])
    );
    assert!(is_unreadable(&answer(json!({"success": true})).set_ids()));
}

#[test]
fn notes_are_listed() {
    let list = answer(json!({"notes": [
        {"id": "n1", "body": "hi", "userId": "u", "dateAdded": "2021-07-08T12:02:11.285Z", "new": 1},
        {"id": "n2", "dateAdded": 1_625_745_731_285_i64},
        {"id": "n3", "body": null, "dateAdded": "yesterday"},
    ]}));
    let notes = list.notes().unwrap();
    assert_eq!(notes[0].body.as_deref(), Some("hi"));
    assert_eq!(notes[0].date_added, notes[1].date_added);
    assert!(notes[0].date_added.is_some() && notes[2].date_added.is_none());
}

#[test]
fn a_date_that_cannot_be_right_is_none() {
    for (date, is_one) in [
        (json!(1_625_745_731), false),
        (json!("1970-01-01T00:00:00.000Z"), false),
        (json!("0001-01-01T00:00:00Z"), false),
        (json!("2014-12-31T23:59:59Z"), false),
        (json!("2021-07-08T12:02:11"), false),
        (json!("2021-07-08"), false),
        (json!("2021-07-08T12:02:11+02:00"), true),
    ] {
        let list = answer(json!({"notes": [{"id": "n", "dateAdded": date}]}));
        let added = list.notes().unwrap()[0].date_added;
        assert_eq!(added.is_some(), is_one, "{date}");
    }
}

#[test]
fn tasks_are_listed() {
    let list = answer(json!({"tasks": [
        {"id": "t1", "title": "call", "dueDate": "2021-07-08T02:30:00.000Z", "completed": false},
    ]}));
    let tasks = list.tasks().unwrap();
    assert!(tasks[0].due_date.is_some());
    let beside = r#"{"completed":false,"dueDate":"2021-07-08T02:30:00.000Z","title":"call"}"#;
    assert_eq!(tasks[0].beside, beside);
    assert_eq!(answer(json!({"tasks": []})).tasks(), Ok(vec![]));
}

#[test]
fn a_list_with_an_unreadable_item_is_unreadable() {
    for body in [
        json!({}),
        json!({"notes": {}}),
        json!({"notes": [{"id": "n"}, {"body": "x"}]}),
    ] {
        assert!(is_unreadable(&answer(body.clone()).notes()), "{body}");
    }
}

#[test]
fn nothing_personal_is_debugged() {
    let answer = answer(json!({
        "contact": {"id": "c1", "email": "canary@example.com"},
        "notes": [{"id": "n1", "body": "canary"}],
        "tasks": [{"id": "t1", "title": "canary"}],
    }));
    let shown = format!(
        "{answer:?} {:?} {:?} {:?}",
        answer.contact(),
        answer.notes(),
        answer.tasks()
    );
    assert!(shown.contains("n1") && !shown.contains("canary"), "{shown}");
}
