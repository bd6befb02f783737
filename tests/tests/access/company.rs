//! Companies that install the app for their locations, and accounts that take it back.

use std::time::Duration;

use penstock_shared::{
    ghl::GrantState,
    job::state::State,
    queue::grants::{GrantName, Kind, Listed},
};
use penstock_tests::{fixture::job, harness::wait_until};

use crate::stage::{ACME, APP, PATIENCE, Stage};

fn granted(company: &str) -> GrantName {
    GrantName::new(Kind::Company, APP, company)
}

impl Stage {
    /// Writes into what a company was granted, behind everybody's back.
    async fn set(&self, company: &str, fields: &[&str]) {
        let key = self.queue.keys(0).grant(granted(company).as_str());
        let set = ["HSET", &key];
        self.redis.cli([&set[..], fields].concat()).await;
    }

    async fn locations(&self) -> Vec<Listed> {
        let all = self.queue.list_grants().await.unwrap().into_iter();
        all.filter(|listed| listed.name.kind() == Kind::Location)
            .collect()
    }
}

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
    stage.set(&company, &["issued", "1"]).await;
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
    stage.until_read_only("two").await;
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

/// Hundreds of locations are due together, and all of their tokens are asked for with their company's.
#[tokio::test]
async fn the_tokens_of_a_companys_locations_are_its_calls() {
    let stage = Stage::start().await;
    for location in [ACME, "other", "third"] {
        stage.marketplace().add_location(location);
    }
    let company = stage.connect_company().await;
    let _worker = stage.worker_with(&[("PENSTOCK_GHL_BURST", "2/60s")]).await;
    let is_full = || async {
        let soon = stage.queue.now().await.unwrap() + 5_000;
        let is_postponed = |listed: &&Listed| {
            listed.stamp.is_empty() && listed.due_ms.is_some_and(|due| due > soon)
        };
        let locations = stage.locations().await;
        (locations.iter().filter(is_postponed).count() == 1).then_some(())
    };
    wait_until("the third to be postponed", PATIENCE, is_full).await;
    assert_eq!(stage.calls_of("get-location-access-token").len(), 2);
    let quotas = ("2/60s".parse().unwrap(), "200000/1d".parse().unwrap());
    let wait = stage.queue.take_permit(&company, quotas).await.unwrap();
    assert!(
        wait.is_some_and(|wait| wait > Duration::from_secs(5)),
        "{wait:?}"
    );
}

/// The answer to its refresh token was lost, and its token has ended.
#[tokio::test]
async fn locations_come_back_with_their_company() {
    let stage = Stage::start().await;
    stage.marketplace().add_location(ACME);
    let company = stage.connect_company().await;
    let given_up = ["state", "needs-authorisation", "expires", "1"];
    stage.set(&company, &given_up).await;
    stage.marketplace().expire(&company);
    let _worker = stage.worker().await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_held(ACME, "needs-authorisation").await;
    let waits =
        |listed: &Listed| listed.state == GrantState::NeedsAuthorisation && listed.due_ms.is_some();
    stage
        .until_grant(ACME, "waiting for its company's", waits)
        .await;
    assert!(stage.calls_of("get-location-access-token").is_empty());
    stage.reconnect_company_alone().await;
    stage.until_done(1).await;
}

#[tokio::test]
async fn what_is_said_of_a_company_lets_its_locations_write() {
    let stage = Stage::start().await;
    stage.marketplace().add_location(ACME);
    let company = stage.connect_company().await;
    let _worker = stage.worker_with(&[("PENSTOCK_ALLOW_WRITES", "ask")]).await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_read_only("one").await;
    let allowed = stage.admin(&["tenant", "allow-writes", &company], "").await;
    assert_eq!(allowed.code, Some(0), "{}", allowed.stderr);
    assert!(
        allowed.stderr.contains("is a company"),
        "{}",
        allowed.stderr
    );
    stage.until_done(1).await;
}

#[tokio::test]
async fn a_companys_token_is_renewed_when_a_person_says_so() {
    let stage = Stage::start().await;
    let company = stage.connect_company().await;
    let given_up = ["state", "needs-authorisation"];
    stage.set(&company, &given_up).await;
    let key = stage.queue.keys(0).grants();
    let name = granted(&company);
    stage.redis.cli(["ZADD", &key, "inf", name.as_str()]).await;
    let _worker = stage.worker().await;
    let rotated = stage
        .ask(&["tokens", "rotate", &company, "--oauth", "--company"])
        .await;
    assert_eq!(rotated["changed"], true);
    wait_until("it to be renewed", PATIENCE, || async {
        let stored = stage.queue.grant(&name).await.unwrap()?;
        (stored.grant.state == GrantState::Active).then_some(())
    })
    .await;
    assert_eq!(stage.installed().refreshes, 1);
}
