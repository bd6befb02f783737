//! What one delivery of a job came to.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::job::state::Ending;

/// Why a job is dead, as operators filter by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The API refused it for good.
    Rejected,
    /// The contact that it names does not exist.
    ContactNotFound,
    /// Whether it took effect cannot be told: a person decides.
    Ambiguous,
    /// What is stored is not a job that any version knows.
    Undecodable,
    /// It ended every worker that ran it.
    Poison,
    /// It used up its attempts.
    Exhausted,
    /// It was still unfinished when it was too old.
    Expired,
    /// The job that it refers to is dead, or nobody knows it.
    ParentDead,
    /// A flow that follows an event could not make its jobs.
    FlowFailed,
    /// An event of which too many came about one record.
    Storm,
}

impl Cause {
    /// Every cause, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Rejected,
        Self::ContactNotFound,
        Self::Ambiguous,
        Self::Undecodable,
        Self::Poison,
        Self::Exhausted,
        Self::Expired,
        Self::ParentDead,
        Self::FlowFailed,
        Self::Storm,
    ];

    /// The word that stands in keys, filters and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::ContactNotFound => "contact-not-found",
            Self::Ambiguous => "ambiguous",
            Self::Undecodable => "undecodable",
            Self::Poison => "poison",
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::ParentDead => "parent-dead",
            Self::FlowFailed => "flow-failed",
            Self::Storm => "storm",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a call of which cannot be told whether it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmbiguousPolicy {
    /// A person decides.
    Hold,
    /// It is sent again: rather twice than never.
    PreferDuplicate,
    /// It counts as done: rather never than twice.
    PreferMiss,
}

impl AmbiguousPolicy {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Hold, Self::PreferDuplicate, Self::PreferMiss];

    /// The word that stands in settings, results and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::PreferDuplicate => "prefer-duplicate",
            Self::PreferMiss => "prefer-miss",
        }
    }
}

impl fmt::Display for AmbiguousPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of the permit that the delivery's last call had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// The API answered: the permit returns one window from now.
    Answered,
    /// No answer: the call can still arrive for a while, and be counted then.
    Unanswered,
    /// Provably nothing was sent: the permit is free again.
    Unsent,
}

impl Permit {
    /// The word that the settle script knows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unanswered => "unanswered",
            Self::Unsent => "unsent",
        }
    }
}

/// A failure as it is reported: redacted, and short enough for a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fault {
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What happened, in words that hold no personal data.
    pub message: String,
}

impl Fault {
    /// A failure without an HTTP status.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            status: None,
            message: message.into(),
        }
    }
}

/// What one delivery of a job came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It took effect, or had done so already.
    Delivered {
        /// What the job's callers may read: ids of what was made.
        result: Value,
        /// The id of the note or task that is this job's effect.
        effect: Option<String>,
        /// Whether the last call was answered now; an adopted or replayed result may have needed no call.
        permit: Permit,
    },
    /// It can never succeed as it is.
    Rejected {
        /// Why.
        cause: Cause,
        /// What was said.
        fault: Fault,
        /// What became of the permit.
        permit: Permit,
    },
    /// The API wants fewer calls: nothing happened.
    Throttled {
        /// What its `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// The API did not serve it; repeating is harmless.
    Unavailable {
        /// What was said, if anything.
        fault: Fault,
        /// What its `Retry-After` said.
        retry_after: Option<Duration>,
        /// What became of the permit.
        permit: Permit,
    },
    /// The token may not do this: the tenant waits for new credentials.
    Unauthorized {
        /// What was said.
        fault: Fault,
        /// Which token was refused, so that a worker with another one goes on.
        token: String,
        /// What became of the permit.
        permit: Permit,
    },
    /// It would change something, and the tenant may only read: it waits until a person allows that, and neither an attempt nor a delivery is counted.
    ReadOnly {
        /// How long, if nobody does.
        wait: Duration,
        /// What became of the permit.
        permit: Permit,
    },
    /// The account has nothing left to pay for it with, and nothing happened: its tenant waits for a while.
    Depleted {
        /// What was said.
        fault: Fault,
        /// What became of the permit.
        permit: Permit,
    },
    /// It may have taken effect or not: it must be read back before it is sent again.
    Unknown {
        /// What was seen.
        fault: Fault,
        /// What became of the permit.
        permit: Permit,
    },
    /// Whether it took effect cannot be found out.
    Ambiguous {
        /// Why not.
        fault: Fault,
        /// What was found, for the person who decides.
        evidence: Value,
        /// What became of the permit.
        permit: Permit,
    },
    /// Nothing failed, but it is not time yet; neither an attempt nor a delivery is counted.
    Postponed {
        /// How long.
        wait: Duration,
        /// For people.
        why: &'static str,
        /// What became of the permit.
        permit: Permit,
    },
    /// It waits for what no job before it brings about: it leaves its place, and joins its contact's sequence again later, at its end.
    SteppedAside {
        /// How long.
        wait: Duration,
        /// What became of the permit.
        permit: Permit,
    },
    /// The delivery was cut off, since the worker ends or it had waited too long; neither an attempt nor a delivery is counted.
    CutOff {
        /// How long what it sent may still change something.
        wait: Duration,
        /// What became of the permit.
        permit: Permit,
    },
    /// It failed within the worker, with nothing sent that is unanswered: an attempt, even of a probe, but nothing is said of the API.
    Broken {
        /// What happened.
        fault: Fault,
    },
    /// The API failed as an earlier call was to be read back; neither an attempt nor a delivery is counted.
    Unread {
        /// When it is read again.
        wait: Duration,
        /// What became of the permit.
        permit: Permit,
    },
    /// It had ended before, and only its end had to wait.
    Concluded(Ending),
    /// It is back in its lane already: its next call found no permit.
    Returned,
}

impl Outcome {
    /// It was not begun: it goes back at once, and nothing is counted.
    pub fn untouched(why: &'static str) -> Self {
        Self::Postponed {
            wait: Duration::ZERO,
            why,
            permit: Permit::Unsent,
        }
    }
}
