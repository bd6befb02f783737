//! Jobs made at random come back as they were.

use jiff::Timestamp;
use proptest::{option, prelude::*};
use serde_json::{Map, Value, json};

use crate::job::{Job, Payload};

fn email() -> impl Strategy<Value = Value> {
    r"[a-zA-Z0-9_+]{1,8}(\.[a-z]{1,3})?@[a-z]{1,5}\.[a-z]{2,3}".prop_map(Value::from)
}

fn phone() -> impl Strategy<Value = Value> {
    r"\+[1-9]([ .()-]?[0-9]){7,14}".prop_map(Value::from)
}

fn text() -> impl Strategy<Value = Value> {
    // \PC: whatever is not a control character or the like.
    r"[a-z]\PC{0,40}".prop_map(Value::from)
}

fn moment() -> impl Strategy<Value = Value> {
    let range = -62_167_219_200_i64..253_402_207_200;
    (range, 0..1_000_000_000_i32).prop_map(|(second, nanosecond)| {
        let moment = Timestamp::new(second.max(-62_135_596_800), nanosecond).unwrap();
        Value::from(moment.to_string())
    })
}

fn contact() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-zA-Z0-9]{1,20}".prop_map(|id| json!({ "id": id })),
        email().prop_map(|email| json!({ "email": email })),
        phone().prop_map(|phone| json!({ "phone": phone })),
    ]
}

fn custom_field() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        text(),
        any::<f64>()
            .prop_map(Value::from)
            .prop_filter("JSON has no such number", |value| !value.is_null()),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(text(), 0..3).prop_map(Value::from),
        text().prop_map(|text| json!({ "file": { "meta": text } })),
    ];
    value.prop_map(|value| json!({ "id": "f", "field_value": value }))
}

/// An object of members that are there or not.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> impl Strategy<Value = Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect::<Map<_, _>>()))
}

fn with(always: Value, more: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    more.prop_map(move |more| {
        let (Value::Object(mut all), Value::Object(more)) = (always.clone(), more) else {
            unreachable!()
        };
        all.extend(more);
        Value::Object(all)
    })
}

fn payload() -> impl Strategy<Value = (&'static str, Value)> {
    let null_or = |value: BoxedStrategy<Value>| prop_oneof![Just(Value::Null), value].boxed();
    let upsert = object(vec![
        ("email", email().boxed()),
        ("firstName", null_or(text().boxed())),
        (
            "dateOfBirth",
            null_or(
                "(19|20)[0-9]{2}-0[1-9]-[12][0-8]"
                    .prop_map(Value::from)
                    .boxed(),
            ),
        ),
        (
            "tags",
            prop::collection::vec(text(), 0..3)
                .prop_map(Value::from)
                .boxed(),
        ),
        (
            "customFields",
            prop::collection::vec(custom_field(), 0..4)
                .prop_map(Value::from)
                .boxed(),
        ),
        (
            "createNewIfDuplicateAllowed",
            any::<bool>().prop_map(Value::from).boxed(),
        ),
    ]);
    let task = (
        contact(),
        text(),
        moment(),
        object(vec![("body", text().boxed())]),
    );
    let note = (
        contact(),
        text(),
        object(vec![(
            "color",
            "#[0-9a-fA-F]{6}".prop_map(Value::from).boxed(),
        )]),
    );
    prop_oneof![
        with(json!({ "phone": "+15551234567" }), upsert)
            .prop_map(|upsert| ("UpsertContact", upsert)),
        task.prop_map(|(contact, title, due, mut more)| {
            more["contact"] = contact;
            more["title"] = title;
            more["dueDate"] = due;
            ("CreateTask", more)
        }),
        note.prop_map(|(contact, body, mut more)| {
            more["contact"] = contact;
            more["body"] = body;
            ("AttachNote", more)
        }),
        (contact(), prop::collection::vec(text(), 1..4))
            .prop_map(|(contact, tags)| ("AddTags", json!({ "contact": contact, "tags": tags }))),
    ]
}

fn job() -> impl Strategy<Value = Value> {
    let envelope = object(vec![
        ("id", r"[a-z]\PC{0,20}".prop_map(Value::from).boxed()),
        (
            "priority",
            prop_oneof!["high", "normal", "low"]
                .prop_map(Value::from)
                .boxed(),
        ),
        ("runAt", moment().boxed()),
        ("maxAttempts", (1..=1000).prop_map(Value::from).boxed()),
    ]);
    (payload(), envelope).prop_map(|((job_type, payload), mut job)| {
        job["type"] = job_type.into();
        job["tenant"] = "loc".into();
        job["payload"] = payload;
        job
    })
}

proptest! {
    #[test]
    fn a_job_survives_being_written_and_read(given in job()) {
        let read = Job::parse(given.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&Job::from_value(given).unwrap(), &read);
        let written = serde_json::to_vec(&read).unwrap();
        prop_assert_eq!(&Job::parse(&written).unwrap(), &read);
        let (_, packed) = read.payload.pack();
        let payload = Payload::unpack(read.payload.job_type().code(), &packed).unwrap();
        prop_assert_eq!(payload.fingerprint(), read.payload.fingerprint());
        prop_assert_eq!(payload, read.payload);
    }
}
