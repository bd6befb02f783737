//! What must be right before it starts.

use penstock_tests::harness::run;

use super::sender::Senders;
use crate::stage::{PRODUCER, Stage};

/// Starts it, and expects a refusal that says all of this.
async fn refused(
    stage: &Stage,
    senders: &Senders,
    address: &str,
    settings: &[(&str, &str)],
    said: &[&str],
) {
    let url = stage.redis.url();
    let hooks = senders.settings();
    let mut env = vec![("PENSTOCK_REDIS_URL", url.as_str())];
    env.extend(
        hooks
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    env.extend(settings);
    let finished = run(PRODUCER, ["serve", "--listen", address], &env, "").await;
    assert_eq!(finished.code, Some(2), "{finished:?}");
    for part in said {
        assert!(finished.stderr.contains(part), "{part}: {finished:?}");
    }
    assert!(!finished.stderr.contains("listening"), "{finished:?}");
}

#[tokio::test]
async fn a_file_that_does_not_stand_stops_the_start() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    senders.write("[ghl]\n\n[smore.forms]\ntenant = 'acme'\nsecret = 'canary'\nkey = 'canary'\n");
    let said = ["hooks.toml, line 3: smore.forms.key: its scheme needs none"];
    refused(&stage, &senders, "127.0.0.1:0", &[], &said).await;
    let nowhere = [("PENSTOCK_HOOKS", "/nowhere/hooks.toml")];
    let said = ["PENSTOCK_HOOKS", "/nowhere/hooks.toml", "cannot be read"];
    refused(&stage, &senders, "127.0.0.1:0", &nowhere, &said).await;
}

#[tokio::test]
async fn beyond_loopback_every_sender_proves_itself() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let keys = [("PENSTOCK_API_KEYS", "a-key-that-is-long-enough")];
    let said = ["--listen 0.0.0.0:0", "prove nothing", "crm"];
    refused(&stage, &senders, "0.0.0.0:0", &keys, &said).await;
    // Nor do hooks open the door to jobs.
    senders.write("[ghl]\napp_id = 'a'");
    refused(&stage, &senders, "0.0.0.0:0", &[], &["PENSTOCK_API_KEYS"]).await;
}

#[tokio::test]
async fn what_is_taken_in_is_known_for_as_long() {
    let stage = Stage::start().await;
    let senders = Senders::new();
    let settings = [("PENSTOCK_HOOK_WINDOW", "25h")];
    let said = ["PENSTOCK_HOOK_WINDOW", "PENSTOCK_RETENTION", "contradict"];
    refused(&stage, &senders, "127.0.0.1:0", &settings, &said).await;
}
