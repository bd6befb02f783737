//! Those who send webhooks, and the file that says how they prove themselves.

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    service::{Answer, Service},
    stage::{ACME, Stage},
};

pub(super) const SECRET: &str = "a secret that is long enough";

/// All of them.
pub(super) struct Senders {
    ghl: Ed25519KeyPair,
    folder: TempDir,
}

impl Senders {
    pub(super) fn new() -> Self {
        let ghl = Ed25519KeyPair::generate().unwrap();
        let public = STANDARD.encode(ghl.public_key());
        let senders = Self {
            ghl,
            folder: tempfile::tempdir().unwrap(),
        };
        senders.write(&format!(
            r#"
            proxies = ["127.0.0.0/8"]
            [ghl]
            app_id = "our-app"
            key = "{public}"
            [smsfactor.main]
            tenant = "acme"
            scheme = "secret"
            secret = "{SECRET}"
            [smore.forms]
            tenant = "acme"
            secret = "{SECRET}"
            [smore.other]
            tenant = "other"
            secret = "{SECRET}"
            sources = ["203.0.113.0/24"]
            [generic.crm]
            tenant = "acme"
            scheme = "none"
            kind_pointer = "/event"
            id_pointer = "/id"
            time_pointer = "/at"
            email_pointer = "/email"
            "#
        ));
        senders
    }

    fn path(&self) -> String {
        let path = self.folder.path().join("hooks.toml");
        path.to_str().unwrap().to_owned()
    }

    /// Another file in its place.
    pub(super) fn write(&self, text: &str) {
        std::fs::write(self.path(), text).unwrap();
    }

    /// The program that hears them.
    pub(super) async fn service(&self, stage: &Stage, settings: &[(&str, &str)]) -> Service {
        let path = self.path();
        let hooks = [("PENSTOCK_HOOKS", path.as_str())];
        Service::start(stage, &[&hooks, settings].concat()).await
    }

    pub(super) fn settings(&self) -> [(String, String); 1] {
        [("PENSTOCK_HOOKS".to_owned(), self.path())]
    }

    /// GHL's signature.
    pub(super) fn signature(&self, body: &str) -> String {
        STANDARD.encode(self.ghl.sign(body.as_bytes()))
    }

    /// What GHL sends.
    pub(super) fn ghl(&self, service: &Service, body: &str) -> RequestBuilder {
        let signature = self.signature(body);
        posting(service, "/hooks/ghl", body).header("X-GHL-Signature", signature)
    }

    pub(super) async fn ghl_tells(&self, service: &Service, body: &Value) -> Answer {
        Answer::to(self.ghl(service, &body.to_string())).await
    }
}

pub(super) fn posting(service: &Service, path: &str, body: &str) -> RequestBuilder {
    let url = service.url(path);
    service.http.post(url).body(body.to_owned())
}

/// What Smore sends.
pub(super) fn smore(service: &Service, path: &str, body: &str) -> RequestBuilder {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let code = hmac::sign(&key, body.as_bytes());
    let digits = code.as_ref().iter().map(|byte| format!("{byte:02x}"));
    let signature: String = digits.collect::<Vec<_>>().concat();
    posting(service, path, body).header("X-Smore-Signature", signature)
}

/// What `SMSFactor` sends.
pub(super) fn smsfactor(service: &Service, path: &str, body: &str) -> RequestBuilder {
    posting(service, path, body).header("X-SMSFactor-Signature", SECRET)
}

/// So long ago, as senders write it.
pub(super) fn ago(seconds: i64) -> String {
    (Timestamp::now() - SignedDuration::from_secs(seconds)).to_string()
}

/// An event of GHL's of a contact, that has just happened.
pub(super) fn event(id: &str) -> Value {
    event_of(id, "c1", 0)
}

/// The same of this contact, so long ago.
pub(super) fn event_of(id: &str, contact: &str, seconds: i64) -> Value {
    json!({
        "type": "ContactUpdate", "locationId": ACME, "webhookId": id, "appId": "our-app", "timestamp": ago(seconds),
        "id": contact, "email": format!("canary-{contact}@example.com"), "firstName": "Canary",
    })
}

/// A response of Smore's.
pub(super) fn response(id: &str, seconds: i64) -> Value {
    json!({
        "id": id, "submittedAt": ago(seconds),
        "answers": [{ "id": "q", "question": "?", "questionType": "input-email", "answerType": "email", "email": "canary@example.com" }],
    })
}

/// Expects an acceptance: its status, and how many events were accepted, duplicates and late.
#[track_caller]
pub(super) fn told(answer: &Answer) -> (&str, u64, u64, u64) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let count = |name: &str| answer.body[name].as_u64().unwrap();
    let status = answer.body["status"].as_str().unwrap();
    (
        status,
        count("accepted"),
        count("duplicates"),
        count("late"),
    )
}

pub(super) const ACCEPTED: (&str, u64, u64, u64) = ("accepted", 1, 0, 0);
pub(super) const DUPLICATE: (&str, u64, u64, u64) = ("duplicate", 0, 1, 0);
