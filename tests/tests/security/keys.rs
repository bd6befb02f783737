//! Keys come and go: no job is lost for that, and whoever lacks a key says which.

use penstock_shared::queue::{keys::Keys, reference::Lane};
use penstock_tests::harness::wait_until;
use serde_json::json;

use crate::stage::{PATIENCE, Stage};

const OLD: &str = "old:b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
const NEW: &str = "new:bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

fn with(keys: &str) -> [(&str, &str); 2] {
    [
        ("PENSTOCK_ENCRYPTION_KEYS", keys),
        ("PENSTOCK_ENCRYPT_PAYLOADS", "on"),
    ]
}

fn upsert(id: &str, email: &str) -> String {
    let payload = json!({ "email": email });
    json!({ "id": id, "tenant": "acme", "type": "UpsertContact", "payload": payload }).to_string()
}

#[tokio::test]
async fn a_job_waits_for_a_worker_that_has_its_key() {
    let stage = Stage::start(&with(OLD)).await;
    stage.enqueue(&[upsert("a", "a@example.com")]).await;
    let why = stage.ask(&["job", "why", "a"], &with(NEW)).await;
    assert!(
        why["reasons"].to_string().contains("the key old ("),
        "{why}"
    );
    let without = stage.worker(&with(NEW)).await;
    let said = without
        .wait_for_line("sealed with a key that this worker does not have", PATIENCE)
        .await;
    assert!(said.contains("old ("), "{said}");
    let shown = stage.until("a", "scheduled").await;
    assert_eq!(shown["attempts"], 0, "{shown}");
    // Whoever asks is told which key it waits for, whether they have it or not.
    for keys in [OLD, NEW] {
        let why = stage.ask(&["job", "why", "a"], &with(keys)).await;
        let reason = &why["reasons"][0];
        let told = reason["detail"].as_str().unwrap();
        assert!(
            reason["what"] == "key" && reason["until"].is_string(),
            "{why}"
        );
        assert!(
            told.contains("the key old (") && told.contains("PENSTOCK_ENCRYPTION_KEYS"),
            "{told}"
        );
    }
    let lacking = wait_until("the worker to tell what it lacks", PATIENCE, async || {
        let stats = stage.ask(&["stats"], &[]).await;
        stats["keysLacking"][0].as_str().map(str::to_owned)
    })
    .await;
    assert!(lacking.starts_with("old ("), "{lacking}");
    drop(without);
    // It was put off for half a minute, not forgotten: its time is brought forward.
    let (keys, lane) = (Keys::new("penstock", 0), Lane::ghl("acme"));
    let waiting = ["ZADD", &keys.wait(lane.as_str()), "XX", "CH", "1", "1a"];
    assert_eq!(stage.redis.get::<u64>(waiting).await, 1);
    let lanes = ["ZADD", &keys.lanes(), "XX", "1", lane.as_str()];
    stage.redis.cli(lanes).await;
    let rotated = format!("{NEW},{OLD}");
    let _rotated = stage.worker(&with(&rotated)).await;
    stage.until("a", "done").await;
}

#[tokio::test]
async fn a_dead_letter_is_shown_edited_and_exported_with_its_key_alone() {
    let stage = Stage::start(&with(OLD)).await;
    stage.enqueue(&[upsert("a", "a@rejected.example")]).await;
    let _worker = stage.worker(&[]).await;
    stage.until("a", "dead").await;

    let other = with(NEW);
    let shown = stage.ask(&["dead", "show", "a"], &other).await;
    let told = shown["unreadable"].as_str().unwrap();
    assert!(told.contains("the key old ("), "{told}");
    assert!(shown.get("payload").is_none(), "{shown}");
    for args in [
        &["dead", "export"][..],
        &["dead", "edit", "a", "--payload", "-"],
    ] {
        let mut admin = stage.program("penstock-admin", &other).args(args).start();
        admin.wait_exit(PATIENCE).await;
        let said = admin.stderr().join("\n");
        assert!(said.contains("the key old ("), "{said}");
        assert!(admin.stdout().is_empty());
    }
    let retry = stage.program("penstock-admin", &other);
    let mut retry = retry.args(["dead", "retry", "a"]).start();
    assert_eq!(retry.wait_exit(PATIENCE).await.code(), Some(2));
    let said = retry.stderr().join("\n");
    assert!(
        said.contains("the key old (") && said.contains("PENSTOCK_ENCRYPTION_KEYS"),
        "{said}"
    );
    assert!(!said.contains("dead delete"), "{said}");

    let shown = stage.ask(&["dead", "show", "a", "--reveal"], &[]).await;
    assert_eq!(shown["payload"], json!({ "email": "a@rejected.example" }));
    let edited = json!({ "email": "a@example.com" }).to_string();
    let edit = ["dead", "edit", "a", "--payload", "-"];
    let edited = stage.run("penstock-admin", &edit, &edited).await;
    assert_eq!(edited.code, Some(0), "{edited:?}");
    let retried = stage.admin(&["dead", "retry", "a"]).await;
    assert_eq!(retried.code, Some(0), "{retried:?}");
    stage.until("a", "done").await;
}
