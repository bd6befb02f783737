//! Every death follows from what was done to the run: nothing dies of anything else.

use std::collections::{HashMap, HashSet};

use penstock_shared::job::JobType;

use super::super::history::{Fate, History, Promise};
use super::super::ledger::{Call, System};
use super::{Effects, Invariant, Violation, ends};

/// What makes deaths right.
struct Reasons<'a> {
    history: &'a History,
    /// Whose calls of which operation were refused on purpose.
    refused: HashSet<(System, &'a str, &'a str)>,
    /// The contacts that a job has deleted, and which.
    deleted: HashMap<&'a str, usize>,
}

pub(super) fn check(history: &History, effects: &Effects<'_>) -> Vec<Violation> {
    let reasons = Reasons::of(history, effects);
    let mut found = Vec::new();
    for (at, promise, fate) in ends(history) {
        let cause = fate.and_then(cause);
        if let Some(cause) = cause.filter(|cause| !reasons.are_there(at, promise, cause)) {
            let evidence = format!(
                "{} is dead, {cause}, and nothing has led to that",
                promise.id
            );
            found.push(Invariant::DeadLetters.violated(evidence));
        }
    }
    found
}

fn cause(fate: &Fate) -> Option<&str> {
    // One without a cause is another's to judge.
    let cause = fate.death.as_ref().map(|death| death.cause.as_str());
    cause.filter(|cause| !cause.is_empty())
}

impl<'a> Reasons<'a> {
    fn of(history: &'a History, effects: &Effects<'_>) -> Self {
        let refused = history.calls.iter().filter(|call| is_refusal(call));
        let refused = refused.map(|call| (call.system, &*call.tenant, call.operation));
        let deletions = history.promises.iter().enumerate().filter(|(at, promise)| {
            promise.job_type == JobType::DeleteContact && effects.of_job(*at).next().is_some()
        });
        Self {
            history,
            refused: refused.collect(),
            deleted: deletions
                .map(|(at, promise)| (promise.contact.as_str(), at))
                .collect(),
        }
    }

    fn are_there(&self, at: usize, promise: &Promise, cause: &str) -> bool {
        match cause {
            // Nobody can tell: only of what may not be done twice.
            "ambiguous" => promise.once,
            "rejected" => promise.operations.iter().any(|operation| {
                let call = (promise.system, promise.tenant.as_str(), *operation);
                self.refused.contains(&call)
            }),
            "parent-dead" => promise.parent.as_ref().is_some_and(|id| self.was_dead(id)),
            // It came after the deletion, be it that it was retried.
            "contact-not-found" => {
                let deleted = self.deleted.get(promise.contact.as_str());
                deleted.is_some_and(|by| *by < at || self.history.retried.contains(&promise.id))
            }
            _ => false,
        }
    }

    fn was_dead(&self, id: &str) -> bool {
        let fate = self.history.fates.get(id);
        self.history.retried.contains(id) || fate.is_some_and(|fate| fate.death.is_some())
    }
}

fn is_refusal(call: &Call) -> bool {
    let fault = call.fault.as_deref();
    fault.is_some_and(|fault| fault.starts_with("422"))
}
