//! No window has more calls than the quota, measured at the API.

use std::collections::HashMap;

use crate::sandbox::{Call, Moment};

use super::super::history::{Allowance, History};
use super::{Invariant, Violation};

pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for (tenant, calls) in by_tenant(&history.calls) {
        let (highest, at) = fullest(&calls, history.allowance);
        let Allowance { calls, window } = history.allowance;
        if highest > calls {
            found.push(Invariant::Quota.violated(format!(
                "{tenant} had {highest} calls in {window:?} from {}; {calls} are allowed",
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
            "call {} of {} at {} was refused with 429",
            call.seq,
            call.tenant,
            call.at.rfc3339()
        ))
    })
}

/// The most calls that one tenant had in one window.
pub fn highest(history: &History) -> usize {
    let tenants = by_tenant(&history.calls).into_values();
    let highest = tenants.map(|calls| fullest(&calls, history.allowance).0);
    highest.max().unwrap_or(0)
}

fn by_tenant(calls: &[Call]) -> HashMap<&str, Vec<Moment>> {
    let mut tenants: HashMap<&str, Vec<Moment>> = HashMap::new();
    for call in calls {
        tenants.entry(&call.tenant).or_default().push(call.at);
    }
    for calls in tenants.values_mut() {
        calls.sort_unstable();
    }
    tenants
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
