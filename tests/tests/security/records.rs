//! A stored job of every format ever written, kept as it was: each is read as what it was, or refused for what it is.

use std::{fs, path::PathBuf};

use penstock_shared::{
    job::Job,
    queue::{
        Location, Queue, Terms,
        record::{self, Record, RecordError, SEALED},
    },
    settings::Settings,
};
use penstock_tests::harness::{RedisOptions, RedisServer};
use serde_json::{Value, json};

/// The key of the sealed ones.
const KEY: &str = "fuzz:ZnV6eiBmdXp6IGZ1enogZnV6eiBmdXp6IGZ1enohISE=";

/// They are among what is fuzzed too.
fn kept(name: &str) -> Vec<u8> {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    fs::read(tests.join("fuzz/record").join(name)).unwrap()
}

/// The jobs that were stored.
fn job(id: &str) -> Value {
    let email = json!({ "email": "rosan@deos.com" });
    let (job_type, payload) = match id {
        "upsert" => (
            "UpsertContact",
            json!({ "email": "rosan@deos.com", "phone": "+15551234567", "firstName": "Rosan",
                    "customFields": [{ "id": "f1", "field_value": ["x", "y"] }] }),
        ),
        "task" => (
            "CreateTask",
            json!({ "contact": email, "title": "Call back", "dueDate": "2026-12-01T09:00:00Z" }),
        ),
        "note" => (
            "AttachNote",
            json!({ "contact": { "id": "c1" }, "body": "A note" }),
        ),
        _ => (
            "AddTags",
            json!({ "contact": { "phone": "+15551234567" }, "tags": ["vip"] }),
        ),
    };
    let mut job = json!({ "id": id, "tenant": "acme", "type": job_type, "payload": payload });
    match id {
        "task" => {
            job["priority"] = json!("high");
            job["runAt"] = json!("2026-12-01T09:00:00Z");
            job["maxAttempts"] = json!(3);
        }
        "tags" => job["priority"] = json!("low"),
        _ => {}
    }
    job
}

fn expected(id: &str) -> Job {
    Job::from_value(job(id)).unwrap()
}

#[test]
fn format_2_is_read() {
    for id in ["upsert", "task", "note", "tags"] {
        let Ok(Record::Job(stored)) = record::decode(&kept(&format!("v2-{id}"))) else {
            panic!("{id} is not read");
        };
        let read = stored.to_job("acme".parse().unwrap(), id.parse().unwrap());
        assert_eq!(read, expected(id));
        assert!(stored.due_ms > 0);
    }
    let Ok(Record::Done { ended_ms, done }) = record::decode(&kept("done")) else {
        panic!("the end of a job is not read");
    };
    assert_eq!(ended_ms, 1_800_000_000_000);
    assert_eq!((done.effect.as_deref(), done.attempts), (Some("n1"), 1));
}

/// Format 1 had another layout of the keys too, and a namespace of it is refused at the start: a record of it is never taken for another.
#[test]
fn format_1_and_what_is_torn_are_undecodable() {
    for name in [
        "v1-note",
        "done-short",
        "empty",
        "garbage",
        "deep",
        "long-map",
    ] {
        let read = record::decode(&kept(name));
        assert!(
            matches!(read, Err(RecordError::Undecodable(_))),
            "{name}: {read:?}"
        );
    }
}

#[test]
fn a_format_of_tomorrow_goes_back() {
    let read = record::decode(&kept("tomorrow"));
    assert_eq!(read, Err(RecordError::Later(SEALED + 1)));
}

async fn queue(server: &RedisServer, keys: &[(&str, &str)]) -> Queue {
    let url = server.url();
    let settings = [&[("PENSTOCK_REDIS_URL", url.as_str())], keys].concat();
    let settings = Settings::load_from(settings).unwrap();
    Queue::connect(Location::from(&settings), Terms::from(&settings))
        .await
        .unwrap()
}

#[tokio::test]
async fn format_3_is_sealed_and_read_with_its_key() {
    let server = RedisServer::start(RedisOptions::default()).await;
    let with = queue(&server, &[("PENSTOCK_ENCRYPTION_KEYS", KEY)]).await;
    let without = queue(&server, &[]).await;
    let jobs = with.keys(0).job("acme");
    for id in ["task", "note"] {
        let record = kept(&format!("v3-{id}"));
        let read = record::decode(&record);
        assert!(matches!(read, Err(RecordError::Locked(_))), "{read:?}");
        let stored = [b"HSET".as_slice(), jobs.as_bytes(), id.as_bytes(), &record];
        server.cli(stored).await;
        let found = with.find(id, Some("acme")).await.unwrap().remove(0);
        let stored = found.job.expect("its key is there");
        let read = stored.to_job("acme".parse().unwrap(), id.parse().unwrap());
        assert_eq!(read, expected(id));
        let found = without.find(id, Some("acme")).await.unwrap().remove(0);
        assert!(matches!(found.unreadable, Some(RecordError::Locked(_))));
    }
}
