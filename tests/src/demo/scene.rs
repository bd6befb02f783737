//! Where the demo plays: the addresses, and how our programs find Redis.

use anyhow::{Context, bail};
use serde_json::Value;

use crate::harness::{Finished, run};

/// What a running system is reached by.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// The settings of every program, e.g. `PENSTOCK_REDIS_URL`.
    pub(super) settings: Vec<(String, String)>,
    /// Base URL of the sandbox.
    pub(super) sandbox: String,
    /// Base URL of the HTTP intake.
    pub(super) intake: String,
    /// Its bearer key.
    pub(super) key: Option<String>,
    /// Follows the tenants' names: in a system that others use too, the demo's tenants are its own.
    pub(super) suffix: String,
    pub(super) http: reqwest::Client,
}

impl Scene {
    pub(super) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Runs one of our programs on this system to its end.
    pub(super) async fn run(&self, program: &str, args: &[&str], stdin: &str) -> Finished {
        let settings: Vec<_> = self
            .settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        run(program, args, &settings, stdin).await
    }

    /// A JSON document of the sandbox's control interface.
    pub(super) async fn sandbox(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}/_sandbox/{path}", self.sandbox);
        let answer = self
            .http
            .get(&url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        let text = answer
            .context("the sandbox does not answer")?
            .text()
            .await?;
        serde_json::from_str(&text).with_context(|| format!("{url} gave no JSON"))
    }

    /// Offers jobs to the HTTP intake; returns the status and the body.
    pub(super) async fn post_jobs(&self, jobs: &Value) -> anyhow::Result<(u16, Value)> {
        let mut request = self
            .http
            .post(format!("{}/v1/jobs", self.intake))
            .json(jobs);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = request
            .send()
            .await
            .context("the HTTP intake does not answer")?;
        let status = answer.status().as_u16();
        if status == 401 {
            bail!("the HTTP intake wants a bearer key: --key");
        }
        Ok((
            status,
            serde_json::from_str(&answer.text().await?).unwrap_or_default(),
        ))
    }
}

/// A client for the demo's own calls; the workers have their own.
pub(super) fn http_client() -> anyhow::Result<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(30));
    builder.build().context("no HTTP client can be made")
}
