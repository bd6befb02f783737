//! Neither a 429 nor an open breaker burns an attempt.

use std::collections::HashMap;

use serde_json::Value;

use super::super::history::{Fate, History, Promise};
use super::super::ledger::{Call, System};
use super::{Invariant, Violation, ends};

/// A system, and the tenant who has an account there.
type Account<'a> = (System, &'a str);

/// How many failures Redis keeps of a job.
const KEPT: usize = 50;

/// What is kept of failures never has a 429; and a tenant's jobs have no more attempts behind them than their system failed to serve its calls, as a
/// breaker's would that burnt them while it was open. (Where links were cut, nobody has counted those failures.)
pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut attempts: HashMap<Account<'_>, usize> = HashMap::new();
    for (_, promise, fate) in ends(history) {
        let Some(fate) = fate else { continue };
        let account = (promise.system, promise.tenant.as_str());
        *attempts.entry(account).or_default() += fate.attempts as usize;
        found.extend(kept(promise, fate).map(|what| Invariant::Attempts.violated(what)));
    }
    if !history.links_cut {
        found.extend(beyond(&attempts, &failures(&history.calls)));
    }
    found
}

/// What is wrong with the failures that are kept of a dead job.
fn kept(promise: &Promise, fate: &Fate) -> Option<String> {
    let (id, lines) = (&promise.id, fate.history.len());
    if fate.history.iter().any(is_throttling) {
        return Some(format!("a 429 is among the failures of {id}"));
    }
    let untold = fate.death.is_some() && lines < KEPT && fate.attempts as usize > lines;
    untold.then(|| {
        format!(
            "{id} has {} attempts behind it, but {lines} failures",
            fate.attempts
        )
    })
}

fn is_throttling(line: &Value) -> bool {
    line["httpStatus"] == 429
}

/// By account, the calls that got no answer of any use. Half an answer counts.
fn failures(calls: &[Call]) -> HashMap<Account<'_>, usize> {
    let mut failures: HashMap<Account<'_>, usize> = HashMap::new();
    for call in calls {
        let failed = call.status.is_none_or(|status| status >= 500) || is_spoilt(call);
        let account = (call.system, &*call.tenant);
        *failures.entry(account).or_default() += usize::from(failed);
    }
    failures
}

/// Its answer may be of no use, whatever its status.
fn is_spoilt(call: &Call) -> bool {
    let harmless = ["429", "delay", "list-lag", "search-lag"];
    let fault = call.fault.as_deref();
    fault.is_some_and(|fault| !harmless.iter().any(|kind| fault.starts_with(kind)))
}

fn beyond(
    attempts: &HashMap<Account<'_>, usize>,
    failures: &HashMap<Account<'_>, usize>,
) -> impl Iterator<Item = Violation> {
    attempts.iter().filter_map(|(account, attempts)| {
        let failed = failures.get(account).copied().unwrap_or(0);
        let (system, tenant) = account;
        (*attempts > failed).then(|| {
            let what = format!(
                "the jobs of {tenant} for {system:?} used {attempts} attempts, and {failed} calls failed"
            );
            Invariant::Attempts.violated(what)
        })
    })
}
