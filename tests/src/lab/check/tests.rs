//! Histories that are wrong in one way each, which the judge must see, and nothing else in them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use penstock_shared::job::{JobType, state::State};
use serde_json::json;

use super::super::history::{Allowance, Death, Fate, History, Output, Promise, Recovery};
use super::super::ledger::{Call, Effect, Nature, System};
use super::super::workload::wanted;
use super::{Invariant, check};
use crate::sandbox::Moment;

mod deaths;
mod traces;

const NOTES: usize = 3;

/// One contact, so many notes, one after the other, a second apart.
fn sound() -> History {
    let promises: Vec<_> = (0..NOTES).map(promise).collect();
    let calls = (0..NOTES)
        .map(|n| note(n as u64, n, n as u64 * 1000))
        .collect();
    let fates = promises.iter().enumerate();
    let fates = fates.map(|(n, promise)| (promise.id.clone(), done(n as u64)));
    History {
        fates: fates.collect(),
        promises,
        calls,
        retried: HashSet::new(),
        links_cut: false,
        allowance: Allowance {
            calls: 2,
            window: Duration::from_secs(2),
        },
        recoveries: Vec::new(),
        leftovers: Vec::new(),
        outputs: Vec::new(),
        secrets: vec!["pit-secret".into()],
    }
}

fn promise(number: usize) -> Promise {
    let (id, word) = (format!("job-{number}"), format!("lab-{number}"));
    let payload = json!({ "contact": { "id": "c1" }, "body": word });
    wanted(&id, "acme", JobType::AttachNote, "c1", word, &payload).promise
}

/// A call that made a note of this job's.
fn note(seq: u64, job: usize, at_ms: u64) -> Call {
    let at = Moment::from_micros(at_ms * 1000);
    Call {
        system: System::Ghl,
        seq,
        at,
        tenant: "acme".into(),
        operation: "create-note",
        path: "/contacts/c1/notes".into(),
        status: Some(201),
        fault: None,
        effect: Some(Effect {
            order: seq,
            at,
            nature: Nature::Creation,
            id: Some(format!("note-{seq}")),
            contacts: vec!["c1".into()],
            content: format!(r#"{{"body":"lab-{job} and more"}}"#).into(),
        }),
        done_at: Some(at),
    }
}

fn done(seq: u64) -> Fate {
    Fate {
        state: State::Done,
        attempts: 0,
        effect: Some(format!("note-{seq}")),
        history: Vec::new(),
        death: None,
    }
}

fn dead(cause: &str) -> Fate {
    Fate {
        state: State::Dead,
        effect: None,
        death: Some(Death {
            cause: cause.into(),
            has_payload: true,
            ..Death::default()
        }),
        ..done(0)
    }
}

/// A note that is refused on purpose.
fn refused(history: &mut History) {
    let mut call = note(50, 2, 50_000);
    (call.status, call.effect) = (Some(422), None);
    call.fault = Some("422:op=create-note:count=1".into());
    history.calls.push(call);
}

/// What the judge says of a sound history to which this was done, each once.
fn judged(spoil: impl FnOnce(&mut History)) -> Vec<Invariant> {
    let mut history = sound();
    spoil(&mut history);
    let found = check(&history).into_iter();
    let mut found: Vec<_> = found.map(|violation| violation.invariant).collect();
    found.dedup();
    found
}

fn fate<'a>(history: &'a mut History, id: &str) -> &'a mut Fate {
    history.fates.get_mut(id).unwrap()
}

#[test]
fn a_sound_history_is_sound() {
    assert_eq!(judged(|_| ()), []);
}

#[test]
fn a_job_that_is_gone_or_never_ended_is_lost() {
    let gone = judged(|history| {
        history.fates.remove("job-1");
    });
    let stuck = judged(|history| fate(history, "job-1").state = State::Ready);
    let hollow = judged(|history| history.calls[1].effect = None);
    assert_eq!(
        [gone, stuck, hollow],
        [
            [Invariant::NoneLost],
            [Invariant::NoneLost],
            [Invariant::NoneLost]
        ]
    );
}

#[test]
fn a_second_effect_is_one_too_many_unless_it_is_reported() {
    let twice = |history: &mut History| history.calls.push(note(9, 2, 9000));
    assert_eq!(judged(twice), [Invariant::Once]);
    let reported = judged(|history| {
        twice(history);
        *fate(history, "job-2") = dead("ambiguous");
        let death = fate(history, "job-2").death.as_mut().unwrap();
        death.evidence = Some(json!({"notes": ["note-2", "note-9"]}));
    });
    assert_eq!(reported, []);
}

#[test]
fn an_effect_behind_a_dead_letter_must_be_known_to_it() {
    let unknown = judged(|history| {
        refused(history);
        *fate(history, "job-2") = dead("rejected");
    });
    assert_eq!(unknown, [Invariant::Once]);
    let known = judged(|history| {
        refused(history);
        *fate(history, "job-2") = dead("rejected");
        fate(history, "job-2").death.as_mut().unwrap().intent_open = true;
    });
    assert_eq!(known, []);
}

#[test]
fn an_effect_must_be_somebodys_and_rightly_named() {
    assert_eq!(
        judged(|history| history.calls.push(note(9, 77, 9000))),
        [Invariant::Once]
    );
    assert_eq!(
        judged(|history| fate(history, "job-0").effect = Some("another".into())),
        [Invariant::Once]
    );
}

#[test]
fn permits_counted_at_the_start_of_calls_that_arrive_late_are_noticed() {
    // Two may be sent in 2 s: at 0 and 0, and again at 2000. The first two arrive just before the others.
    let arrivals = [1900, 1950, 2000];
    let found = judged(|history| {
        for (call, at) in history.calls.iter_mut().zip(arrivals) {
            call.at = Moment::from_micros(at * 1000);
        }
    });
    assert_eq!(found, [Invariant::Quota]);
}

