//! Private integration tokens of a tenant's own, two of which are good while they are rotated.

use penstock_tests::fixture::job;

use crate::stage::{ACME, Stage, TOKEN};

const OLD: &str = "pit-c4n4ry-old";
const NEW: &str = "pit-c4n4ry-new";

/// The fingerprints that the list has for the tenant.
async fn listed(stage: &Stage) -> Vec<String> {
    let listed = stage.ask(&["tokens", "list", "--tenant", ACME]).await;
    let tokens = listed[0]["tokens"].as_array().unwrap().iter();
    tokens
        .map(|token| token.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_tenants_own_token_goes_before_everybodys_and_is_never_shown() {
    let stage = Stage::with_tokens(&[OLD]).await;
    let _worker = stage
        .worker_with(&[("PENSTOCK_GHL_TOKEN", "pit-refused")])
        .await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_held(ACME, "needs-authorisation").await;
    let added = stage
        .admin(&["tokens", "add", ACME], &format!(" {OLD}\n"))
        .await;
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    stage.until_done(1).await;
    let table = stage.admin(&["tokens", "list"], "").await;
    assert_eq!(listed(&stage).await.len(), 1);
    for said in [&added, &table] {
        let said = [said.stdout.as_str(), said.stderr.as_str()].concat();
        assert!(!said.contains("c4n4ry"), "{said}");
    }
    assert!(!format!("{:?}", stage.redis.snapshot().await).contains("c4n4ry"));
}

#[tokio::test]
async fn while_a_token_is_rotated_the_other_one_helps_out() {
    let stage = Stage::with_tokens(&[OLD]).await;
    stage.tell(&["tokens", "add", ACME], OLD).await;
    let _worker = stage.worker().await;
    stage.enqueue(&[job("before")]).await;
    stage.until_done(1).await;
    // The API does not know the new one yet.
    let rotated = stage.tell(&["tokens", "rotate", ACME], NEW).await;
    assert_eq!(rotated["tokens"].as_array().unwrap().len(), 2);
    let jobs: Vec<_> = (0..6)
        .map(|at| {
            job(&format!("n-{at}"))
                .contact(&format!("c-{at}"))
                .note("Once")
        })
        .collect();
    stage.enqueue(&jobs).await;
    stage.until_done(7).await;
    let seen = stage.sandbox.summary();
    assert_eq!((seen.effects, seen.duplicates), (7, 0));
    let again = stage.tell(&["tokens", "rotate", ACME], NEW).await;
    assert_eq!(again["changed"], false, "the same one once more");
    let newest = listed(&stage).await.remove(0);
    let revoked = stage
        .ask(&["tokens", "revoke", ACME, "--fingerprint", &newest])
        .await;
    assert_eq!(revoked["tokens"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn everybodys_token_does_not_take_the_place_of_one_that_was_revoked() {
    let stage = Stage::start().await;
    stage.tell(&["tokens", "add", ACME], OLD).await;
    let shared = [("PENSTOCK_GHL_TOKEN", TOKEN)];
    let revoked = stage.admin(&["tokens", "revoke", ACME, "--all"], "").await;
    assert_eq!(revoked.code, Some(0), "{}", revoked.stderr);
    assert!(
        revoked.stderr.contains("does not take the place"),
        "{}",
        revoked.stderr
    );
    let checked = stage.admin_with(&["check", ACME], &shared, "").await;
    assert_eq!(checked.code, Some(1), "{}", checked.stdout);
    assert!(
        checked.stdout.contains("private tokens were revoked"),
        "{}",
        checked.stdout
    );
}

#[tokio::test]
async fn when_both_are_refused_the_tenant_waits_for_a_third() {
    let stage = Stage::with_tokens(&[NEW]).await;
    stage.tell(&["tokens", "add", ACME], "pit-first").await;
    stage.tell(&["tokens", "add", ACME], "pit-second").await;
    let full = stage.admin(&["tokens", "add", ACME], NEW).await;
    assert_eq!(full.code, Some(2), "{}", full.stderr);
    let _worker = stage.worker().await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_held(ACME, "needs-authorisation").await;
    let tried = stage.calls_of("create-note");
    assert_eq!(tried.len(), 2, "each once: {tried:?}");
    stage.tell(&["tokens", "rotate", ACME], NEW).await;
    stage.until_done(1).await;
}

#[tokio::test]
async fn what_is_no_token_is_refused_and_not_repeated() {
    let stage = Stage::start().await;
    for nonsense in [
        "",
        "c4n4ry two words",
        "c4n4ry-\u{e9}",
        &"c4n4ry".repeat(2_000),
    ] {
        let refused = stage.admin(&["tokens", "add", ACME], nonsense).await;
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(!refused.stderr.contains("c4n4ry"), "{}", refused.stderr);
    }
    let keyless = [
        ("PENSTOCK_ENCRYPTION_KEYS", "none"),
        ("PENSTOCK_GHL_CLIENT_ID", "none"),
        ("PENSTOCK_GHL_CLIENT_SECRET", "none"),
    ];
    let refused = stage
        .admin_with(&["tokens", "add", ACME], &keyless, OLD)
        .await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused
            .stderr
            .contains("PENSTOCK_ENCRYPTION_KEYS has no key"),
        "{}",
        refused.stderr
    );
}
