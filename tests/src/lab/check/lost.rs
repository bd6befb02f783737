//! What was acknowledged is done, and took effect, or is dead.

use penstock_shared::job::state::State;

use super::super::history::History;
use super::super::trace::Trace;
use super::{Effects, Invariant, Violation, ends};

pub(super) fn check(history: &History, effects: &Effects<'_>) -> Vec<Violation> {
    let mut lost = Vec::new();
    for (at, promise, fate) in ends(history) {
        let id = &promise.id;
        let violated = |what: String| Invariant::NoneLost.violated(format!("{id} {what}"));
        match fate {
            None => lost.push(violated("was acknowledged and is gone".into())),
            Some(fate) if fate.state == State::Done => {
                if promise.trace != Trace::Nothing && effects.of_job(at).next().is_none() {
                    lost.push(violated("is done, but nobody has anything of it".into()));
                }
            }
            Some(fate) if fate.state == State::Dead => {}
            Some(fate) => lost.push(violated(format!("never ended: it is {}", fate.state))),
        }
    }
    lost
}
