//! What the systems are set up with: the stand-ins, their webhooks, and the shipped files with what is the test's own in them.

use std::{fs, time::Duration};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use penstock_shared::{
    queue::{Location, Queue, Terms},
    settings::{Durability, Encryption},
};
use penstock_tests::{
    harness::RedisServer,
    sandbox::{self, Sandbox},
    smore::{self, Smore},
    smsfactor::{self, SmsFactor},
    stand::Scheme,
};
use serde_json::{Value, json};

use super::{LIST, SECRET, shipped};

pub(super) async fn stand_ins() -> (sandbox::Running, smsfactor::Running, smore::Running) {
    let mut of_ghl = sandbox::Options::default();
    of_ghl.quota.burst.calls = 100_000;
    let mut of_sms = smsfactor::Options {
        scheme: Scheme::Literal,
        ..smsfactor::Options::default()
    };
    of_sms.burst.calls = 100_000;
    let mut of_smore = smore::Options {
        personal_keys: vec!["smore-key".into()],
        ..smore::Options::default()
    };
    of_smore.crm.calls = 100_000;
    let sandbox = Sandbox::start(of_ghl).await.unwrap();
    let sms = SmsFactor::start(of_sms).await.unwrap();
    let smore = Smore::start(of_smore).await.unwrap();
    let list = json!({ "id": LIST, "name": "Contacts", "contacts": [] });
    sms.steer("lists", &list).unwrap();
    let form = json!({ "id": "f1", "title": "Welcome" });
    smore.steer("forms", &form).unwrap();
    (sandbox, sms, smore)
}

/// Registers the webhooks there, as an operator does; the secret that Smore gives.
pub(super) async fn register(
    http: &reqwest::Client,
    serve: &str,
    sms: &smsfactor::Running,
    smore: &smore::Running,
) -> String {
    for kind in ["MO", "STOP", "DLR"] {
        let url = format!("{serve}/hooks/smsfactor/main?type={kind}");
        let wanted = json!({ "webhook": { "type": kind, "url": url, "signature": SECRET } });
        let posted = http.post(format!("{}/webhook", sms.url()));
        let posted = posted
            .bearer_auth("sms-token")
            .header("accept", "application/json")
            .json(&wanted);
        let answer: Value = posted.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], 1, "{answer}");
    }
    let crm = json!({ "url": format!("{serve}/hooks/crm"), "secret": SECRET });
    smore.steer("hooks", &crm).unwrap();
    let url = format!("{}/api/v1/forms/f1/webhooks", smore.url());
    let wanted = json!({ "url": format!("{serve}/hooks/smore/forms") });
    let posted = http.post(url).bearer_auth("smore-key").json(&wanted);
    let answer: Value = posted.send().await.unwrap().json().await.unwrap();
    answer["webhookSecret"].as_str().unwrap().to_owned()
}

/// The shipped one, where a key of the test's own stands for GHL's.
pub(super) fn hooks_file(key: &Ed25519KeyPair) -> String {
    let text = fs::read_to_string(shipped("hooks.toml")).unwrap();
    let public = STANDARD.encode(key.public_key());
    replaced(&text, "[ghl]\n", &format!("[ghl]\nkey = \"{public}\"\n"))
}

/// The shipped one, where the stand-ins stand for the systems, and have no quota to speak of.
pub(super) fn connections_file(sms: &smsfactor::Running, smore: &smore::Running) -> String {
    let text = fs::read_to_string(shipped("connections.toml")).unwrap();
    let text = replaced(&text, "https://api.smsfactor.com", &sms.url());
    let crm = format!("{}/crm/v1", smore.url());
    let text = replaced(&text, "https://crm.example/api/v1", &crm);
    let text = replaced(&text, "10/1s", "1000/1s");
    replaced(&text, "20/1m", "1000/1s")
}

#[track_caller]
fn replaced(text: &str, what: &str, by: &str) -> String {
    assert!(text.contains(what), "{what} is shipped");
    text.replace(what, by)
}

pub(super) async fn connect(redis: &RedisServer) -> Queue {
    let location = Location {
        url: redis.url().into(),
        roots: None,
        namespace: "penstock".into(),
        shards: 1,
        durability: Durability::Everysec,
        encryption: Encryption::default(),
    };
    let terms = Terms {
        lease: Duration::from_secs(2),
        http_timeout: Duration::from_secs(2),
        quarantine: Duration::from_secs(1),
        reserve: 0.1,
        spread: false,
        coalesce: 1,
        max_backlog: 1_000_000,
        memory: 90,
        retention: Duration::from_secs(86_400),
    };
    Queue::connect(location, terms).await.unwrap()
}
