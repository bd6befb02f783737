//! What GHL tells of the app in webhooks: a location has installed it, or taken it out.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use penstock_shared::ghl::GrantState;
use penstock_tests::fixture::job;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    connect::Door,
    stage::{ACME, Stage},
};

/// Of which application the webhooks are; the client's id begins with it.
const APP_ID: &str = "app1";

/// GHL, that tells an intake what has happened, and whether it does so in time.
struct Teller {
    key: Ed25519KeyPair,
    door: Door,
    _folder: TempDir,
}

impl Teller {
    async fn start(stage: &Stage) -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        let public = STANDARD.encode(key.public_key());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hooks.toml");
        let text = format!("[ghl]\napp_id = \"{APP_ID}\"\nkey = \"{public}\"\n");
        std::fs::write(&file, text).unwrap();
        let hooks = [("PENSTOCK_HOOKS", file.to_str().unwrap())];
        Self {
            key,
            door: Door::open(stage, &hooks).await,
            _folder: folder,
        }
    }

    /// Tells of a location of the company, so long after it has happened.
    async fn tells(&self, kind: &str, company: &str, location: Option<&str>, late: SignedDuration) {
        let mut event = json!({
            "type": kind, "appId": APP_ID, "companyId": company, "timestamp": (Timestamp::now() - late).to_string(),
        });
        if let Some(location) = location {
            event["locationId"] = Value::from(location);
        }
        let body = event.to_string();
        let signature = STANDARD.encode(self.key.sign(body.as_bytes()));
        let answer = self.door.told(&body, &signature).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
    }
}

const NOW: SignedDuration = SignedDuration::ZERO;

#[tokio::test]
async fn a_location_that_is_installed_later_is_called_too() {
    let stage = Stage::start().await;
    let ghl = Teller::start(&stage).await;
    let company = stage.connect_company().await;
    let _worker = stage.worker().await;
    stage.marketplace().add_location(ACME);
    // The company installs it there as well.
    stage.marketplace().install_for_company(None);
    ghl.tells("INSTALL", &company, Some(ACME), NOW).await;
    let has_token = |listed: &penstock_shared::queue::grants::Listed| !listed.stamp.is_empty();
    stage.until_grant(ACME, "with a token", has_token).await;
    stage.enqueue(&[job("one").note("Once")]).await;
    stage.until_done(2).await;
}

#[tokio::test]
async fn where_no_company_has_a_grant_the_browser_brings_it() {
    let stage = Stage::start().await;
    let ghl = Teller::start(&stage).await;
    let _worker = stage.worker().await;
    ghl.tells("INSTALL", "none", Some(ACME), NOW).await;
    stage.until_done(1).await;
    assert!(stage.queue.list_grants().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_location_that_takes_it_out_has_no_token_any_more() {
    let stage = Stage::start().await;
    let ghl = Teller::start(&stage).await;
    stage.connect(ACME).await;
    let _worker = stage.worker().await;
    let before = SignedDuration::from_mins(10);
    ghl.tells("UNINSTALL", "company", Some(ACME), before).await;
    stage.until_done(1).await;
    let kept = stage.queue.list_grants().await.unwrap();
    assert_eq!(
        kept[0].state,
        GrantState::Active,
        "it was installed again since"
    );
    ghl.tells("UNINSTALL", "company", Some(ACME), NOW).await;
    let is_revoked = |listed: &penstock_shared::queue::grants::Listed| {
        listed.state == GrantState::Revoked && listed.stamp.is_empty()
    };
    stage.until_grant(ACME, "revoked", is_revoked).await;
}

#[tokio::test]
async fn a_company_that_takes_it_out_does_so_for_its_locations() {
    let stage = Stage::start().await;
    let ghl = Teller::start(&stage).await;
    stage.marketplace().add_location(ACME);
    let company = stage.connect_company().await;
    let _worker = stage.worker().await;
    ghl.tells("UNINSTALL", &company, None, NOW).await;
    stage.until_done(1).await;
    let kept = stage.queue.list_grants().await.unwrap();
    assert!(!kept.is_empty());
    for listed in kept {
        assert_eq!(listed.state, GrantState::Revoked, "{listed:?}");
    }
}
