//! Effects of one contact come in the order in which its jobs were acknowledged.

use std::collections::HashMap;

use super::super::history::History;
use super::effects::shown;
use super::{Effects, Invariant, Violation};

/// An effect of a job that comes after one of a later job of its contact, be it a repetition, is out of order: it may undo that.
pub(super) fn check(history: &History, effects: &Effects<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    // By contact: the last job that took effect, and its call.
    let mut latest: HashMap<&str, (usize, &crate::sandbox::Call)> = HashMap::new();
    for made in &effects.all {
        for (contact, jobs) in &made.of {
            let (Some(first), Some(last)) = (jobs.first(), jobs.last()) else {
                continue;
            };
            if let Some((before, call)) = latest.get(contact.as_str())
                && before > first
            {
                let id = |job: usize| &history.promises[job].id;
                found.push(Invariant::Order.violated(format!(
                    "{} took effect after {}, which was acknowledged later: {} after {}",
                    id(*first),
                    id(*before),
                    shown(made.call),
                    shown(call)
                )));
            }
            let newest = latest.entry(contact).or_insert((*last, made.call));
            if newest.0 < *last {
                *newest = (*last, made.call);
            }
        }
    }
    found
}
