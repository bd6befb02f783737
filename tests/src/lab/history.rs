//! What is known of a run when it is over: what the checker judges by.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use penstock_shared::{
    job::{ContactRef, JobType, state::State},
    queue::record::NewJob,
};
use serde_json::Value;

use super::ledger::{Call, System};
use super::trace::{self, Trace};

/// A job that was acknowledged to its producer.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Its id, which no other job has.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// What it does.
    pub job_type: JobType,
    /// Where its calls go.
    pub system: System,
    /// The contact that it is about: its id there, or else an e-mail address.
    pub contact: String,
    /// By what its effect is known again …
    pub trace: Trace,
    /// … among what these operations do.
    pub operations: &'static [&'static str],
    /// Whether it may not be done twice.
    pub once: bool,
    /// The job that it refers to, if it refers to one.
    pub parent: Option<String>,
}

impl Promise {
    /// What is expected of this job, which is about that contact.
    pub fn of(new: &NewJob, contact: &str, trace: Trace) -> Self {
        let payload = &new.job.payload;
        let parent = payload.contact_refs().into_iter().find_map(|contact| {
            let ContactRef::Job(parent) = contact else {
                return None;
            };
            Some(parent.job.as_str().to_owned())
        });
        Self {
            id: new.id.as_str().to_owned(),
            tenant: new.job.tenant.as_str().to_owned(),
            job_type: payload.job_type(),
            system: trace::system(payload),
            contact: contact.to_owned(),
            trace,
            operations: trace::operations(payload),
            once: !payload.is_idempotent(),
            parent,
        }
    }
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

/// The most calls of one tenant in any window of that length, in each of the systems.
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
    /// What the systems saw, each in order.
    pub calls: Vec<Call>,
    /// What became of the jobs, by id.
    pub fates: HashMap<String, Fate>,
    /// The jobs that may have been retried after their death: they come after all others of their contact, by right.
    pub retried: HashSet<String>,
    /// Whether calls may have failed on their way, without anybody seeing any of them.
    pub links_cut: bool,
    /// What each of the systems allows.
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
