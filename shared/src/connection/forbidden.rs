//! What a 403 says: that a call may not be made, or that nobody may call.

use serde::Deserialize;

use crate::wire::CallError;

/// What a 403 says. HTTP has a word of its own for a token that does not count, 401; what most mean by 403 is that one call, and holding all others for
/// it would stop a connection over one job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forbidden {
    /// This call may not be made: the job is refused.
    #[default]
    Reject,
    /// The token does not count, or not any more: the tenant waits for another.
    Hold,
}

impl Forbidden {
    /// What a call has failed of, whose refusals are judged by HTTP alone.
    pub(super) fn meaning(self, error: CallError) -> CallError {
        match error {
            CallError::Rejected {
                status: 403,
                message,
            } if self == Self::Hold => CallError::Unauthorized {
                status: 403,
                message,
                permanent: true,
            },
            other => other,
        }
    }
}
