//! Companies that install the app for their locations, and accounts that take it back.

use penstock_shared::{ghl::GrantState, job::state::State};
use penstock_tests::fixture::job;

use crate::stage::{ACME, APP, PATIENCE, Stage};

#[tokio::test]
async fn a_location_gets_its_token_from_its_companys() {
    let stage = Stage::start().await;
    stage.marketplace().add_location(ACME);
    stage.connect_company().await;
    let _worker = stage.worker().await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_done(1).await;
    assert_eq!(stage.calls_of("get-location-access-token").len(), 1);
    let listed = stage.ask(&["tokens", "list"]).await;
    let kinds: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["company", "location"], "{listed}");
}

#[tokio::test]
async fn a_companys_token_that_has_ended_is_renewed_first() {
    let stage = Stage::start().await;
    stage.marketplace().add_location(ACME);
    let company = stage.connect_company().await;
    // As if it were a day old.
    let name = penstock_shared::queue::grants::GrantName::new(
        penstock_shared::queue::grants::Kind::Company,
        APP,
        &company,
    );
    let key = stage.queue.keys(0).grant(name.as_str());
    stage.redis.cli(["HSET", &key, "issued", "1"]).await;
    stage.marketplace().expire(&company);
    let _worker = stage.worker().await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_done(1).await;
    let installed = stage.installed();
    assert_eq!((installed.refreshes, installed.reuses), (1, 0));
}

/// A killed worker's answer is lost, and another one is made: a location's token does not hang on a refresh token.
#[tokio::test]
async fn a_token_that_is_lost_is_made_again() {
    let stage = Stage::start().await;
    stage.marketplace().add_location(ACME);
    stage.connect_company().await;
    stage.enqueue(&[job("one").note("Once")]).await;
    let mut killed = stage.failing("after-renewal:abort").await;
    killed.wait_exit(PATIENCE).await;
    let _next = stage.worker().await;
    stage.until_done(1).await;
    assert_eq!(stage.calls_of("get-location-access-token").len(), 2);
}

#[tokio::test]
async fn an_account_that_takes_the_app_back_is_not_called_any_more() {
    let stage = Stage::start().await;
    stage.connect(ACME).await;
    stage.ask(&["tenant", "allow-writes", ACME]).await;
    let worker = stage
        .worker_with(&[
            ("PENSTOCK_ALLOW_WRITES", "ask"),
            ("PENSTOCK_GHL_TOKEN", crate::stage::TOKEN),
        ])
        .await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_done(1).await;
    let location = ACME.parse().unwrap();
    let taken = stage
        .queue
        .uninstalled(APP, None, Some(&location), None)
        .await;
    assert_eq!(taken.unwrap(), 1);
    drop(worker);
    let _worker = stage
        .worker_with(&[
            ("PENSTOCK_ALLOW_WRITES", "ask"),
            ("PENSTOCK_GHL_TOKEN", crate::stage::TOKEN),
        ])
        .await;
    stage.enqueue(&[job("two")]).await;
    stage.until_held(ACME, "read-only").await;
    assert_eq!(stage.calls_of("add-tags").len(), 0);
    // Whoever allows it to write does not bring its tokens back.
    stage.ask(&["tenant", "allow-writes", ACME]).await;
    stage.until_held(ACME, "needs-authorisation").await;
    let held = stage.until_state("two", State::Ready).await;
    assert_eq!(held.attempts(), 0);
    stage.connect(ACME).await;
    stage.until_done(2).await;
}

#[tokio::test]
async fn a_company_that_takes_it_back_does_so_for_its_locations() {
    let stage = Stage::start().await;
    for location in [ACME, "other"] {
        stage.marketplace().add_location(location);
    }
    let company = stage.connect_company().await;
    let revoked = stage
        .ask(&["tokens", "revoke", &company, "--company"])
        .await;
    assert_eq!(revoked["changed"], true);
    for listed in stage.queue.list_grants().await.unwrap() {
        assert_eq!(listed.state, GrantState::Revoked, "{listed:?}");
        assert_eq!(listed.stamp, "");
    }
}
