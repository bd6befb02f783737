//! `check`: whether a tenant's jobs could run, before the first one is tried.

use penstock_tests::harness::Finished;
use serde_json::Value;

use crate::stage::{ACME, Stage, TOKEN};

/// What was found of one matter.
fn found(checked: &Finished, what: &str) -> (Value, String) {
    let json = checked.json();
    let findings = json.as_array().unwrap().clone();
    let found = findings.iter().find(|finding| finding["what"] == what);
    let found = found.unwrap_or_else(|| panic!("{what}: {json}"));
    (
        found["ok"].clone(),
        found["detail"].as_str().unwrap().to_owned(),
    )
}

async fn check(stage: &Stage, settings: &[(&str, &str)]) -> Finished {
    let checked = stage
        .admin_with(&["check", ACME, "-o", "json"], settings, "")
        .await;
    assert!(!checked.stdout.contains(TOKEN), "{}", checked.stdout);
    checked
}

#[tokio::test]
async fn all_is_well() {
    let stage = Stage::start().await;
    let checked = check(&stage, &[("PENSTOCK_GHL_TOKEN", TOKEN)]).await;
    assert_eq!(
        checked.code,
        Some(0),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    assert!(found(&checked, "contacts").1.contains("reads contacts"));
    assert!(
        found(&checked, "quota").1.contains("of 1000 calls"),
        "{}",
        checked.stdout
    );
    assert!(
        found(&checked, "clock").1.contains("ms ahead"),
        "{}",
        checked.stdout
    );
    assert_eq!(stage.sandbox.summary().effects, 0, "it changes nothing");
    let table = stage
        .admin_with(&["check", ACME], &[("PENSTOCK_GHL_TOKEN", TOKEN)], "")
        .await;
    assert!(table.stdout.contains("credentials"), "{}", table.stdout);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let stage = Stage::start().await;
    let nothing = check(&stage, &[]).await;
    assert_eq!(nothing.code, Some(1));
    assert!(
        found(&nothing, "credentials")
            .1
            .contains("PENSTOCK_GHL_TOKEN")
    );
    let wrong = check(&stage, &[("PENSTOCK_GHL_TOKEN", "pit-wrong")]).await;
    assert_eq!(wrong.code, Some(1));
    assert!(
        found(&wrong, "contacts").1.contains("not authorised (401)"),
        "{}",
        wrong.stdout
    );

    stage.connect_for(ACME, "contacts.readonly").await;
    let checked = check(&stage, &[("PENSTOCK_ALLOW_WRITES", "ask")]).await;
    assert_eq!(checked.code, Some(1));
    assert_eq!(found(&checked, "scopes").1, "missing: contacts.write");
    assert!(found(&checked, "writing").1.contains("allow-writes acme"));
    assert_eq!(found(&checked, "contacts").0, Value::Bool(true));

    stage.connect(ACME).await;
    stage.ask(&["tenant", "allow-writes", ACME]).await;
    let checked = check(&stage, &[("PENSTOCK_ALLOW_WRITES", "ask")]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stdout);
}
