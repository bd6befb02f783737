//! What is known of a run when it is over: what the checker judges by.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use penstock_shared::job::{JobType, state::State};
use serde_json::Value;

use crate::sandbox::Call;

/// A job that was acknowledged to its producer.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Its id, which no other job has.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// What it does.
    pub job_type: JobType,
    /// The contact that it is about: the API's id, or else an e-mail address.
    pub contact: String,
    /// What stands in whatever it writes, and in nothing that another job writes to this contact.
    pub word: String,
}

/// How a job stands at the end.
#[derive(Debug, Clone)]
pub struct Fate {
    /// Where.
    pub state: State,
    /// Failed attempts.
    pub attempts: u32,
    /// The note or task that it says it made.
    pub effect: Option<String>,
    /// Its failed attempts, as kept for people.
    pub history: Vec<Value>,
    /// If it is dead.
    pub death: Option<Death>,
}

/// A dead letter.
#[derive(Debug, Clone, Default)]
pub struct Death {
    /// Why.
    pub cause: String,
    /// Whether what it was to do is still there.
    pub has_payload: bool,
    /// What a person needs to decide, of an ambiguous one.
    pub evidence: Option<Value>,
    /// Whether its journal says that a call of it may have taken effect: a retry looks for that first.
    pub intent_open: bool,
}

/// The most calls of one tenant in any window of that length.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// So many.
    pub calls: usize,
    /// Within this.
    pub window: Duration,
}

/// A fault, and what came after it.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// What had happened.
    pub fault: String,
    /// How long after its end the system was at work again; none if it never was.
    pub took: Option<Duration>,
}

/// Everything that a program has written.
#[derive(Debug, Clone)]
pub struct Output {
    /// Which program.
    pub of: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// A run, when it is over.
#[derive(Debug, Clone)]
pub struct History {
    /// What was acknowledged, per contact in the order of acknowledgement.
    pub promises: Vec<Promise>,
    /// What the API saw, in order.
    pub calls: Vec<Call>,
    /// What became of the jobs, by id.
    pub fates: HashMap<String, Fate>,
    /// The jobs that may have been retried after their death: they come after all others of their contact, by right.
    pub retried: HashSet<String>,
    /// Whether calls may have failed on their way, without the API seeing any of them.
    pub links_cut: bool,
    /// What the API allows.
    pub allowance: Allowance,
    /// How faults ended.
    pub recoveries: Vec<Recovery>,
    /// What is left in Redis that should not be, in words.
    pub leftovers: Vec<String>,
    /// What the programs wrote.
    pub outputs: Vec<Output>,
    /// What none of them may write.
    pub secrets: Vec<String>,
}
