//! Every outcome, with attempts left and without, probing and not, with an unanswered call behind it and without.

use serde_json::json;

use super::*;

const NOW: u64 = 1_000_000;
const RULES: Rules = Rules {
    backoff: Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(600),
    },
    quarantine: Duration::from_secs(30),
    throttle: Duration::from_secs(10),
};
const PERMITS: [Permit; 3] = [Permit::Answered, Permit::Unanswered, Permit::Unsent];

fn fault() -> Fault {
    Fault {
        status: Some(503),
        message: "down".into(),
    }
}

fn every_progress() -> Vec<Progress> {
    let mut all = Vec::new();
    for attempts in [0, 8, 9, 10] {
        for probe in [false, true] {
            for unanswered_at in [None, Some(NOW - 60_000), Some(NOW - 10_000)] {
                for (exposed, expired) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    all.extend(AmbiguousPolicy::ALL.map(|ambiguous| Progress {
                        attempts,
                        max_attempts: 10,
                        probe,
                        exposed,
                        unanswered_at,
                        ambiguous,
                        expired,
                    }));
                }
            }
        }
    }
    all
}

fn every_outcome() -> Vec<Outcome> {
    let mut all = vec![
        Outcome::Throttled { retry_after: None },
        Outcome::Throttled {
            retry_after: Some(Duration::from_secs(86_400 * 365)),
        },
        Outcome::Unauthorized {
            fault: fault(),
            token: "ab12".into(),
            permit: Permit::Answered,
        },
        Outcome::Concluded(Ending::Done {
            result: json!({}),
            effect: None,
        }),
        Outcome::Broken { fault: fault() },
        Outcome::Returned,
    ];
    for permit in PERMITS {
        all.extend([
            Outcome::Delivered {
                result: json!({"noteId": "n"}),
                effect: Some("n".into()),
                permit,
            },
            Outcome::Rejected {
                cause: Cause::Rejected,
                fault: fault(),
                permit,
            },
            Outcome::Unavailable {
                fault: fault(),
                retry_after: Some(Duration::from_secs(5)),
                permit,
            },
            Outcome::Unknown {
                fault: fault(),
                permit,
            },
            Outcome::Ambiguous {
                fault: fault(),
                evidence: json!({"notes": ["n"], "contactId": "c"}),
                permit,
            },
            Outcome::Postponed {
                wait: Duration::from_secs(2),
                why: "search-lag",
                permit,
            },
            Outcome::CutOff {
                wait: Duration::from_secs(30),
                permit,
            },
            Outcome::Unread {
                wait: Duration::from_secs(10),
                permit,
            },
            Outcome::ReadOnly {
                wait: Duration::from_secs(30),
                permit,
            },
            Outcome::Depleted {
                fault: fault(),
                permit,
            },
        ]);
    }
    all
}

/// What must hold of every transition, whatever led to it.
fn check(progress: &Progress, outcome: &Outcome, transition: &Transition) {
    let Transition { ending, hold, .. } = transition;
    match outcome {
        Outcome::Throttled { .. }
        | Outcome::Unauthorized { .. }
        | Outcome::ReadOnly { .. }
        | Outcome::Depleted { .. }
        | Outcome::Postponed { .. }
        | Outcome::CutOff { .. }
        | Outcome::Unread { .. } => {
            assert!(
                matches!(
                    ending,
                    Ending::Back {
                        attempt: false,
                        delivery: false,
                        ..
                    }
                ),
                "costs nothing: {ending:?}"
            );
        }
        Outcome::Unknown { .. } => {
            assert!(
                matches!(ending, Ending::Back { after, .. } if *after == RULES.quarantine),
                "is read back: {ending:?}"
            );
            assert!(transition.unanswered);
            assert_eq!(transition.api, Some(Api::Down));
        }
        Outcome::Unavailable { .. } => {
            let last = progress.attempts + 1 >= progress.max_attempts && !progress.probe;
            assert_eq!(
                last,
                !matches!(ending, Ending::Back { .. }),
                "dies exactly at its last attempt"
            );
            assert_eq!(transition.api, Some(Api::Down));
        }
        Outcome::Broken { .. } => {
            let last = progress.attempts + 1 >= progress.max_attempts;
            assert_eq!(
                last,
                !matches!(ending, Ending::Back { attempt: true, .. }),
                "costs an attempt"
            );
            let end = match ending {
                Ending::Deferred { ending, .. } => ending,
                ending => ending,
            };
            assert!(
                !last || matches!(end, Ending::Dead { cause, .. } if *cause == Cause::Poison),
                "what breaks its deliveries is poison: {end:?}"
            );
        }
        Outcome::Ambiguous { fault, .. } => check_ambiguous(progress, fault, transition),
        _ => {}
    }
    assert_eq!(
        transition.decided.is_some(),
        matches!(outcome, Outcome::Ambiguous { .. }),
        "nothing else is for a policy to decide"
    );
    if matches!(outcome, Outcome::Broken { .. } | Outcome::CutOff { .. }) {
        assert_eq!(transition.api, None, "the API was not heard");
    } else if progress.probe {
        assert!(
            !matches!(ending, Ending::Back { attempt: true, .. }),
            "a probe costs no attempt"
        );
    }
    if let Some(hold) = hold {
        assert!(hold.wait <= LONGEST_HOLD || hold.token.is_some());
    }
    assert!(transition.unanswered || !progress.exposed);
    if progress.exposed || progress.unanswered_at.is_some_and(|at| at + 30_000 > NOW) {
        assert!(
            !matches!(ending, Ending::Done { .. } | Ending::Dead { .. }),
            "no end within the quarantine: {ending:?}"
        );
    }
}

