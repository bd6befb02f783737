//! Jobs that are right and jobs that are wrong, shared by the tests.

use serde_json::{Value, json};

/// Jobs that both the parser and the schemas accept.
pub(crate) fn good() -> Vec<(&'static str, Value)> {
    let of = |json: &str| serde_json::from_str(json).unwrap();
    let more = MORE_GOOD.iter();
    let more = more.map(|(name, job_type, payload)| (*name, job(job_type, of(payload))));
    let mut good = first_good();
    good.extend(more);
    good.extend(whole_contacts());
    good
}

fn first_good() -> Vec<(&'static str, Value)> {
    vec![
        (
            "upsert, least",
            job("UpsertContact", json!({ "email": "a@b.io" })),
        ),
        (
            "upsert by phone",
            job(
                "UpsertContact",
                json!({ "phone": "+49 (151) 1234-56.78", "email": null }),
            ),
        ),
        ("upsert, whole", job("UpsertContact", whole_upsert())),
        (
            "task",
            job(
                "CreateTask",
                json!({
                    "contact": { "email": " Rosan@deos.com " }, "title": "Call back", "dueDate": "2026-12-01T09:00:00+02:00",
                    "body": "About the offer", "completed": true, "assignedTo": "hxHGVRb1YJUscrCB8eXK",
                }),
            ),
        ),
        (
            "task, least",
            job(
                "CreateTask",
                json!({
                    "contact": { "phone": "+15551234567" }, "title": "t", "dueDate": "2020-10-25t11:00:00.123456789z",
                }),
            ),
        ),
        (
            "note",
            job(
                "AttachNote",
                json!({
                    "contact": { "id": "ocQHyuzHvysMo5N5VsXc" }, "body": "=cmd|' /C calc'!A0 \u{202e}\n", "title": "",
                    "color": "#ffAA00", "pinned": false, "userId": "GCs5KuzPqTls7vWclkEV",
                }),
            ),
        ),
        (
            "tags",
            job(
                "AddTags",
                json!({ "contact": { "id": "c" }, "tags": ["minim", "velit magna"] }),
            ),
        ),
        (
            "envelope",
            json!({
                "type": "AddTags", "tenant": "a.b-c_D9", "id": "{}:*?ü", "priority": "low", "maxAttempts": 1000,
                "runAt": "1970-01-01T00:00:00Z", "payload": { "contact": { "id": "c" }, "tags": ["x"] },
            }),
        ),
        (
            "event, least",
            job(
                "HandleEvent",
                json!({ "event": {
                    "source": "crm", "kind": "crm.changed", "tenant": "t", "id": "crm:1", "data": {},
                } }),
            ),
        ),
        ("event, whole", job("HandleEvent", whole_event())),
        (
            "event, once more",
            job(
                "HandleEvent",
                json!({
                    "event": { "source": "ghl", "kind": "ContactUpdate", "tenant": "t", "id": "ghl:1", "data": {} },
                    "withContact": true, "written": [{ "to": "crm", "fields": ["phone"] }],
                }),
            ),
        ),
    ]
}

fn whole_event() -> Value {
    json!({ "event": {
        "source": "ghl", "kind": "ContactCreate", "tenant": "ve9EPM428h8vShlRW1KT", "id": "ghl:w-1",
        "occurredAt": "2026-12-01T09:00:00.193Z", "truncated": true,
        "contact": { "id": "nmFmQEsNgz6AVpgLVUJ0", "email": "rosan@deos.com", "phone": "+18888888888" },
        "data": { "type": "ContactCreate", "tags": ["vip"], "customFields": [{ "id": "f", "value": 1.5 }] },
    } })
}

