mod agreement;
pub(crate) mod examples;
mod golden;
mod hostile;
mod random;
mod refusals;

use serde_json::{Value, json};

use super::{ContactRef, Job, JobId, JobType, Payload, Priority, Tenant};

fn parse(job: &Value) -> Job {
    Job::parse(job.to_string().as_bytes())
        .unwrap_or_else(|faults| panic!("{job} was refused: {faults:?}"))
}

fn faults(job: &Value) -> Vec<String> {
    match Job::parse(job.to_string().as_bytes()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

fn upsert(payload: &Value) -> Job {
    parse(&json!({ "type": "UpsertContact", "tenant": "loc", "payload": payload }))
}

#[test]
fn reads_every_field_of_the_envelope() {
    let job = parse(&json!({
        "type": "AddTags", "tenant": "ve9EPM428h8vShlRW1KT", "id": "a-1", "priority": "high",
        "runAt": "2026-12-01T10:00:00+01:00", "maxAttempts": 3,
        "payload": { "contact": { "id": "c1" }, "tags": ["vip"] },
    }));
    assert_eq!(job.id.as_ref().map(JobId::as_str), Some("a-1"));
    assert_eq!(job.tenant.as_str(), "ve9EPM428h8vShlRW1KT");
    assert_eq!(job.priority, Priority::High);
    assert_eq!(job.run_at, Some("2026-12-01T09:00:00Z".parse().unwrap()));
    assert_eq!(job.max_attempts.map(u32::from), Some(3));
    assert_eq!(job.payload.job_type(), JobType::AddTags);
}

#[test]
fn leaves_out_what_was_left_out() {
    let job = json!({
        "type": "CreateTask", "tenant": "loc",
        "payload": { "contact": { "id": "c1" }, "title": "Call", "dueDate": "2026-12-01T09:00:00Z" },
    });
    let read = parse(&job);
    assert_eq!(
        (read.id.clone(), read.run_at, read.max_attempts),
        (None, None, None)
    );
    assert_eq!(read.priority, Priority::Normal);
    let mut expected = job.clone();
    expected["payload"]["completed"] = json!(false);
    assert_eq!(serde_json::to_value(read).unwrap(), expected);
}

#[test]
fn brings_values_into_their_normal_form() {
    let job = upsert(&json!({
        "email": "  Rosan@DEOS.com ", "phone": "+1 (888) 888-88.88", "dateOfBirth": "09/25/1990", "city": null,
        "customFields": [{ "key": "score", "field_value": 100.0 }, { "id": "f", "field_value": ["a"] }],
        "createNewIfDuplicateAllowed": false,
    }));
    let expected = json!({
        "email": "rosan@deos.com", "phone": "+18888888888", "dateOfBirth": "1990-09-25", "city": null,
        "customFields": [{ "key": "score", "field_value": 100 }, { "id": "f", "field_value": ["a"] }],
    });
    assert_eq!(job.payload.to_value(), expected);
}

#[test]
fn cuts_due_dates_to_the_second_in_utc() {
    for (given, kept) in [
        ("2026-12-01T10:00:00.999+01:00", "2026-12-01T09:00:00Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
        ("0000-01-01T00:00:00z", "0000-01-01T00:00:00Z"),
        (
            "9999-12-30T00:00:00t".replace('t', "Z").as_str(),
            "9999-12-30T00:00:00Z",
        ),
    ] {
        let job = parse(&json!({
            "type": "CreateTask", "tenant": "loc",
            "payload": { "contact": { "id": "c" }, "title": "t", "dueDate": given },
        }));
        assert_eq!(job.payload.to_value()["dueDate"], kept, "{given}");
    }
}

#[test]
fn equal_payloads_have_equal_fingerprints() {
    let one =
        upsert(&json!({ "email": "A@b.io", "customFields": [{ "id": "n", "field_value": 5.0 }] }));
    let same =
        upsert(&json!({ "customFields": [{ "field_value": 5, "id": "n" }], "email": " a@B.io" }));
    let other =
        upsert(&json!({ "email": "a@b.io", "customFields": [{ "id": "n", "field_value": "5" }] }));
    assert_eq!(one.payload.canonical(), same.payload.canonical());
    assert_eq!(one.payload.fingerprint(), same.payload.fingerprint());
    assert_ne!(one.payload.fingerprint(), other.payload.fingerprint());
    assert_eq!(
        String::from_utf8(one.payload.canonical()).unwrap(),
        r#"{"customFields":[{"field_value":5,"id":"n"}],"email":"a@b.io"}"#
    );
}

#[test]
fn stored_payloads_come_back() {
    for (name, job) in examples::good() {
        let payload = parse(&job).payload;
        let (fingerprint, packed) = payload.pack();
        assert_eq!(fingerprint, payload.fingerprint(), "{name}");
        let back = Payload::unpack(payload.job_type().code(), &packed);
        assert_eq!(back, Ok(payload), "{name}");
    }
    let path = |code, packed: &[u8]| Payload::unpack(code, packed).unwrap_err()[0].path.clone();
    let tags = JobType::AddTags.code();
    assert_eq!(path(200, b"\x80"), "type");
    assert_eq!(path(tags, b"\xc1"), "payload");
    assert_eq!(path(tags, b"\x81\x00\x81\x01\xa1c"), "payload.tags");
}

#[test]
fn names_the_contacts_that_a_job_is_about() {
    let refs = |payload: Value| upsert(&payload).payload.contact_refs();
    let email = ContactRef::Email("a@b.io".parse().unwrap());
    let phone = ContactRef::Phone("+4915112345678".parse().unwrap());
    assert_eq!(
        refs(json!({ "email": "a@b.io" })),
        std::slice::from_ref(&email)
    );
    assert_eq!(
        refs(json!({ "phone": "+4915112345678", "email": null })),
        std::slice::from_ref(&phone)
    );
    assert_eq!(
        refs(json!({ "phone": "+4915112345678", "email": "a@b.io" })),
        [email, phone]
    );
}

#[test]
fn a_contacts_key_is_short_and_tells_nothing() {
    let key = |text: &str| ContactRef::Email(text.parse().unwrap()).key();
    assert_eq!(key("A@b.io "), key("a@b.io"));
    assert_ne!(key("a@b.io"), key("a@b.co"));
    // printf %s email:a@b.io | sha256sum | head -c 16 | xxd -r -p | basenc --base64url
    assert_eq!(key("a@b.io"), "uafTF0Ms31M");
    let id = ContactRef::Id("x".parse().unwrap());
    assert_ne!(id.key(), ContactRef::Id("y".parse().unwrap()).key());
}

#[test]
fn knows_what_may_be_repeated() {
    let idempotent = |job: Value| parse(&job).payload.is_idempotent();
    let of_type = |name: &str| {
        examples::good()
            .into_iter()
            .find(|(given, _)| *given == name)
            .unwrap()
            .1
    };
    assert!(idempotent(of_type("tags")));
    assert!(!idempotent(of_type("note")));
    assert!(!idempotent(of_type("task")));
    assert!(
        upsert(&json!({ "email": "a@b.io" }))
            .payload
            .is_idempotent()
    );
    assert!(
        !upsert(&json!({ "email": "a@b.io", "createNewIfDuplicateAllowed": true }))
            .payload
            .is_idempotent()
    );
}

/// A job of this type, by its example.
fn example(name: &str) -> Payload {
    let all = examples::good().into_iter();
    let mut found = all.filter(|(own, _)| *own == name);
    parse(&found.next().unwrap().1).payload
}

#[test]
fn only_what_makes_something_more_each_time_may_not_be_repeated() {
    for (name, job) in examples::good() {
        let payload = parse(&job).payload;
        let makes = match payload.job_type() {
            JobType::CreateContact
            | JobType::CreateTask
            | JobType::AttachNote
            | JobType::AddToCampaign
            | JobType::AddToWorkflow => true,
            // Simulated it makes nothing.
            JobType::SendSms => name == "sms, least",
            JobType::UpsertContact => name == "upsert, whole",
            _ => false,
        };
        assert_eq!(payload.is_idempotent(), !makes, "{name}");
    }
}

#[test]
fn a_job_for_many_contacts_is_in_no_sequence_and_merges_with_none() {
    for (many, one) in [("tags of many", "tags of one"), ("no business", "business")] {
        let (many, one) = (example(many), example(one));
        assert_eq!((many.contact_refs(), many.merge_key()), (vec![], vec![]));
        assert_eq!(one.contact_refs(), [ContactRef::Id("a".parse().unwrap())]);
        assert_eq!(one.merge_key().first(), Some(&b't'));
        assert_eq!(one.merge_key().len(), 5);
    }
    let tags = |tags: Value, operation: &str, all: bool| {
        let payload = json!({ "contacts": [{ "id": "a" }], "tags": tags, "operation": operation, "removeAllTags": all });
        parse(&json!({ "type": "BulkTags", "tenant": "t", "payload": payload })).payload
    };
    let key = |payload: Payload| payload.merge_key();
    let both = key(tags(json!(["x", "y"]), "add", false));
    assert_eq!(key(tags(json!(["y", "x"]), "add", false)), both);
    assert_ne!(key(tags(json!(["x", "y"]), "remove", false)), both);
    assert_ne!(
        key(tags(json!(["x"]), "remove", true)),
        key(tags(json!(["x"]), "remove", false))
    );
}

#[test]
fn an_event_begins_at_an_offset_in_figures() {
    let start = example("workflow").to_value()["eventStartTime"].clone();
    assert_eq!(start, "2021-06-23T02:30:00+00:00");
    assert_eq!(example("task, done").to_value()["completed"], true);
}

#[test]
fn nothing_personal_is_shown() {
    let personal = [
        "rosan", "deos", "8888888", "Dolomite", "1990", "Secret", "c0ntact", "f1le", "4711",
    ];
    let jobs = [
        json!({ "type": "UpsertContact", "tenant": "loc", "payload": {
            "email": "rosan@deos.com", "phone": "+18888888888", "city": "Dolomite", "dateOfBirth": "1990-09-25",
            "tags": ["Secret"], "dndSettings": { "SMS": { "status": "active", "message": "Secret" } },
            "customFields": [
                { "id": "f", "field_value": "Secret" }, { "id": "f", "field_value": 4711 },
                { "id": "f", "field_value": ["Secret"] }, { "id": "f", "field_value": { "f1le": "Secret" } },
            ],
        } }),
        json!({ "type": "AttachNote", "tenant": "loc", "payload": {
            "contact": { "id": "c0ntact" }, "body": "Secret", "title": "Secret",
        } }),
    ];
    for job in jobs {
        let shown = format!("{:?}", parse(&job));
        for word in personal {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
    }
}

#[test]
fn stored_names_are_checked_on_their_way_back() {
    assert_eq!(
        serde_json::from_value::<Tenant>(json!("loc"))
            .unwrap()
            .as_str(),
        "loc"
    );
    assert!(serde_json::from_value::<Tenant>(json!("l{o}c")).is_err());
    assert!(serde_json::from_value::<JobId>(json!("")).is_err());
    assert!(serde_json::from_value::<ContactRef>(json!({ "email": "nobody" })).is_err());
}

#[test]
fn made_ids_are_valid_and_sort_by_time() {
    let (first, second) = (JobId::generate(), JobId::generate());
    assert!(first.as_str().parse::<JobId>().is_ok());
    assert!(first < second);
}
