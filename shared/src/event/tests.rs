//! Events of every sender, as documented and as bad as they come.

mod generic;
mod ghl;
mod smore;
mod smsfactor;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::job::MAX_JOB_BYTES;

fn tenant() -> Tenant {
    "acme".parse().unwrap()
}

/// Whatever the bytes are, what comes of them is a job that can be stored, and is read back as it was.
fn check(event: &Event) {
    let job = event.clone().into_job();
    let written = serde_json::to_vec(&job).unwrap();
    assert!(written.len() < MAX_JOB_BYTES, "{}", written.len());
    assert_eq!(Job::parse(&written), Ok(job.clone()));
    let (_, packed) = job.payload.pack();
    let back = Payload::unpack(job.payload.job_type().code(), &packed);
    assert_eq!(back, Ok(job.payload));
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!("bottom"), |inner, _| json!({ "in": inner }))
}

#[test]
fn data_is_bounded_in_depth_and_size() {
    let long = "é".repeat(100_000);
    let many: Map<String, Value> = (0..3_000)
        .map(|n| (format!("member-{n}"), json!("x".repeat(60))))
        .collect();
    for body in [
        json!({ "deep": nested(100), "shallow": 1 }),
        json!({ "long": long, "short": "said" }),
        json!({ "control": "\u{1}".repeat(20_000), "short": "said" }),
        json!({ "list": vec!["x".repeat(500); 1_000], "short": "said" }),
        Value::Object(many),
    ] {
        let (data, cut) = Data::bounded(body.as_object().unwrap().clone());
        assert!(cut);
        let size = serde_json::to_vec(&data).unwrap().len();
        assert!(size <= 48 * 1024, "{size}");
        assert!(size > 1_000 || data.members().contains_key("deep") || size > 10);
        let kept = Data::stored(serde_json::to_value(&data).unwrap());
        assert_eq!(kept, Some(data));
    }
    let (whole, cut) = Data::bounded(
        json!({ "a": nested(19), "b": 100.0 })
            .as_object()
            .unwrap()
            .clone(),
    );
    assert!(!cut);
    assert_eq!(whole.members()["b"], json!(100));
}

#[test]
fn what_is_small_outlives_what_is_large() {
    let body = json!({ "list": vec!["x".repeat(500); 1_000], "short": "said" });
    let (data, _) = Data::bounded(body.as_object().unwrap().clone());
    assert_eq!(data.members()["short"], "said");
}

#[test]
fn nothing_personal_is_shown() {
    let body = json!({
        "type": "ContactCreate", "locationId": "loc", "id": "c0ntact", "email": "rosan@deos.com",
        "phone": "+18888888888", "firstName": "Rosan",
    });
    let read = Event::from_ghl(body.to_string().as_bytes(), None).unwrap();
    let shown = format!("{read:?} {:?}", read.event.clone().into_job());
    for word in ["c0ntact", "deos", "888888", "Rosan"] {
        assert!(!shown.contains(word), "{word} in {shown}");
    }
}

#[test]
fn kinds_are_names_whatever_they_are_called() {
    for (called, named) in [
        ("ContactCreate", "ContactCreate"),
        (" contact created! ", "contact_created_"),
        ("", "unknown"),
        ("\u{202e}abc", "_abc"),
    ] {
        assert_eq!(Kind::named(called).as_str(), named);
    }
    let long = Kind::named(&"x".repeat(500));
    assert_eq!(long.as_str().parse::<Kind>(), Ok(long.clone()));
}

#[test]
fn ids_are_of_their_sender_and_fit() {
    assert_eq!(id("ghl", "w-1").as_str(), "ghl:w-1");
    let hashed = id("ghl", &"x".repeat(500));
    assert!(hashed.as_str().starts_with("ghl:sha256-"), "{hashed}");
    assert_ne!(hashed, id("ghl", &"x".repeat(501)));
    assert_ne!(id("ghl", "a\u{0}b"), id("ghl", "a b"));
    let address = id("crm", "rosan@deos.com");
    assert!(!address.as_str().contains("rosan"), "{address}");
    // Where one part ends is hashed too.
    assert_ne!(
        hashed_id("s", [&b"ab"[..], b"c"]),
        hashed_id("s", [&b"a"[..], b"bc"])
    );
}

#[test]
fn what_is_no_json_is_refused() {
    for bytes in [&b""[..], b"{", b"\xff", b"NaN", b"{\"a\":1e999}"] {
        let refused = [
            Event::from_ghl(bytes, None).map(|_| ()),
            Event::from_smsfactor(bytes, &tenant(), None).map(|_| ()),
            Event::from_smore(bytes, &tenant()).map(|_| ()),
            Event::from_generic(bytes, &tenant(), &generic::rules()).map(|_| ()),
        ];
        assert_eq!(refused, [Err(Unreadable::NotJson); 4], "{bytes:?}");
    }
    let deep = "[".repeat(10_000);
    assert_eq!(
        Event::from_smore(deep.as_bytes(), &tenant()),
        Err(Unreadable::NotJson)
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        "(type|data|locationId|id|email|phone|from|message|date|status|responses|answers|answerType|timestamp|webhookId)",
        ".{0,5}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_told_can_be_stored(body in any_json()) {
        let bytes = body.to_string();
        let bytes = bytes.as_bytes();
        if let Ok(read) = Event::from_ghl(bytes, Some("d")) {
            check(&read.event);
        }
        for events in [Event::from_smsfactor(bytes, &tenant(), None), Event::from_smore(bytes, &tenant())] {
            events.iter().flatten().for_each(check);
        }
        check(&Event::from_generic(bytes, &tenant(), &generic::rules()).unwrap());
    }
}
