//! Effects that are known again by other things than a word, and in other systems.

use penstock_shared::job::JobType;
use serde_json::json;

use super::super::super::history::History;
use super::super::Invariant;
use super::{done, judged, note};
use crate::lab::ledger::{Call, Nature, System};
use crate::lab::trace::Trace;
use crate::lab::workload::{ELSEWHERE, Wanted, Writing, noted, texted, wanted};

/// Another job, done by this call.
fn and(history: &mut History, job: &Wanted, calls: impl IntoIterator<Item = Call>) {
    history.promises.extend(job.promises());
    for promise in job.promises() {
        let mut fate = done(0);
        fate.effect = None;
        history.fates.insert(promise.id, fate);
    }
    history.calls.extend(calls);
}

/// The deletion of the note that the last job has made.
fn deletion() -> Wanted {
    let by = json!({ "job": "job-2" });
    let payload = json!({ "contact": by, "note": by });
    let word = String::new();
    let job = wanted("drop", "acme", JobType::DeleteNote, "c1", word, &payload);
    job.traced(Trace::Part("job-2".into()))
}

/// It shows what is deleted, and so the word of the job that wrote it.
fn deleted(seq: u64, id: &str) -> Call {
    let mut call = note(seq, 2, 9000);
    call.operation = "delete-note";
    let effect = call.effect.as_mut().unwrap();
    (effect.nature, effect.id) = (Nature::Write, Some(id.into()));
    call
}

#[test]
fn what_is_done_to_a_part_is_its_own_jobs_work_and_not_its_makers() {
    let right = judged(|history| and(history, &deletion(), [deleted(9, "note-2")]));
    assert_eq!(right, []);
    let of_another = judged(|history| and(history, &deletion(), [deleted(9, "note-1")]));
    assert_eq!(of_another, [Invariant::Once, Invariant::NoneLost]);
    let none = judged(|history| and(history, &deletion(), []));
    assert_eq!(none, [Invariant::NoneLost]);
}

/// A call to another system that has made this there.
fn made(system: System, operation: &'static str, seq: u64, contact: &str) -> Call {
    let mut call = note(seq, 7, 9000 * seq);
    (call.system, call.operation, call.tenant) = (system, operation, ELSEWHERE.into());
    call.effect.as_mut().unwrap().contacts = vec![contact.into()];
    call
}

#[test]
fn a_message_that_is_sent_twice_is_noticed_and_so_is_one_that_is_not() {
    let text = || texted("sms", ELSEWHERE, "+33611111111", "lab-7".into());
    let sent = |seq| made(System::SmsFactor, "send", seq, "33611111111");
    assert_eq!(judged(|history| and(history, &text(), [sent(1)])), []);
    let twice = judged(|history| and(history, &text(), [sent(1), sent(2)]));
    assert_eq!(twice, [Invariant::Once]);
    let never = judged(|history| and(history, &text(), []));
    assert_eq!(never, [Invariant::NoneLost]);
}

#[test]
fn what_may_be_repeated_elsewhere_may_be_and_what_may_not_is_noticed() {
    let twice = |what, operation, nature| {
        judged(|history| {
            let job = noted("http", ELSEWHERE, "p1", "lab-7".into(), what);
            let calls = [1, 2].map(|seq| {
                let mut call = made(System::Crm, operation, seq, "p1");
                call.effect.as_mut().unwrap().nature = nature;
                call
            });
            and(history, &job, calls);
        })
    };
    let field = twice(Writing::Field, "crm-update-profile", Nature::Write);
    assert_eq!(field, []);
    let note = twice(Writing::Note, "crm-create-note", Nature::Creation);
    assert_eq!(note, [Invariant::Once]);
}

#[test]
fn each_system_has_a_quota_of_its_own() {
    let calls = |systems: [System; 3]| {
        judged(|history| {
            for (seq, system) in (1..).zip(systems) {
                let mut call = made(system, "get-list", seq, "nobody");
                (call.at, call.effect) = (
                    history.calls[2].at.plus(super::Duration::from_secs(9)),
                    None,
                );
                history.calls.push(call);
            }
        })
    };
    let (sms, crm) = (System::SmsFactor, System::Crm);
    assert_eq!(calls([sms, crm, crm]), []);
    assert_eq!(calls([sms, sms, sms]), [Invariant::Quota]);
}

#[test]
fn each_contact_of_a_job_for_several_gets_it() {
    let contacts = json!([{ "id": "a" }, { "id": "b" }]);
    let payload = json!({ "contacts": contacts, "tags": ["lab-7"], "operation": "add" });
    let word = "lab-7".to_owned();
    let bulk = || {
        wanted(
            "bulk",
            "acme",
            JobType::BulkTags,
            "a",
            word.clone(),
            &payload,
        )
    };
    let to = |contacts: &[&str]| {
        let mut call = note(9, 7, 9000);
        call.operation = "create-association";
        let effect = call.effect.as_mut().unwrap();
        effect.nature = Nature::Write;
        effect.contacts = contacts.iter().map(ToString::to_string).collect();
        call
    };
    assert_eq!(
        judged(|history| and(history, &bulk(), [to(&["a", "b"])])),
        []
    );
    assert_eq!(
        judged(|history| and(history, &bulk(), [to(&["a"])])),
        [Invariant::NoneLost]
    );
}
