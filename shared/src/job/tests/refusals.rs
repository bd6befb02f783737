//! Every refusal names its place, and all of them are told.

use serde_json::{Value, json};

use super::faults;

fn upsert_faults(payload: &Value) -> Vec<String> {
    faults(&json!({ "type": "UpsertContact", "tenant": "t", "payload": payload }))
}

#[test]
fn an_empty_job_lacks_three_things() {
    assert_eq!(
        faults(&json!({})),
        ["tenant: missing", "type: missing", "payload: missing"]
    );
    assert_eq!(faults(&json!(7)), ["expected an object, found a number"]);
}

#[test]
fn all_faults_are_told_in_the_documents_order() {
    let text = br#"{"due":1,"payload":{"dueDate":"tomorrow","title":"","due_date":1,"contact":{"email":"x","phone":"0"}},
        "type":"CreateTask","maxAttempts":1001,"tenant":"a/b"}"#;
    let faults = super::Job::parse(text).unwrap_err();
    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "due: unknown field",
            "payload.dueDate: not a date and time with an offset; expected RFC 3339, as in 2026-12-01T09:00:00Z",
            "payload.title: must not be empty",
            "payload.due_date: unknown field; did you mean dueDate?",
            "payload.contact: exactly one of id, email, phone and job is needed",
            "payload.contact.email: not an e-mail address; expected one like name@example.com",
            "payload.contact.phone: a phone number needs '+' and its country code, as in +15551234567",
            "maxAttempts: must be a whole number from 1 to 1000",
            "tenant: must be 1 to 128 characters out of letters, digits, '-', '_' and '.'",
        ]
    );
}