/// The same, of the types that came later.
const MORE_GOOD: &[(&str, &str, &str)] = &[
    (
        "link",
        "LinkRecord",
        r#"{ "contact": { "id": "c" }, "system": "crm", "record": { "id": "p-1" } }"#,
    ),
    (
        "link of what jobs have made",
        "LinkRecord",
        r#"{ "contact": { "job": "upsert" }, "system": "crm", "record": { "job": "create", "pointer": "/id" } }"#,
    ),
    (
        "link of what a job has made, however late",
        "LinkRecord",
        r#"{ "contact": { "id": "c" }, "system": "crm", "record": { "job": "create", "pointer": "/id", "wait": true }, "operation": "link" }"#,
    ),
    (
        "link no more",
        "LinkRecord",
        r#"{ "contact": { "id": "c" }, "system": "crm", "operation": "unlink" }"#,
    ),
    (
        "sms, least",
        "SendSms",
        r#"{ "to": "+33 6 12 34 56 78", "text": "Bonjour" }"#,
    ),
    (
        "sms, whole",
        "SendSms",
        r#"{ "to": "+33612345678", "text": "t", "sender": "Acme", "pushType": "marketing", "sendAt": "2026-12-01T09:00:00+01:00", "unicode": true, "simulate": true }"#,
    ),
    (
        "list, least",
        "SmsListContact",
        r#"{ "listId": "5a03", "phone": "+33612345678" }"#,
    ),
    (
        "list, whole",
        "SmsListContact",
        r#"{ "listId": "5a03", "phone": "+33612345678", "operation": "add", "contactId": "991", "contact": { "id": "c" }, "info1": "Ann", "info2": "", "info3": "c", "info4": "d" }"#,
    ),
    (
        "blacklist",
        "SmsBlacklist",
        r#"{ "phone": "+33612345678", "operation": "remove" }"#,
    ),
    ("poll, replies", "PollSms", r#"{ "what": "replies" }"#),
    (
        "poll, replies since",
        "PollSms",
        r#"{ "what": "replies", "since": "2026-12-01T09:00:00+01:00" }"#,
    ),
    (
        "poll, list",
        "PollSms",
        r#"{ "what": "list", "listId": "5a03", "initial": true }"#,
    ),
    (
        "call, least",
        "HttpCall",
        r#"{ "connection": "smore", "method": "GET", "path": "/forms" }"#,
    ),
    (
        "call, whole",
        "HttpCall",
        r#"{ "connection": "crm-2", "method": "POST", "path": "/v1/people/Ann Lee/notes", "query": { "expand": "all" }, "headers": { "X-Source": "penstock" }, "body": { "a": [1, 2.5, null, { "b": true }] }, "contact": { "email": "a@b.io" }, "idempotent": true, "result": { "id": "/data/id", "all": "" }, "accept": [409, 303] }"#,
    ),
    ("create, least", "CreateContact", r#"{ "lastName": "L" }"#),
    (
        "update, least",
        "UpdateContact",
        r#"{ "contact": { "phone": "+15551234567" }, "source": null, "assignedTo": null }"#,
    ),
    (
        "delete",
        "DeleteContact",
        r#"{ "contact": { "email": "a@b.io" } }"#,
    ),
    (
        "task, updated",
        "UpdateTask",
        r#"{ "contact": { "id": "c" }, "task": { "id": "t-1" }, "title": "t", "body": "", "dueDate": "2026-12-01T09:00:00Z",
            "completed": false, "assignedTo": "u" }"#,
    ),
    (
        "task, done",
        "CompleteTask",
        r#"{ "contact": { "id": "c" }, "task": { "id": "t" } }"#,
    ),
    (
        "task, not done",
        "CompleteTask",
        r#"{ "contact": { "id": "c" }, "task": { "id": "t" }, "completed": false }"#,
    ),
    (
        "task, deleted",
        "DeleteTask",
        r#"{ "contact": { "id": "c" }, "task": { "id": "t" } }"#,
    ),
    (
        "note, updated",
        "UpdateNote",
        r##"{ "contact": { "id": "c" }, "note": { "id": "n" }, "body": "b", "title": "", "color": "#00ff00", "pinned": true,
            "userId": "u" }"##,
    ),
    (
        "note, deleted",
        "DeleteNote",
        r#"{ "contact": { "id": "c" }, "note": { "id": "n" } }"#,
    ),
    (
        "of another job",
        "AttachNote",
        r#"{ "contact": { "job": "create-1" }, "body": "b" }"#,
    ),
    (
        "of another job, waited for",
        "AddTags",
        r#"{ "contact": { "job": "create-1", "wait": true }, "tags": ["x"] }"#,
    ),
    (
        "task of another job",
        "CompleteTask",
        r#"{ "contact": { "job": "call" }, "task": { "job": "call" } }"#,
    ),
    (
        "tags, fewer",
        "RemoveTags",
        r#"{ "contact": { "email": "a@b.io" }, "tags": ["x"] }"#,
    ),
    (
        "tags of many",
        "BulkTags",
        r#"{ "contacts": [{ "id": "a" }, { "id": "b" }], "tags": ["x"], "operation": "add" }"#,
    ),
    (
        "tags of one",
        "BulkTags",
        r#"{ "contacts": [{ "id": "a" }], "tags": ["x"], "operation": "remove", "removeAllTags": false }"#,
    ),
    (
        "no tags",
        "BulkTags",
        r#"{ "contacts": [{ "id": "a" }], "tags": [], "operation": "remove", "removeAllTags": true }"#,
    ),
    (
        "followers",
        "AddFollowers",
        r#"{ "contact": { "id": "c" }, "followers": ["u", "v"] }"#,
    ),
    (
        "followers, fewer",
        "RemoveFollowers",
        r#"{ "contact": { "id": "c" }, "followers": ["u"] }"#,
    ),
    (
        "campaign",
        "AddToCampaign",
        r#"{ "contact": { "id": "c" }, "campaignId": "x" }"#,
    ),
    (
        "campaign, out of it",
        "RemoveFromCampaign",
        r#"{ "contact": { "id": "c" }, "campaignId": "x" }"#,
    ),
    (
        "campaigns, out of all",
        "RemoveFromAllCampaigns",
        r#"{ "contact": { "id": "c" } }"#,
    ),
    (
        "workflow",
        "AddToWorkflow",
        r#"{ "contact": { "id": "c" }, "workflowId": "w", "eventStartTime": "2021-06-23T03:30:00+01:00" }"#,
    ),
    (
        "workflow, out of it",
        "RemoveFromWorkflow",
        r#"{ "contact": { "id": "c" }, "workflowId": "w" }"#,
    ),
    (
        "business",
        "SetBusiness",
        r#"{ "contacts": [{ "id": "a" }], "businessId": "b" }"#,
    ),
    (
        "no business",
        "SetBusiness",
        r#"{ "contacts": [{ "id": "a" }, { "id": "b" }], "businessId": null }"#,
    ),
    ("pull, all", "PullContacts", "{}"),
    (
        "pull, whole",
        "PullContacts",
        r#"{ "query": "Deo", "businessId": "b", "pageLimit": 100, "kind": "ContactCreate" }"#,
    ),
    (
        "pull, least page",
        "PullContacts",
        r#"{ "pageLimit": 1, "kind": "contact.pulled" }"#,
    ),
];

