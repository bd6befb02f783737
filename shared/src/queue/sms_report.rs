//! What was told of text messages that are not done: it settles those of which nobody knows whether they were sent.

use serde::{Deserialize, Serialize};

use super::{Queue, error::QueueError};
use crate::span::millis;

/// What was told of a text message: it was sent. No personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SmsReport {
    /// By what it is known: `delivery-report`, `reply`.
    pub by: String,
    /// What the network has made of it, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

impl Queue {
    /// Keeps what was told of a job's message, as long as what is done is remembered.
    pub async fn keep_report(
        &self,
        tenant: &str,
        id: &str,
        report: &SmsReport,
    ) -> Result<(), QueueError> {
        let json = serde_json::to_string(report)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        let mut keep = redis::cmd("SET");
        keep.arg(self.report_key(tenant, id)).arg(json);
        keep.arg("PX").arg(millis(self.terms().retention).max(1));
        Ok(self.connection().run(&keep).await?)
    }

    /// What was told of a job's message, if anything was.
    pub async fn report_of(&self, tenant: &str, id: &str) -> Result<Option<SmsReport>, QueueError> {
        let mut get = redis::cmd("GET");
        let json: Option<String> = self
            .connection()
            .run(get.arg(self.report_key(tenant, id)))
            .await?;
        Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
    }

    fn report_key(&self, tenant: &str, id: &str) -> String {
        self.keys_of(tenant).report(&format!("{tenant}/{id}"))
    }
}
