//! No window has more calls than the quota, measured where they arrive.

use std::collections::HashMap;

use super::super::history::{Allowance, History};
use super::super::ledger::{Call, System};
use super::{Invariant, Violation};
use crate::sandbox::Moment;

pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for ((system, tenant), calls) in by_account(&history.calls) {
        let (highest, at) = fullest(&calls, history.allowance);
        let Allowance { calls, window } = history.allowance;
        if highest > calls {
            found.push(Invariant::Quota.violated(format!(
                "{tenant} had {highest} calls of {system:?} in {window:?} from {}; {calls} are allowed",
                at.rfc3339()
            )));
        }
    }
    found.extend(refused(history));
    found
}

/// A refusal that was not planned is one that we caused.
fn refused(history: &History) -> impl Iterator<Item = Violation> {
    let own = |call: &&Call| call.status == Some(429) && call.fault.is_none();
    let own = history.calls.iter().filter(own);
    own.map(|call| {
        Invariant::Quota.violated(format!(
            "call {} of {} to {:?} at {} was refused with 429",
            call.seq,
            call.tenant,
            call.system,
            call.at.rfc3339()
        ))
    })
}

/// The most calls that one tenant had in one window of one system.
pub fn highest(history: &History) -> usize {
    let accounts = by_account(&history.calls).into_values();
    let highest = accounts.map(|calls| fullest(&calls, history.allowance).0);
    highest.max().unwrap_or(0)
}

fn by_account(calls: &[Call]) -> HashMap<(System, &str), Vec<Moment>> {
    let mut accounts: HashMap<(System, &str), Vec<Moment>> = HashMap::new();
    for call in calls {
        let account = (call.system, &*call.tenant);
        accounts.entry(account).or_default().push(call.at);
    }
    for calls in accounts.values_mut() {
        calls.sort_unstable();
    }
    accounts
}

/// The fullest window, and where it begins: one that begins with a call, since every other one has a fuller one of those.
fn fullest(calls: &[Moment], allowance: Allowance) -> (usize, Moment) {
    let mut last = 0;
    let windows = calls.iter().enumerate().map(|(first, begin)| {
        let end = begin.plus(allowance.window);
        while calls.get(last).is_some_and(|at| *at < end) {
            last += 1;
        }
        (last - first, *begin)
    });
    let fullest = windows.max_by_key(|(count, _)| *count);
    fullest.unwrap_or((0, Moment::from_micros(0)))
}