/// With all that can be said of a contact.
fn whole_contacts() -> [(&'static str, Value); 2] {
    let without = |names: &[&str]| {
        let mut whole = whole_upsert();
        let members = whole.as_object_mut().unwrap();
        members.retain(|name, _| !names.contains(&name.as_str()));
        whole
    };
    let created = without(&["createNewIfDuplicateAllowed"]);
    let mut updated = without(&["createNewIfDuplicateAllowed", "gender", "companyName"]);
    updated["contact"] = json!({ "id": "c" });
    [
        ("create, whole", job("CreateContact", created)),
        ("update, whole", job("UpdateContact", updated)),
    ]
}

fn whole_upsert() -> Value {
    json!({
        "firstName": "Rosan", "lastName": null, "name": "Rosan Deo", "email": "rosan@deos.com", "gender": "male",
        "phone": "+1 888-888-8888", "address1": "3535 1st St N", "city": "Dolomite", "state": "AL",
        "postalCode": "35061", "website": "https://www.tesla.com", "timezone": "America/Chihuahua", "dnd": true,
        "dndSettings": {
            "Call": { "status": "active", "message": "no", "code": "1" }, "Email": { "status": "inactive" },
            "SMS": { "status": "permanent" }, "WhatsApp": { "status": "active" }, "GMB": { "status": "active" },
            "FB": { "status": "active" },
        },
        "inboundDndSettings": { "all": { "status": "active", "message": "no" } },
        "tags": ["nisi sint commodo amet", "consequat"],
        "customFields": [
            { "id": "6dvNaf7VhkQ9snc5vnjJ", "key": "my_custom_field", "field_value": "My Text" },
            { "id": "n", "field_value": 100.5 }, { "id": "l", "field_value": ["test", "test2"] },
            { "key": "f", "field_value": { "f31175d4": { "meta": { "size": 1 }, "url": "https://x.test/1" } } },
            { "id": "b", "field_value": true },
        ],
        "source": "public api", "dateOfBirth": "1990_09_25", "country": "US", "companyName": "DGS VolMAX",
        "assignedTo": "y0BeYjuRIlDwsDcOHOJo", "createNewIfDuplicateAllowed": true,
    })
}

/// Payloads that both the parser and the schemas refuse.
const BAD_PAYLOADS: &[(&str, &str)] = &[
    ("SendFax", "{}"),
    (
        "UpsertContact",
        r#"{ "email": "a@b.io", "locationId": "x" }"#,
    ),
    ("UpsertContact", r#"{ "firstName": "A" }"#),
    ("HandleEvent", r#"{ "event": {} }"#),
    (
        "HandleEvent",
        r#"{ "event": { "source": "A", "kind": "k", "tenant": "t", "id": "i", "data": {} } }"#,
    ),
    (
        "HandleEvent",
        r#"{ "event": { "source": "a", "kind": "k", "tenant": "t", "id": "i", "data": [] } }"#,
    ),
    ("UpsertContact", r#"{ "email": null }"#),
    ("UpsertContact", r#"{ "email": "a@b.io", "country": null }"#),
    (
        "UpsertContact",
        r#"{ "email": "a@b.io", "dndSettings": { "SMS": { "status": "on" } } }"#,
    ),
    (
        "UpsertContact",
        r#"{ "email": "a@b.io", "inboundDndSettings": { "all": { "status": "permanent" } } }"#,
    ),
    (
        "UpsertContact",
        r#"{ "email": "a@b.io", "customFields": [{ "field_value": 1 }] }"#,
    ),
    (
        "AddTags",
        r#"{ "contact": { "id": "a", "email": "a@b.io" }, "tags": ["x"] }"#,
    ),
    ("AddTags", r#"{ "contact": {}, "tags": ["x"] }"#),
    ("AddTags", r#"{ "contact": { "id": "a" }, "tags": [] }"#),
    (
        "AddTags",
        r#"{ "contact": { "id": "a" }, "tags": ["x", 1] }"#,
    ),
    (
        "AddTags",
        r#"{ "contact": { "id": "a/b" }, "tags": ["x"] }"#,
    ),
    (
        "AddTags",
        r#"{ "contact": { "phone": "5551234567" }, "tags": ["x"] }"#,
    ),
    (
        "AddTags",
        r#"{ "contact": { "phone": "+1234567" }, "tags": ["x"] }"#,
    ),
    (
        "AddTags",
        r#"{ "contact": { "email": "a.io" }, "tags": ["x"] }"#,
    ),
    (
        "AttachNote",
        r#"{ "contact": { "id": "a" }, "body": "b", "color": "red" }"#,
    ),
    (
        "CreateTask",
        r#"{ "contact": { "id": "a" }, "title": "t", "dueDate": "2026-12-01T09:00:00" }"#,
    ),
];

/// The same, of the types that came later.
const MORE_BAD_PAYLOADS: &[(&str, &str)] = &[
    ("SendSms", r#"{ "to": "0612345678", "text": "t" }"#),
    ("SendSms", r#"{ "to": "+33612345678", "text": "" }"#),
    (
        "SendSms",
        r#"{ "to": "+33612345678", "text": "t", "sender": "twelve chars" }"#,
    ),
    (
        "SendSms",
        r#"{ "to": "+33612345678", "text": "t", "pushType": "spam" }"#,
    ),
    (
        "SmsListContact",
        r#"{ "listId": "a/b", "phone": "+33612345678" }"#,
    ),
    (
        "SmsListContact",
        r#"{ "listId": "a", "phone": "+33612345678", "contactId": "" }"#,
    ),
    (
        "SmsBlacklist",
        r#"{ "phone": "+33612345678", "operation": "toggle" }"#,
    ),
    ("PollSms", r#"{ "what": "lists" }"#),
    ("PollSms", r#"{ "what": "list", "listId": "a/b" }"#),
    ("PollSms", r#"{ "what": "replies", "since": "yesterday" }"#),
    (
        "HttpCall",
        r#"{ "connection": "ghl", "method": "GET", "path": "/a" }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "GET", "path": "/a", "accept": [] }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "GET", "path": "/a", "accept": [429] }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "GET", "path": "/a", "accept": [500] }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "HEAD", "path": "/a" }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "GET", "path": "https://a.io" }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "GET", "path": "/a?b" }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "GET", "path": "/a", "body": null }"#,
    ),
    (
        "HttpCall",
        r#"{ "connection": "crm", "method": "GET", "path": "/a", "query": { "q": 1 } }"#,
    ),
    ("CreateContact", r#"{ "city": "Bern" }"#),
    ("CreateContact", r#"{ "email": null, "name": null }"#),
    (
        "CreateContact",
        r#"{ "name": "A", "createNewIfDuplicateAllowed": true }"#,
    ),
    ("UpdateContact", r#"{ "contact": { "id": "a" } }"#),
    (
        "UpdateContact",
        r#"{ "contact": { "id": "a" }, "gender": "f" }"#,
    ),
    (
        "UpdateContact",
        r#"{ "contact": { "id": "a" }, "name": "A", "companyName": "X" }"#,
    ),
    ("UpdateContact", r#"{ "name": "A" }"#),
    ("DeleteContact", "{}"),
    (
        "UpdateTask",
        r#"{ "contact": { "id": "a" }, "task": { "id": "t" } }"#,
    ),
    (
        "UpdateTask",
        r#"{ "contact": { "id": "a" }, "title": "t" }"#,
    ),
    (
        "CompleteTask",
        r#"{ "contact": { "id": "a" }, "task": "t" }"#,
    ),
    (
        "DeleteTask",
        r#"{ "contact": { "id": "a" }, "task": { "id": "a/b" } }"#,
    ),
    (
        "UpdateNote",
        r#"{ "contact": { "id": "a" }, "note": { "id": "n" } }"#,
    ),
    ("DeleteNote", r#"{ "contact": { "id": "a" }, "note": {} }"#),
    ("RemoveTags", r#"{ "contact": { "id": "a" }, "tags": [] }"#),
    (
        "BulkTags",
        r#"{ "contacts": [{ "id": "a" }], "tags": [], "operation": "remove" }"#,
    ),
    (
        "BulkTags",
        r#"{ "contacts": [{ "id": "a" }], "tags": [], "operation": "add", "removeAllTags": true }"#,
    ),
    (
        "BulkTags",
        r#"{ "contacts": [{ "id": "a" }, { "id": "a" }], "tags": ["x"], "operation": "add" }"#,
    ),
    (
        "BulkTags",
        r#"{ "contacts": [], "tags": ["x"], "operation": "add" }"#,
    ),
    (
        "BulkTags",
        r#"{ "contacts": [{ "email": "a@b.io" }], "tags": ["x"], "operation": "add" }"#,
    ),
    (
        "BulkTags",
        r#"{ "contacts": [{ "id": "a" }], "tags": ["x"], "operation": "set" }"#,
    ),
    (
        "AddFollowers",
        r#"{ "contact": { "id": "a" }, "followers": [] }"#,
    ),
    (
        "AddToCampaign",
        r#"{ "contact": { "id": "a" }, "campaignId": "" }"#,
    ),
    (
        "AddToWorkflow",
        r#"{ "contact": { "id": "a" }, "workflowId": "w", "eventStartTime": "2021-06-23 03:30" }"#,
    ),
    ("SetBusiness", r#"{ "contacts": [{ "id": "a" }] }"#),
    (
        "SetBusiness",
        r#"{ "contacts": [{ "id": "a" }], "businessId": 5 }"#,
    ),
    ("PullContacts", r#"{ "pageLimit": 0 }"#),
    ("PullContacts", r#"{ "pageLimit": 101 }"#),
    ("PullContacts", r#"{ "pageLimit": 1.5 }"#),
    ("PullContacts", r#"{ "kind": "sms.stop" }"#),
    ("PullContacts", r#"{ "query": "" }"#),
    ("PullContacts", r#"{ "query": null }"#),
    ("PullContacts", r#"{ "contact": { "id": "c" } }"#),
];

/// Members that, in an envelope that is right otherwise, both the parser and the schemas refuse.
const BAD_MEMBERS: &[(&str, &str)] = &[
    ("tenant", r#""a b""#),
    ("maxAttempts", "0"),
    ("maxAttempts", "1001"),
    ("priority", r#""urgent""#),
    ("id", "null"),
    ("id", r#""""#),
    ("runAt", r#""tomorrow""#),
    ("payload", "[]"),
    ("other", "1"),
];

/// Jobs that both the parser and the schemas refuse.
pub(super) fn bad() -> Vec<Value> {
    let value = |json: &str| serde_json::from_str::<Value>(json).unwrap();
    let payloads = BAD_PAYLOADS
        .iter()
        .chain(MORE_BAD_PAYLOADS)
        .map(|(job_type, payload)| job(job_type, value(payload)));
    let members = BAD_MEMBERS.iter().map(|(name, member)| {
        let mut job = job(
            "AddTags",
            json!({ "contact": { "id": "c" }, "tags": ["x"] }),
        );
        job[*name] = value(member);
        job
    });
    payloads
        .chain(members)
        .chain([json!([]), json!({})])
        .collect()
}

fn job(job_type: &str, payload: Value) -> Value {
    let mut job = json!({ "type": job_type, "tenant": "ve9EPM428h8vShlRW1KT" });
    job["payload"] = payload;
    job
}
