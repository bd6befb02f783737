//! Another job that a job goes by: what that one has made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::JobId;

/// What another job of the tenant's has made: `{"job":"ID"}`. A job waits for the one that it refers to.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// The id of that job.
    pub job: JobId,
    /// Whether it is also waited for when it is dead, since somebody may retry it; else this job is dead then, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
}
