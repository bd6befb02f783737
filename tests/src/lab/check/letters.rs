//! Every dead letter has its cause and its payload.

use penstock_shared::job::state::State;

use super::super::history::{Fate, History};
use super::{Invariant, Violation, ends};

pub(super) fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    for (_, promise, fate) in ends(history) {
        let dead = fate.filter(|fate| fate.state == State::Dead);
        if let Some(wrong) = dead.and_then(wrong) {
            let evidence = format!("{} is dead {wrong}", promise.id);
            found.push(Invariant::DeadLetters.violated(evidence));
        }
    }
    found
}

fn wrong(fate: &Fate) -> Option<&'static str> {
    let Some(death) = &fate.death else {
        return Some("without a dead letter");
    };
    if death.cause.is_empty() {
        Some("without a cause")
    } else if !death.has_payload {
        Some("without its payload")
    } else if death.cause == "ambiguous" && death.evidence.is_none() {
        Some("as ambiguous without evidence")
    } else {
        None
    }
}