#[test]
fn a_window_ends_before_its_length_is_over() {
    let found = judged(|history| {
        for (call, at) in history.calls.iter_mut().zip([0, 1999, 2000]) {
            call.at = Moment::from_micros(at * 1000);
        }
    });
    assert_eq!(found, []);
}

#[test]
fn a_429_that_was_not_planned_is_ours() {
    let refused = |fault: Option<Arc<str>>| {
        judged(|history| {
            let mut call = note(9, 2, 90_000);
            (call.status, call.effect, call.fault) = (Some(429), None, fault);
            history.calls.push(call);
        })
    };
    assert_eq!(refused(None), [Invariant::Quota]);
    assert_eq!(refused(Some("429:p=0.1".into())), []);
}

#[test]
fn effects_out_of_order_are_noticed_and_so_are_repeated_ones() {
    let swapped = judged(|history| {
        let orders = [1, 0];
        for (call, order) in history.calls.iter_mut().zip(orders) {
            call.effect.as_mut().unwrap().order = order;
        }
    });
    assert_eq!(swapped, [Invariant::Order]);
    let retried = judged(|history| {
        for (call, order) in history.calls.iter_mut().zip([2, 0, 1]) {
            call.effect.as_mut().unwrap().order = order;
        }
        history.retried.insert("job-0".into());
    });
    assert_eq!(retried, []);
    // It has let the other one pass.
    let waiting = judged(|history| {
        for (call, order) in history.calls.iter_mut().zip([2, 0, 1]) {
            call.effect.as_mut().unwrap().order = order;
        }
        history.promises[0].parent = Some("job-99".into());
        history.retried.insert("job-99".into());
    });
    assert_eq!(waiting, []);
    let late = judged(|history| {
        let mut call = note(9, 0, 9000);
        call.effect.as_mut().unwrap().nature = Nature::Write;
        history.calls.push(call);
    });
    assert_eq!(late, [Invariant::Order]);
}

#[test]
fn jobs_that_shared_a_call_are_in_order() {
    let merged = judged(|history| {
        let call = history.calls.remove(1);
        let effect = history.calls[0].effect.as_mut().unwrap();
        effect.content = r#"{"body":"lab-0 lab-1"}"#.into();
        effect.nature = Nature::Write;
        drop(call);
        for id in ["job-0", "job-1"] {
            fate(history, id).effect = None;
        }
    });
    assert_eq!(merged, []);
}

#[test]
fn jobs_that_shared_a_lost_call_are_repeated_in_order_and_all_of_them() {
    let shared = |repeated: &[usize]| {
        judged(|history| {
            for (seq, job) in repeated.iter().enumerate() {
                history
                    .calls
                    .push(note(9 + seq as u64, *job, 9000 * (seq as u64 + 1)));
            }
            let effect = history.calls[2].effect.as_mut().unwrap();
            effect.content = r#"{"tags":["lab-1","lab-2"]}"#.into();
            for call in &mut history.calls {
                call.effect.as_mut().unwrap().nature = Nature::Write;
            }
        })
    };
    assert_eq!(shared(&[1, 2]), []);
    assert_eq!(shared(&[1]), [Invariant::Order]);
    assert_eq!(shared(&[2, 1]), [Invariant::Order]);
    assert_eq!(shared(&[0, 1, 2]), [Invariant::Order]);
}

#[test]
fn attempts_are_burnt_only_by_failures() {
    let throttled = judged(|history| {
        let fate = fate(history, "job-0");
        fate.history.push(json!({"httpStatus": 429}));
    });
    assert_eq!(throttled, [Invariant::Attempts]);
    let breaker = |failures: u64| {
        judged(|history| {
            fate(history, "job-0").attempts = 2;
            for seq in 0..failures {
                let mut call = note(100 + seq, 0, 100_000 * (seq + 1));
                (call.status, call.effect) = (Some(503), None);
                history.calls.push(call);
            }
        })
    };
    assert_eq!(breaker(1), [Invariant::Attempts]);
    assert_eq!(breaker(2), []);
}

#[test]
fn dead_letters_are_whole() {
    let spoilt = |spoil: fn(&mut Death)| {
        judged(|history| {
            history.calls.pop();
            refused(history);
            *fate(history, "job-2") = dead("rejected");
            spoil(fate(history, "job-2").death.as_mut().unwrap());
        })
    };
    assert_eq!(spoilt(|_| ()), []);
    assert_eq!(
        spoilt(|death| death.cause.clear()),
        [Invariant::DeadLetters]
    );
    assert_eq!(
        spoilt(|death| death.has_payload = false),
        [Invariant::DeadLetters]
    );
    assert_eq!(
        spoilt(|death| death.cause = "ambiguous".into()),
        [Invariant::DeadLetters]
    );
}

#[test]
fn what_does_not_recover_is_left_or_is_told_is_noticed() {
    let recovery = judged(|history| {
        history.recoveries.push(Recovery {
            fault: "kill Redis".into(),
            took: None,
        });
    });
    assert_eq!(recovery, [Invariant::Recovery]);
    let late = judged(|history| {
        history.recoveries.push(Recovery {
            fault: "kill Redis".into(),
            took: Some(Duration::from_secs(90)),
        });
    });
    assert_eq!(late, [Invariant::Recovery]);
    let left = judged(|history| history.leftovers.push("running: 1".into()));
    assert_eq!(left, [Invariant::NothingLeft]);
    let told = judged(|history| {
        history.outputs.push(Output {
            of: "penstock-worker".into(),
            lines: vec!["fine".into(), "token pit-secret refused".into()],
        });
    });
    assert_eq!(told, [Invariant::Secrets]);
}
