//! GHL's webhooks: its sandbox sends none by itself.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, ensure};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{APP, TENANT};

/// Tells of what happens in GHL, and signs it with a key of its own, which the hooks' file names in place of GHL's.
#[derive(Debug)]
pub struct Teller {
    http: reqwest::Client,
    url: String,
    key: Ed25519KeyPair,
    told: AtomicUsize,
}

impl Teller {
    /// One that tells the `serve` that is at this address.
    pub fn new(http: &reqwest::Client, serve: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: http.clone(),
            url: format!("{serve}/hooks/ghl"),
            key: Ed25519KeyPair::generate().context("no key can be made")?,
            told: AtomicUsize::new(0),
        })
    }

    /// What its signatures are proved with.
    pub fn public_key(&self) -> String {
        STANDARD.encode(self.key.public_key())
    }

    /// What GHL says of something that happened then, under an id of its own.
    pub fn letter(&self, kind: &str, at: Timestamp, data: Value) -> Value {
        let number = self.told.fetch_add(1, Ordering::Relaxed);
        let mut body = json!({
            "type": kind, "locationId": TENANT, "appId": APP, "timestamp": at.to_string(),
            "webhookId": format!("{kind}.{number}"),
        });
        if let (Value::Object(body), Value::Object(data)) = (&mut body, data) {
            body.extend(data);
        }
        body
    }

    /// Says it; that it was not taken is an error.
    pub async fn say(&self, letter: &Value) -> anyhow::Result<()> {
        let body = letter.to_string();
        let signature = STANDARD.encode(self.key.sign(body.as_bytes()));
        let posted = self
            .http
            .post(&self.url)
            .header("X-GHL-Signature", signature);
        let status = posted.body(body).send().await?.status();
        ensure!(
            status == 200,
            "a webhook of GHL's was answered with {status}"
        );
        Ok(())
    }
}
