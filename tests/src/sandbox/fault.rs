//! What can go wrong with a call, on purpose.
//!
//! A fault is written `KIND[=VALUE][:KEY=VALUE]…`; a `:` or `\` inside a value is written `\:` or `\\`.
//!
//! | kind | what happens | effect |
//! |---|---|---|
//! | `400` … `599` | an error of that status; `retry-after=`, `message=` | none |
//! | `code=-8` | an answer whose body has that status (of stand-ins whose bodies have one) | none |
//! | `duplicate=ID` | the refusal of a contact that exists already, as the one with this id | none |
//! | `html` | an HTML page; `status=` (502) | none |
//! | `cut-before` | the connection is closed without an answer | none |
//! | `cut-after` | the connection is closed without an answer | yes |
//! | `cut-body` | the connection is closed in the middle of the answer | yes |
//! | `hang` | no answer, ever | none |
//! | `hang-after` | no answer, ever | yes |
//! | `late=5s` | the connection is closed at once | that much later |
//! | `garbage` | the answer's JSON ends in its middle | yes |
//! | `slow-body` | the answer's body comes at one byte a second | yes |
//! | `huge-body` | an endless string as the body; `size=` bytes (1 GiB) | yes |
//! | `delay=3s` | the effect comes that much later, and the answer after it | yes |
//! | `list-lag=2s` | lists of notes and tasks do not show what is younger | yes |
//! | `search-lag=60s` | searches and lists of contacts do not show what is younger | yes |
//!
//! `effect=yes` makes a status, a code or an HTML page appear *after* the effect. Which calls it meets: `op=` (an operationId of the
//! official document, or `*`), `tenant=`, `contact=` (the id in the path, or the email or phone in the body), `after=N` (spares
//! the first N calls that match), `p=` (a chance from 0 to 1), `count=N` (ends after N times).
//!
//! Delays and lags join with others; of all other kinds the first that strikes is the only one. Calls over the quota meet none.

mod plan;
mod text;

pub(crate) use plan::{Faults, Plan, Subject};
pub(crate) use text::Dialect;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One fault, with the calls that it meets; see the module's page for how it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// Only calls of this operationId.
    pub op: Option<String>,
    /// Only calls of this tenant.
    pub tenant: Option<String>,
    /// Only calls about this contact: its id, email or phone.
    pub contact: Option<String>,
    /// How many matching calls are spared first.
    pub after: u64,
    /// The chance with which a matching call is struck.
    pub chance: f64,
    /// How often it strikes at most.
    pub count: Option<u64>,
}

impl Fault {
    /// A fault that meets every call.
    pub const fn always(kind: FaultKind) -> Self {
        Self {
            kind,
            op: None,
            tenant: None,
            contact: None,
            after: 0,
            chance: 1.0,
            count: None,
        }
    }
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// An error answer.
    Status {
        /// 400 to 599.
        status: u16,
        /// The `Retry-After` header, seconds or a date or nonsense.
        retry_after: Option<String>,
        /// The body's `message`.
        message: Option<String>,
        /// Whether the effect happens all the same.
        effect: bool,
    },
    /// An answer with this status in its body.
    Code {
        /// As the body tells it.
        code: i64,
        /// Whether the effect happens all the same.
        effect: bool,
    },
    /// A page as a gateway gives.
    Html {
        /// 200 to 599.
        status: u16,
        /// Whether the effect happens all the same.
        effect: bool,
    },
    /// The refusal of a contact that exists already: 400, and its id.
    Duplicate(String),
    /// The connection is closed without effect or answer.
    CutBefore,
    /// The connection is closed after the effect, without an answer.
    CutAfter,
    /// The connection is closed after half of the answer's body.
    CutBody,
    /// No effect, and never an answer.
    Hang,
    /// The effect, and never an answer.
    HangAfter,
    /// The connection is closed at once; the effect comes this much later.
    Late(Duration),
    /// The answer's body is half of its JSON.
    Garbage,
    /// The answer's body comes at one byte a second.
    SlowBody,
    /// The answer's body is this many bytes long.
    HugeBody(u64),
    /// The effect and the answer come this much later.
    Delay(Duration),
    /// Lists of notes and tasks do not show what is younger.
    ListLag(Duration),
    /// Searches and lists of contacts do not show what is younger.
    SearchLag(Duration),
}

impl FaultKind {
    /// Whether the call takes effect before its answer is withheld, spoilt or given.
    pub(super) const fn takes_effect(&self) -> bool {
        match self {
            Self::Status { effect, .. } | Self::Code { effect, .. } | Self::Html { effect, .. } => {
                *effect
            }
            Self::Duplicate(_) | Self::CutBefore | Self::Hang | Self::Late(_) => false,
            Self::CutAfter
            | Self::CutBody
            | Self::HangAfter
            | Self::Garbage
            | Self::SlowBody
            | Self::HugeBody(_)
            | Self::Delay(_)
            | Self::ListLag(_)
            | Self::SearchLag(_) => true,
        }
    }
}