#[test]
fn a_reference_to_a_job_is_one_alone() {
    let of = |payload: Value| {
        let job = json!({ "type": "CompleteTask", "tenant": "t", "payload": payload });
        let faults = super::Job::from_value(job).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for (payload, told) in [
        (
            json!({ "contact": { "job": "a", "id": "c" }, "task": { "id": "t" } }),
            "payload.contact: exactly one of id, email, phone and job is needed",
        ),
        (
            json!({ "contact": { "id": "c", "wait": true }, "task": { "id": "t" } }),
            "payload.contact.wait: only with job",
        ),
        (
            json!({ "contact": { "id": "c" }, "task": { "job": "a" } }),
            "payload.contact: must name the same job, whose contact it is",
        ),
        (
            json!({ "contact": { "job": "b" }, "task": { "job": "a" } }),
            "payload.contact: must name the same job, whose contact it is",
        ),
        (
            json!({ "contact": { "job": "" }, "task": { "id": "t" } }),
            "payload.contact.job: must have 1 to 128 characters",
        ),
    ] {
        assert_eq!(of(payload.clone()), [told], "{payload}");
    }
}

#[test]
fn a_job_does_not_refer_to_itself() {
    let own = json!({ "job": "a" });
    for (job_type, payload) in [
        ("AddTags", json!({ "contact": own, "tags": ["x"] })),
        ("DeleteNote", json!({ "contact": own, "note": own })),
        (
            "LinkRecord",
            json!({ "contact": { "id": "c" }, "system": "smore", "record": { "job": "a", "pointer": "/id" } }),
        ),
    ] {
        let job =
            |id: &str| json!({ "type": job_type, "tenant": "t", "id": id, "payload": payload });
        let told = "payload: refers to the job itself, which would wait for its own end";
        assert_eq!(faults(&job("a")), [told], "{job_type}");
        assert!(super::Job::from_value(job("b")).is_ok(), "{job_type}");
    }
}

#[test]
fn items_of_lists_are_named_by_their_place() {
    assert_eq!(
        upsert_faults(
            &json!({ "email": "a@b.io", "tags": ["a", "", 3], "customFields": [{ "id": "x" }, { "field_value": null }] })
        ),
        [
            "payload.customFields[0].field_value: missing",
            "payload.customFields[1]: id or key is needed",
            "payload.customFields[1].field_value: null is not allowed here; an empty string clears the field",
            "payload.tags[1]: must not be empty",
            "payload.tags[2]: expected a string, found a number",
        ]
    );
}

#[test]
fn a_list_of_the_wrong_size_tells_of_its_items_too() {
    let tags: Vec<_> = (0..101)
        .map(|n| if n == 7 { json!(7) } else { json!("x") })
        .collect();
    assert_eq!(
        upsert_faults(&json!({ "email": "a@b.io", "tags": tags })),
        [
            "payload.tags: must have 0 to 100 items, has 101",
            "payload.tags[7]: expected a string, found a number",
        ]
    );
}

#[test]
fn an_upsert_names_somebody() {
    let required = "payload: an email or a phone is required";
    for payload in [
        json!({}),
        json!({ "email": null }),
        json!({ "email": null, "phone": null }),
    ] {
        assert_eq!(upsert_faults(&payload), [required]);
    }
    // Once is enough for one that is faulty.
    assert_eq!(
        upsert_faults(&json!({ "email": 1 })),
        ["payload.email: expected a string, found a number"]
    );
}

#[test]
fn phones_that_cannot_be() {
    for phone in [
        "15551234567",
        "+05551234567",
        "+1234567",
        "+1234567890123456",
        "+1555123456x",
        "+",
        "",
        "++15551234567",
        "+१२३४५६७८९",
    ] {
        assert_eq!(
            upsert_faults(&json!({ "phone": phone })).len(),
            1,
            "{phone}"
        );
    }
    for phone in ["+12345678", "+123456789012345", " +1 (555) 123-45.67 "] {
        assert!(
            upsert_faults(&json!({ "phone": phone })).is_empty(),
            "{phone}"
        );
    }
}

#[test]
fn emails_that_cannot_be() {
    let long = format!(
        "{}@{}.io",
        "a".repeat(64),
        ["b".repeat(63).as_str(); 3].join(".")
    );
    assert_eq!(long.len(), 259);
    for email in [
        "",
        "@",
        "a",
        "a@",
        "@b.io",
        "a@b",
        "a@@b.io",
        "a@b@c.io",
        "a b@c.io",
        "a@b c.io",
        "a\u{7}@b.io",
        ".a@b.io",
        "a.@b.io",
        "a..b@c.io",
        "a@.io",
        "a@b.",
        "a@-b.io",
        "a@b-.io",
        "a@b_c.io",
        "<a@b.io>",
        "a,b@c.io",
        "a;b@c.io",
        "\"a\"@b.io",
        "a@[1.2.3.4]",
        "a@b..io",
        &long,
    ] {
        assert_eq!(
            upsert_faults(&json!({ "email": email })).len(),
            1,
            "{email}"
        );
    }
    for email in [
        "a@b.io",
        "A.b+c_d'e%f@sub.example-x.co.uk",
        "jörg@müller.de",
        "\ta@b.io\n",
    ] {
        assert!(
            upsert_faults(&json!({ "email": email })).is_empty(),
            "{email}"
        );
    }
}

#[test]
fn contact_ids_stay_one_segment_of_a_path() {
    let long = "x".repeat(129);
    for id in [
        "", ".", "..", "a..b", "a/b", "a?b", "a#b", "a%2fb", "a\\b", "a\r\nb", "a\0", "a b", &long,
    ] {
        let job = json!({ "type": "AddTags", "tenant": "t", "payload": { "contact": { "id": id }, "tags": ["x"] } });
        let told = faults(&job);
        assert!(
            told.len() == 1 && told[0].starts_with("payload.contact.id: must "),
            "{id}: {told:?}"
        );
    }
}

#[test]
fn tenants_that_cannot_be_part_of_a_key() {
    let long = "x".repeat(129);
    for tenant in [
        "", ".", "..", "a b", "a:b", "{a}", "a*", "a/b", "ä", "a\n", &long,
    ] {
        let job = json!({ "type": "AddTags", "tenant": tenant, "payload": { "contact": { "id": "c" }, "tags": ["x"] } });
        let told = faults(&job);
        assert!(
            told.len() == 1 && told[0].starts_with("tenant: must "),
            "{tenant}: {told:?}"
        );
    }
}

#[test]
fn dates_that_cannot_be() {
    for date in [
        "",
        "2026-12-01",
        "2026-12-01T09:00:00",
        "2026-12-01 09:00:00Z",
        "2026-13-01T09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T09:00Z",
        "2026-12-01T09:00:00+2",
        "2026-12-01T09:00:00+99:00",
        "2026-12-01T09:00:00.Z",
        "2026-12-01T09:00:00Z[Europe/Paris]",
        "+02026-12-01T09:00:00Z",
        "-0001-01-01T00:00:00Z",
        "0000-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "２026-12-01T09:00:00Z",
        "2026-12-01T09:00:00.1234567890Z",
    ] {
        for field in ["dueDate", "runAt"] {
            let mut job = json!({ "type": "CreateTask", "tenant": "t", "runAt": "2026-12-01T09:00:00Z", "payload": {
                "contact": { "id": "c" }, "title": "t", "dueDate": "2026-12-01T09:00:00Z",
            } });
            let place = if field == "runAt" {
                &mut job
            } else {
                &mut job["payload"]
            };
            place[field] = json!(date);
            assert_eq!(faults(&job).len(), 1, "{field} {date}");
        }
    }
}

#[test]
fn birthdays_in_eight_forms_and_no_other() {
    for date in [
        "1990-09-25",
        "1990/09/25",
        "1990.09.25",
        "1990_09_25",
        "09-25-1990",
        "09/25/1990",
        "09.25.1990",
        "09_25_1990",
    ] {
        let job = super::upsert(&json!({ "email": "a@b.io", "dateOfBirth": date }));
        assert_eq!(
            job.payload.to_value()["dateOfBirth"],
            "1990-09-25",
            "{date}"
        );
    }
    for date in [
        "25.09.1990",
        "1990-9-25",
        "1990-09/25",
        "1990/09-25",
        "1990-02-30",
        "19900925",
        "",
        "1990-09-25T00:00:00Z",
    ] {
        assert_eq!(
            upsert_faults(&json!({ "email": "a@b.io", "dateOfBirth": date })).len(),
            1,
            "{date}"
        );
    }
}

#[test]
fn texts_have_bounds_and_no_control_characters() {
    let fits = "ü".repeat(1024);
    let told = upsert_faults(&json!({
        "email": "a@b.io", "city": fits, "name": "x".repeat(1025), "state": "a\0b", "source": "a\tb\nc", "website": "\u{1b}[31m",
    }));
    assert_eq!(
        told,
        [
            "payload.name: must have 0 to 1024 characters, has 1025",
            "payload.state: must not contain control characters",
            "payload.website: must not contain control characters",
        ]
    );
}

#[test]
fn null_is_for_what_can_be_cleared() {
    let null = "null is not allowed here; leave the field out instead";
    assert_eq!(
        upsert_faults(&json!({ "email": "a@b.io", "country": null })),
        [format!("payload.country: {null}")]
    );
    let job = json!({
        "type": "AddTags", "tenant": null, "id": null, "priority": null, "runAt": null, "maxAttempts": null,
        "payload": { "contact": { "id": "c" }, "tags": ["x"] },
    });
    let mut told = faults(&job);
    told.sort();
    let mut expected: Vec<_> = ["id", "maxAttempts", "priority", "runAt"]
        .map(|name| format!("{name}: {null}"))
        .into();
    expected.push("tenant: expected a string, found null".to_owned());
    assert_eq!(told, expected);
}

#[test]
fn what_would_do_nothing_or_too_much_is_refused() {
    for (job_type, payload, expected) in [
        (
            "CreateContact",
            json!({ "email": null, "city": "Bern" }),
            "payload: an email, a phone or a name is required",
        ),
        (
            "UpdateContact",
            json!({ "contact": { "id": "c" } }),
            "payload: nothing is to be changed",
        ),
        (
            "UpdateContact",
            json!({ "contact": { "id": "c" }, "name": "A", "companyName": "X" }),
            "payload.companyName: unknown field",
        ),
        (
            "UpdateTask",
            json!({ "contact": { "id": "c" }, "task": { "id": "t" } }),
            "payload: nothing is to be changed",
        ),
        (
            "UpdateNote",
            json!({ "contact": { "id": "c" }, "note": { "id": "../n" }, "pinned": true }),
            r"payload.note.id: must not contain '/', '?', '#', '%', '\', '..', spaces or control characters",
        ),
        (
            "RemoveFromCampaign",
            json!({ "contact": { "id": "c" }, "campaignId": "removeAll" }),
            "payload.campaignId: is no campaign; use RemoveFromAllCampaigns",
        ),
        (
            "BulkTags",
            json!({ "contacts": [{ "id": "a" }, { "id": "a" }], "tags": ["x"], "operation": "add" }),
            "payload.contacts: a contact is named twice",
        ),
        (
            "BulkTags",
            json!({ "contacts": [{ "id": "a" }], "tags": [], "operation": "remove" }),
            "payload.tags: none only with removeAllTags",
        ),
        (
            "BulkTags",
            json!({ "contacts": [{ "id": "a" }], "tags": [], "operation": "add", "removeAllTags": true }),
            "payload.removeAllTags: only with the operation remove",
        ),
        (
            "SetBusiness",
            json!({ "contacts": [{ "id": "a" }] }),
            "payload.businessId: missing",
        ),
        (
            "PullContacts",
            json!({ "pageLimit": 500 }),
            "payload.pageLimit: must be a whole number from 1 to 100",
        ),
        (
            "PullContacts",
            json!({ "kind": "sms.stop" }),
            "payload.kind: must be contact.pulled, ContactCreate or ContactUpdate",
        ),
    ] {
        let told = faults(&json!({ "type": job_type, "tenant": "t", "payload": payload }));
        assert_eq!(told, [expected], "{job_type}");
    }
}

#[test]
fn a_job_names_no_more_contacts_than_it_may() {
    let of = |count: usize| {
        let contacts: Vec<_> = (0..count)
            .map(|number| json!({ "id": format!("c{number}") }))
            .collect();
        let payload = json!({ "contacts": contacts, "businessId": null });
        faults(&json!({ "type": "SetBusiness", "tenant": "t", "payload": payload }))
    };
    assert_eq!(of(500), Vec::<String>::new());
    assert_eq!(
        of(501),
        ["payload.contacts: must have 1 to 500 items, has 501"]
    );
}

#[test]
fn what_is_stored_with_each_of_many_contacts_is_bounded() {
    let contacts: Vec<_> = (0..500)
        .map(|number| json!({ "id": format!("c{number}") }))
        .collect();
    let tags = |count: usize| {
        let tags: Vec<_> = (0..count).map(|number| format!("{number:020}")).collect();
        let payload = json!({ "contacts": contacts, "tags": tags, "operation": "add" });
        faults(&json!({ "type": "BulkTags", "tenant": "t", "payload": payload }))
    };
    assert!(tags(70).is_empty());
    assert_eq!(
        tags(100),
        [
            "payload: what it says to each of its contacts is stored with each, and comes to 1278500 bytes; it may have 1048576: name fewer contacts in one job, or say less"
        ]
    );
}

fn call_faults(more: &Value) -> Vec<String> {
    let mut payload = json!({ "connection": "crm", "method": "GET", "path": "/a" });
    if let (Value::Object(all), Value::Object(more)) = (&mut payload, more) {
        all.extend(more.clone());
    }
    faults(&json!({ "type": "HttpCall", "tenant": "t", "payload": payload }))
}

#[test]
fn a_path_leads_nowhere_but_down() {
    for path in [
        "/..",
        "/a/../b",
        "/a/./b",
        "/a/..;/b",
        "/a/.;v=1/b",
        "/a/..;",
        "/a/.. /b",
        "/a//b",
        "/a%2e",
        "/a\\b",
        "/a?b",
        "/a#b",
        "a",
    ] {
        let faults = call_faults(&json!({ "path": path }));
        assert!(
            faults.len() == 1 && faults[0].starts_with("payload.path: "),
            "{path}: {faults:?}"
        );
    }
    for path in ["/", "/a;v=1/b", "/..a/b..", "/.well-known/x", "/Ann Lee"] {
        assert_eq!(call_faults(&json!({ "path": path })), [""; 0], "{path}");
    }
}

#[test]
fn what_makes_of_a_call_another_is_no_header_of_a_job() {
    for header in [
        "Authorization",
        "X-HTTP-Method-Override",
        "x_http_method_override",
        "Forwarded",
        "X-Forwarded-For",
        "X_Forwarded_Anything",
        "X-Original-URL",
        "Content_Length",
    ] {
        let faults = call_faults(&json!({ "headers": { header: "a" } }));
        assert!(
            faults.len() == 1 && faults[0].ends_with("is not the job's to set"),
            "{header}: {faults:?}"
        );
    }
    let faults =
        call_faults(&json!({ "headers": { "X-Forward": "a", "X-Source": "b", "Accept": "c/d" } }));
    assert_eq!(faults, [""; 0]);
}
