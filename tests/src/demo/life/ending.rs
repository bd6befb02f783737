//! How jobs ended, as the workers say it in their logs.

use penstock_shared::queue::{Queue, status::JobStatus};
use serde::Deserialize;

use crate::ready::TENANT;

/// What follows from an event that looks at the contact first is a job of its own, whose id ends so.
const WITH_CONTACT: &str = "~contact";

/// A delivery that has ended.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ending {
    /// The id of its job.
    pub(super) job: String,
    /// How.
    pub(super) end: How,
    /// The status of an answer that was none to be glad of.
    pub(super) status: Option<u16>,
    /// The job's type, where it can be told.
    #[serde(skip)]
    pub(super) job_type: Option<String>,
    /// The jobs that it has made.
    #[serde(skip)]
    pub(super) made: Vec<String>,
}

/// How a delivery ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum How {
    Done,
    Dead,
    Retrying,
    Postponed,
    Returned,
}

impl Ending {
    /// What a line of a log says, if it says that.
    pub(super) fn read(line: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Line {
            message: String,
            #[serde(flatten)]
            ending: Ending,
        }
        let line: Line = serde_json::from_str(line).ok()?;
        (line.message == "delivery ended").then_some(line.ending)
    }

    /// With what the queue knows of the job.
    pub(super) async fn looked_up(mut self, queue: &Queue) -> anyhow::Result<Self> {
        let found = queue.find(&self.job, Some(TENANT)).await?;
        if let Some(status) = found.first() {
            self.job_type = status.job_type().map(str::to_owned);
            self.made = made(status);
        }
        Ok(self)
    }

    /// Whether the job is no more.
    pub(super) const fn is_last(&self) -> bool {
        matches!(self.end, How::Done | How::Dead)
    }

    /// The flow that it follows from, if it does: jobs of flows are called EVENT/FLOW/PART.
    pub(super) fn flow(&self) -> Option<&str> {
        self.job.split('/').nth(1)
    }

    /// What the event is called that it is, if nothing has followed from it.
    pub(super) fn vain(&self) -> Option<&str> {
        let is_event = self.job_type.as_deref() == Some("HandleEvent");
        let is_vain = self.end == How::Done && self.made.is_empty();
        if !is_event || !is_vain || self.job.ends_with(WITH_CONTACT) {
            return None;
        }
        let (source, name) = self.job.split_once(':')?;
        match source {
            "ghl" => name.split('.').next(),
            other => Some(other),
        }
    }
}

fn made(status: &JobStatus) -> Vec<String> {
    let done = status.done.as_ref();
    let jobs = done.and_then(|(done, _)| done.result["jobs"].as_array());
    let ids = jobs.into_iter().flatten().filter_map(|id| id.as_str());
    ids.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_log_tells_how_a_job_ended() {
        let line = r#"{"timestamp":"2026-01-01T00:00:00Z","level":"DEBUG","message":"delivery ended","job":"ghl:ContactCreate.0/contact-to-crm/profile","tenant":"t","end":"done","attempts_before":0,"target":"penstock_worker::settler"}"#;
        let ending = Ending::read(line).unwrap();
        assert_eq!(ending.end, How::Done);
        assert_eq!(ending.flow(), Some("contact-to-crm"));
        assert_eq!(ending.vain(), None);
        let other = line.replace("delivery ended", "ready");
        assert!(Ending::read(&other).is_none());
        assert!(Ending::read("no JSON").is_none());
    }

    #[test]
    fn an_event_from_which_nothing_follows_is_told_by_its_kind() {
        let event = |job: &str, made: &[&str]| Ending {
            job: job.to_owned(),
            end: How::Done,
            status: None,
            job_type: Some("HandleEvent".to_owned()),
            made: made.iter().map(|id| (*id).to_owned()).collect(),
        };
        assert_eq!(
            event("ghl:ContactUpdate.3", &[]).vain(),
            Some("ContactUpdate")
        );
        assert_eq!(event("crm:5f", &[]).vain(), Some("crm"));
        assert_eq!(event("crm:5f", &["crm:5f/x/0"]).vain(), None);
        assert_eq!(event("ghl:NoteCreate.3~contact", &[]).vain(), None);
    }
}
