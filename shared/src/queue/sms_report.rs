//! What was told of text messages that are not done: it settles those of which nobody knows whether they were sent.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Queue, error::QueueError, run::field, status::JobStatus};
use crate::{job::state::State, outcome::Cause, span::millis};

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

impl SmsReport {
    /// What the callers of a job read of which somebody else has told that it was done.
    pub fn result(&self) -> Value {
        let mut result = json!({ "settledBy": self.by });
        if let Some(status) = &self.status {
            result["deliveryStatus"] = status.as_str().into();
        }
        result
    }
}

impl Queue {
    /// Tells of a job's message, which stood so when it was looked for: keeps it for a job that is not done, and decides one that is dead for want of
    /// it. Whether the job is under way by then: it may have looked already, and may be about to end.
    pub async fn tell_report(
        &self,
        message: &JobStatus,
        report: &SmsReport,
    ) -> Result<bool, QueueError> {
        let (tenant, id) = (message.tenant.as_str(), message.id.as_str());
        if !matches!(message.state, State::Done | State::Dead) {
            self.keep_report(tenant, id, report).await?;
        }
        // It may have ended before that was kept, and looks no more then.
        let now = self.find(id, Some(tenant)).await?.pop();
        let Some(now) = now else { return Ok(false) };
        if now.state == State::Dead
            && now.run.text(field::CAUSE) == Some(Cause::Ambiguous.as_str())
            && let Some(letter) = self.dead_by_id(id, Some(tenant)).await?.pop()
        {
            let changed = self.resolve_told(&letter, report.result()).await?;
            tracing::info!(tenant, job = id, by = %report.by, ?changed, "word of a message has come: it was sent");
        }
        Ok(now.state == State::Running)
    }

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
