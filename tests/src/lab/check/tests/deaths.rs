//! Deaths that follow from what was done, and such as do not.

use penstock_shared::job::JobType;
use serde_json::json;

use super::super::super::history::History;
use super::super::Invariant;
use super::{dead, fate, judged, note, refused};
use crate::lab::ledger::Nature;
use crate::lab::trace::Trace;
use crate::lab::workload::wanted;

/// The last job of the sound history has no effect, and is dead of this.
fn died(cause: &'static str, why: impl FnOnce(&mut History)) -> Vec<Invariant> {
    judged(|history| {
        history.calls.pop();
        *fate(history, "job-2") = dead(cause);
        fate(history, "job-2").death.as_mut().unwrap().evidence = Some(json!({}));
        why(history);
    })
}

#[test]
fn a_refusal_is_one_that_was_planned() {
    assert_eq!(died("rejected", |_| ()), [Invariant::DeadLetters]);
    assert_eq!(died("rejected", refused), []);
    let of_another = died("rejected", |history| {
        refused(history);
        history.calls.last_mut().unwrap().operation = "create-task";
    });
    assert_eq!(of_another, [Invariant::DeadLetters]);
}

#[test]
fn only_what_may_not_be_done_twice_is_in_doubt() {
    assert_eq!(died("ambiguous", |_| ()), []);
    let tags = died("ambiguous", |history| {
        let payload = json!({ "contact": { "id": "c1" }, "tags": ["lab-2"] });
        let word = "lab-2".to_owned();
        history.promises[2] =
            wanted("job-2", "acme", JobType::AddTags, "c1", word, &payload).promise;
    });
    assert_eq!(tags, [Invariant::DeadLetters]);
}

#[test]
fn a_job_dies_with_the_one_that_it_refers_to() {
    let refers = |history: &mut History| history.promises[2].parent = Some("job-1".into());
    assert_eq!(died("parent-dead", refers), [Invariant::DeadLetters]);
    let retried = died("parent-dead", |history| {
        refers(history);
        history.retried.insert("job-1".into());
    });
    assert_eq!(retried, []);
    let dead_too = died("parent-dead", |history| {
        refers(history);
        refused(history);
        history.calls.remove(1);
        *fate(history, "job-1") = dead("rejected");
    });
    assert_eq!(dead_too, []);
}

/// The job with this number deletes the contact, and has done so.
fn deletes(history: &mut History, number: usize) {
    let id = format!("job-{number}");
    let payload = json!({ "contact": { "id": "c1" } });
    let word = String::new();
    let job = wanted(&id, "acme", JobType::DeleteContact, "c1", word, &payload);
    history.promises[number] = job.traced(Trace::Alone).promise;
    fate(history, &id).effect = None;
    let call = &mut history.calls[number];
    call.operation = "delete-contact";
    let effect = call.effect.as_mut().unwrap();
    (effect.nature, effect.content) = (Nature::Write, "{}".into());
}

#[test]
fn nobody_is_found_once_the_contact_was_deleted() {
    assert_eq!(died("contact-not-found", |_| ()), [Invariant::DeadLetters]);
    assert_eq!(died("contact-not-found", |history| deletes(history, 1)), []);
    // It was deleted by a later job: this one had its turn before.
    let before = judged(|history| {
        history.calls.remove(1);
        history.calls[1] = note(1, 2, 1000);
        history.calls.insert(1, note(9, 1, 9000));
        deletes(history, 2);
        history.calls.remove(1);
        *fate(history, "job-1") = dead("contact-not-found");
    });
    assert_eq!(before, [Invariant::DeadLetters]);
}

#[test]
fn nothing_dies_of_anything_else() {
    for cause in ["exhausted", "poison", "undecodable"] {
        assert_eq!(died(cause, |_| ()), [Invariant::DeadLetters], "{cause}");
    }
}
