//! Flows: what happens when, without code. A file says which events become which jobs; [`Flows::load`] refuses it with every fault and its line,
//! and [`Flows::plan`] is one function from an event to the jobs that follow from it.

mod applied;
mod cadence;
mod engine;
mod fault;
mod file;
mod filter;
mod phone;
mod plan;
mod rehearsal;
mod schema;
mod sync;
mod template;
#[cfg(test)]
mod tests;
pub mod trigger;
mod variable;
mod written;

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use self::{engine::Engine, template::Template};
pub use self::{
    engine::TemplateError,
    fault::Fault,
    plan::{Broken, Known, Plan, Planned},
    rehearsal::sample,
    sync::{News, Word},
    template::Failure,
};
use crate::{
    event::{Event, Kind},
    job::{JobType, MaxAttempts, Priority, Tenant},
};

/// The most bytes of a file of flows.
pub const MOST_BYTES: usize = 1 << 20;

/// All flows of a file.
#[derive(Debug, Clone)]
pub struct Flows {
    all: Vec<Flow>,
    /// What the file says once for all of them.
    vars: Value,
    engine: Engine,
}

/// What follows from one kind of event.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Its name, unique in its file.
    pub name: String,
    /// The kind of event that it begins with.
    pub on: Kind,
    /// Other kinds that it begins with too.
    or_on: Vec<Kind>,
    /// Whose events; of a flow without any, everybody's.
    pub tenants: BTreeSet<Tenant>,
    /// How often, if it begins with its own cadence.
    pub every: Option<Duration>,
    /// All of these must hold.
    when: Vec<String>,
    /// Those of them that do not look at the contact: where one does not hold, it is not read.
    when_before: Vec<String>,
    actions: Vec<Action>,
    /// Whether it looks at the contact as GHL has it, which an event may not tell.
    reads_contact: bool,
    /// Where the record's id stands, in the sender's system.
    record: Option<String>,
    /// What it keeps the same in several systems, if it does.
    sync: Option<Sync>,
}

/// What a flow keeps the same in several systems: it is followed only by what is new of that.
#[derive(Debug, Clone, PartialEq)]
struct Sync {
    /// The systems that it tells.
    to: BTreeSet<String>,
    /// The fields, by the names that all flows of one record share.
    fields: Template,
    /// Whether these systems have them by its jobs; or it only hears of what they lack, and others write that.
    writes: bool,
}

/// One job, or one for each item of a list.
#[derive(Debug, Clone, PartialEq)]
struct Action {
    /// Where it stands in the file.
    line: usize,
    name: Option<String>,
    job_type: JobType,
    when: Vec<String>,
    for_each: Option<String>,
    priority: Priority,
    run_at: Option<Template>,
    max_attempts: Option<MaxAttempts>,
    payload: Template,
}

impl Flows {
    /// None.
    pub fn none() -> Self {
        Self {
            all: Vec::new(),
            vars: Value::Object(serde_json::Map::new()),
            engine: Engine::new(),
        }
    }

    /// Reads a file, or says everything that is wrong with it, in its order.
    pub fn load(text: &str) -> Result<Self, Vec<Fault>> {
        file::read(text)
    }

    /// Each of them, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Flow> {
        self.all.iter()
    }

    /// The flow of that name.
    pub fn named(&self, name: &str) -> Option<&Flow> {
        self.iter().find(|flow| flow.name == name)
    }
}

impl Flow {
    /// Whether it begins with this event.
    pub fn begins_with(&self, event: &Event) -> bool {
        let is_for = self.tenants.is_empty() || self.tenants.contains(&event.tenant);
        let begins = self.on == event.kind || self.or_on.contains(&event.kind);
        is_for && begins && self.keeps_time_of(event)
    }

    /// Whether some events begin both.
    fn meets(&self, other: &Self) -> bool {
        let is_anybodys = self.tenants.is_empty() || other.tenants.is_empty();
        let kinds = |flow: &Self| [std::slice::from_ref(&flow.on), &flow.or_on].concat();
        let theirs = kinds(other);
        (is_anybodys || !self.tenants.is_disjoint(&other.tenants))
            && kinds(self).iter().any(|kind| theirs.contains(kind))
    }
}