/// Nothing of it is silent, and it is sent again only while an attempt is left.
fn check_ambiguous(progress: &Progress, said: &Fault, transition: &Transition) {
    assert_eq!(
        transition.fault.as_ref(),
        Some(said),
        "goes into the history"
    );
    let decided = transition.decided.as_ref().expect("a policy decides");
    assert_eq!(decided.evidence["notes"], json!(["n"]));
    let is_last = progress.attempts >= progress.max_attempts || progress.expired;
    let expected = match progress.ambiguous {
        AmbiguousPolicy::PreferDuplicate if is_last => AmbiguousPolicy::Hold,
        policy => policy,
    };
    assert_eq!(decided.policy, expected);
    let ending = match &transition.ending {
        Ending::Deferred { ending, .. } => ending,
        ending => ending,
    };
    match (expected, ending) {
        (
            AmbiguousPolicy::Hold,
            Ending::Dead {
                cause, evidence, ..
            },
        ) => assert_eq!(
            (*cause, evidence.as_ref()),
            (Cause::Ambiguous, Some(&decided.evidence))
        ),
        (AmbiguousPolicy::PreferMiss, Ending::Done { result, effect }) => {
            assert_eq!(
                *result,
                json!({
                    "ambiguous": true, "policy": "prefer-miss", "contactId": "c", "error": "down",
                    "evidence": {"notes": ["n"], "contactId": "c"},
                })
            );
            assert_eq!(*effect, None);
        }
        (AmbiguousPolicy::PreferDuplicate, ending) => assert_eq!(*ending, BACK_AT_ONCE),
        (policy, ending) => panic!("{policy}: {ending:?}"),
    }
}

#[test]
fn every_combination_keeps_the_rules() {
    for progress in every_progress() {
        for outcome in every_outcome() {
            let transition = after(&progress, outcome.clone(), &RULES, NOW, 0.5);
            check(&progress, &outcome, &transition);
        }
    }
}

const FRESH: Progress = Progress {
    attempts: 0,
    max_attempts: 10,
    probe: false,
    exposed: false,
    unanswered_at: None,
    ambiguous: AmbiguousPolicy::Hold,
    expired: false,
};

#[test]
fn retry_after_is_the_least_delay() {
    let outcome = Outcome::Unavailable {
        fault: fault(),
        retry_after: Some(Duration::from_secs(5)),
        permit: Permit::Answered,
    };
    let transition = after(&FRESH, outcome, &RULES, NOW, 1.0);
    assert_eq!(
        transition.ending,
        Ending::Back {
            after: Duration::from_secs(5),
            attempt: true,
            delivery: true
        }
    );
}

#[test]
fn an_absurd_retry_after_is_believed_for_an_hour() {
    let year = Some(Duration::from_secs(86_400 * 365));
    let transition = after(
        &FRESH,
        Outcome::Throttled { retry_after: year },
        &RULES,
        NOW,
        1.0,
    );
    assert_eq!(transition.hold.map(|hold| hold.wait), Some(LONGEST_HOLD));
}

#[test]
fn an_end_waits_for_the_unanswered_call_before_it() {
    let progress = Progress {
        unanswered_at: Some(NOW - 10_000),
        ..FRESH
    };
    let outcome = Outcome::Delivered {
        result: json!({}),
        effect: None,
        permit: Permit::Answered,
    };
    let Ending::Deferred {
        after: wait,
        ending,
    } = after(&progress, outcome, &RULES, NOW, 0.0).ending
    else {
        panic!("the end must be deferred");
    };
    assert_eq!(wait, Duration::from_secs(20));
    let later = after(
        &progress,
        Outcome::Concluded(*ending),
        &RULES,
        NOW + 20_000,
        0.0,
    );
    assert_eq!(
        later.ending,
        Ending::Done {
            result: json!({}),
            effect: None
        }
    );
}

/// A look-up that timed out can undo nothing that its contact's next job does.
#[test]
fn an_unanswered_read_defers_no_end() {
    let outcome = Outcome::Rejected {
        cause: Cause::Rejected,
        fault: fault(),
        permit: Permit::Unanswered,
    };
    let transition = after(&FRESH, outcome.clone(), &RULES, NOW, 0.0);
    assert!(matches!(transition.ending, Ending::Dead { .. }));
    assert!(!transition.unanswered);
    let exposed = Progress {
        exposed: true,
        ..FRESH
    };
    let transition = after(&exposed, outcome, &RULES, NOW, 0.0);
    assert!(matches!(transition.ending, Ending::Deferred { .. }));
    assert!(transition.unanswered);
}
