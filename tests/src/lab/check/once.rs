//! Each effect is there once, or reported.

use super::super::history::{Fate, History, Promise};
use super::super::ledger::Nature;
use super::effects::{Made, shown};
use super::{Effects, Invariant, Violation, ends};

/// What the effects of a job come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Fine,
    /// It is there more than once.
    Doubled,
    /// It is there, and whoever retries the dead letter makes it twice.
    Unnoticed,
    /// It is there, but not as the job says.
    Misnamed,
}

pub(super) fn check(history: &History, effects: &Effects<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    for (at, promise, fate) in ends(history) {
        let creations = creations(effects, at);
        let sight = judge(&creations, fate);
        if sight != Sight::Fine && !is_reported(fate) {
            found.push(violated(promise, sight, &creations, fate));
        }
    }
    found
}

/// The jobs that made something more than once, whether that was reported or not.
pub fn doubled(history: &History, effects: &Effects<'_>) -> usize {
    let ends = ends(history);
    ends.filter(|(at, _, _)| creations(effects, *at).len() > 1)
        .count()
}

/// Only what a job creates is one too many if it is there twice. A contact is created by whichever of its jobs comes first.
fn creations<'a, 'b>(effects: &'b Effects<'a>, job: usize) -> Vec<&'b Made<'a>> {
    let made = effects.of_job(job);
    made.filter(|made| made.effect.nature != Nature::Write)
        .collect()
}

fn judge(creations: &[&Made<'_>], fate: Option<&Fate>) -> Sight {
    let Some(fate) = fate else {
        return Sight::Fine;
    };
    match creations {
        [_, _, ..] => Sight::Doubled,
        [one] if fate.death.as_ref().is_some_and(|death| !death.intent_open) => {
            match one.effect.nature {
                // A contact that is upserted again is still one.
                Nature::Contact => Sight::Fine,
                _ => Sight::Unnoticed,
            }
        }
        [one] if fate.effect.is_some() && fate.effect != one.effect.id => Sight::Misnamed,
        [] | [_] => Sight::Fine,
    }
}

/// A person is told, and with what to decide by.
fn is_reported(fate: Option<&Fate>) -> bool {
    let death = fate.and_then(|fate| fate.death.as_ref());
    death.is_some_and(|death| death.cause == "ambiguous" && death.evidence.is_some())
}

fn violated(
    promise: &Promise,
    sight: Sight,
    creations: &[&Made<'_>],
    fate: Option<&Fate>,
) -> Violation {
    let calls: Vec<_> = creations.iter().map(|made| shown(made.call)).collect();
    let (id, what) = (&promise.id, format!("{sight:?}").to_lowercase());
    Invariant::Once.violated(format!(
        "{id} is {what} by [{}]; it came to {fate:?}",
        calls.join(", ")
    ))
}
