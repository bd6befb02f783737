//! The three systems, as stand-ins, and what they are set up with.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::{FORM, LIST, SECRET, TOKENS};
use crate::sandbox::{self, Sandbox};
use crate::smore::{self, Smore};
use crate::smsfactor::{self, SmsFactor};
use crate::stand::Scheme;

/// What Smore's webhooks are registered with.
const SMORE_KEY: &str = "smore-key";

/// GHL, `SMSFactor`, and Smore with a CRM beside it, running.
#[derive(Debug)]
pub struct Systems {
    /// GHL.
    pub ghl: sandbox::Running,
    /// `SMSFactor`.
    pub sms: smsfactor::Running,
    /// Smore and the CRM.
    pub smore: smore::Running,
}

impl Systems {
    /// Starts them, with an empty list of contacts and a form; what the shipped files ask for is set.
    pub async fn start(
        of_ghl: sandbox::Options,
        of_sms: smsfactor::Options,
        of_smore: smore::Options,
    ) -> anyhow::Result<Self> {
        let of_sms = smsfactor::Options {
            scheme: Scheme::Literal,
            ..of_sms
        };
        let of_smore = smore::Options {
            personal_keys: vec![SMORE_KEY.into()],
            ..of_smore
        };
        let systems = Self {
            ghl: Sandbox::start(of_ghl).await?,
            sms: SmsFactor::start(of_sms).await?,
            smore: Smore::start(of_smore).await?,
        };
        let list = json!({ "id": LIST, "name": "Contacts", "contacts": [] });
        let form = json!({ "id": FORM, "title": "Welcome" });
        let filled = systems.sms.steer("lists", &list);
        let made = systems.smore.steer("forms", &form);
        filled.and(made).map_err(anyhow::Error::msg)?;
        Ok(systems)
    }

    /// Registers the webhooks there, as an operator does; the secret that Smore gives.
    pub async fn register(&self, http: &reqwest::Client, serve: &str) -> anyhow::Result<String> {
        for kind in ["MO", "STOP", "DLR"] {
            self.register_sms(http, serve, kind).await?;
        }
        let crm = json!({ "url": format!("{serve}/hooks/crm"), "secret": SECRET });
        let hooked = self.smore.steer("hooks", &crm);
        hooked.map_err(anyhow::Error::msg)?;
        let url = format!("{}/api/v1/forms/{FORM}/webhooks", self.smore.url());
        let wanted = json!({ "url": format!("{serve}/hooks/smore/forms") });
        let posted = http.post(url).bearer_auth(SMORE_KEY).json(&wanted);
        let answer: Value = posted.send().await?.json().await?;
        let secret = answer["webhookSecret"].as_str();
        Ok(secret.context("Smore gave no secret")?.to_owned())
    }

    async fn register_sms(
        &self,
        http: &reqwest::Client,
        serve: &str,
        kind: &str,
    ) -> anyhow::Result<()> {
        let url = format!("{serve}/hooks/smsfactor/main?type={kind}");
        let wanted = json!({ "webhook": { "type": kind, "url": url, "signature": SECRET } });
        let [_, (_, token), _] = TOKENS;
        let posted = http.post(format!("{}/webhook", self.sms.url()));
        let posted = posted
            .bearer_auth(token)
            .header("accept", "application/json")
            .json(&wanted);
        let answer: Value = posted.send().await?.json().await?;
        ensure!(answer["status"] == 1, "SMSFactor refused: {answer}");
        Ok(())
    }
}
