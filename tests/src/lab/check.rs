//! The judge: whether a run kept the nine invariants.
//!
//! It knows nothing of how Penstock works: only what was acknowledged, what the systems saw, and how it all stands at the end. Each invariant is a
//! function of its own from a [`History`] to what is wrong with it.

mod attempts;
mod deaths;
mod effects;
mod letters;
mod lost;
mod once;
mod order;
mod quota;
mod secrets;

use std::{fmt, time::Duration};

use super::history::{Fate, History, Promise};
pub use effects::Effects;
pub use once::doubled;
pub use quota::highest;

/// What must hold of every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// What was acknowledged is done, and took effect, or is dead.
    NoneLost,
    /// Each effect is there once, or reported.
    Once,
    /// No window has more calls than the quota.
    Quota,
    /// Effects of one contact come in the order in which its jobs were acknowledged.
    Order,
    /// Neither a 429 nor an open breaker burns an attempt.
    Attempts,
    /// Every dead letter has its cause and its payload, and the cause is one that the run has given.
    DeadLetters,
    /// After every fault it goes on.
    Recovery,
    /// Nothing is stuck, leaked or growing.
    NothingLeft,
    /// No output has a secret in it.
    Secrets,
}

/// An invariant that did not hold, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was seen.
    pub evidence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.evidence)
    }
}

impl Invariant {
    fn violated(self, evidence: impl Into<String>) -> Violation {
        Violation {
            invariant: self,
            evidence: evidence.into(),
        }
    }
}

/// All that is wrong with a run.
pub fn check(history: &History) -> Vec<Violation> {
    let effects = Effects::of(history);
    let mut found = effects.of_nobody();
    found.extend(lost::check(history, &effects));
    found.extend(once::check(history, &effects));
    found.extend(quota::check(history));
    found.extend(order::check(history, &effects));
    found.extend(attempts::check(history));
    found.extend(letters::check(history));
    found.extend(deaths::check(history, &effects));
    found.extend(recoveries(history));
    let left = history.leftovers.iter();
    found.extend(left.map(|what| Invariant::NothingLeft.violated(what)));
    found.extend(secrets::check(history));
    found
}

/// # Panics
/// When something is wrong with the run: the message is all of it.
pub fn assert_kept(history: &History) {
    let found: Vec<_> = check(history).iter().map(Violation::to_string).collect();
    assert!(found.is_empty(), "violated:\n{}", found.join("\n"));
}

/// From a fault's end to the next effect of a system that has work, though other faults go on: far more than it takes, and less than what
/// waits for a person.
const RECOVERED: Duration = Duration::from_secs(60);

fn recoveries(history: &History) -> impl Iterator<Item = Violation> {
    history.recoveries.iter().filter_map(|one| {
        let evidence = match one.took {
            None => format!("not at work again after {}", one.fault),
            Some(took) if took > RECOVERED => {
                format!("at work again only {took:.0?} after {}", one.fault)
            }
            Some(_) => return None,
        };
        Some(Invariant::Recovery.violated(evidence))
    })
}

/// The promises with their ends, of which there may be none.
fn ends(history: &History) -> impl Iterator<Item = (usize, &Promise, Option<&Fate>)> {
    let promises = history.promises.iter().enumerate();
    promises.map(|(at, promise)| (at, promise, history.fates.get(&promise.id)))
}

#[cfg(test)]
mod tests;
