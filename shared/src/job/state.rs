//! The state machine of a job: one pure function from what is known of a job and what its delivery came to, to what becomes of it.
//!
//! ```text
//!              enqueue, due later                     due
//!   (new) ───────────────────────────▶ scheduled ───────────────┐
//!     │                                   ▲                      │
//!     │ due, contact busy                 │ failed: back-off     │
//!     ├──────────────▶ blocked            │ unknown: quarantine  │
//!     │                   │ its turn      │ not time yet         ▼
//!     │ due               ├────────────▶ ready ◀─────────────────┘
//!     └──────────────────▶│               │  ▲
//!                                   claim │  │ throttled, no permit, handed back,
//!                                         ▼  │ lease ended, ambiguous (prefer-duplicate)
//!                                       running
//!                                        │   │
//!     delivered, ambiguous (prefer-miss) │   │ rejected, exhausted, expired, ambiguous (hold), poison, undecodable,
//!                            ▼───────────┘   ▼ contact-not-found, parent-dead, flow-failed, storm
//!                          done             dead ──▶ (scheduled | blocked | ready) by retry
//!                                             └────▶ done by `dead resolve --done`
//! ```
//!
//! A running job that waits for what no job before it brings about steps aside: it is `scheduled` meanwhile, without a place in its contact's
//! sequence, and joins that at its end. All else that comes back from `running` keeps its place.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    outcome::{AmbiguousPolicy, Cause, Fault, Outcome, Permit},
    retry::Backoff,
    span::millis,
};

/// Where a job stands, as its callers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for a moment: its `runAt`, or the next attempt.
    Scheduled,
    /// It may run as soon as the quota and a worker allow.
    Ready,
    /// An earlier job of its contact is unfinished.
    Blocked,
    /// A worker has it.
    Running,
    /// It took effect.
    Done,
    /// It failed for good and waits for a person.
    Dead,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        })
    }
}

/// What is known of a running job when its delivery ends. Times are milliseconds of the steady time: Redis' clock, less what it was set by in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Failed attempts so far.
    pub attempts: u32,
    /// How many it may have.
    pub max_attempts: u32,
    /// Whether this delivery was the one probe that an open breaker lets through.
    pub probe: bool,
    /// Whether this delivery has sent a call that may change something, and that is still without an answer.
    pub exposed: bool,
    /// When the last such call before this delivery ended, if there was one: until the quarantine after that it may still be applied.
    pub unanswered_at: Option<u64>,
    /// What becomes of it if it cannot be told whether it took effect.
    pub ambiguous: AmbiguousPolicy,
    /// Whether it is too old to be sent once more.
    pub expired: bool,
}

/// The policy, from the settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Delays between attempts.
    pub backoff: Backoff,
    /// How long after its end an unanswered call may still be applied, or not be listed yet.
    pub quarantine: Duration,
    /// How long a tenant is held after a 429 without `Retry-After`: the burst window.
    pub throttle: Duration,
}

/// A `Retry-After` is believed up to this long; then the API is asked again.
pub const LONGEST_HOLD: Duration = Duration::from_secs(3600);

/// Why a tenant whose token was refused is held: until somebody does something.
pub const NEEDS_AUTHORISATION: &str = "needs-authorisation";

/// What a job waits for that would write, and whose tenant may only read: that a person allows it.
pub const READ_ONLY: &str = "read-only";

/// Why a tenant is held whose account is used up.
pub const NO_CREDITS: &str = "no-credits";

/// How long it is held for that: then the API is asked again.
pub const NO_CREDITS_HOLD: Duration = Duration::from_secs(300);

/// How long a tenant whose token was refused stays held unless somebody does something: in effect, for good.
pub const UNAUTHORIZED_HOLD: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What becomes of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It is done.
    Done {
        /// For its callers.
        result: Value,
        /// What it made.
        effect: Option<String>,
    },
    /// It is dead.
    Dead {
        /// Why.
        cause: Cause,
        /// What was said.
        fault: Fault,
        /// What a person needs to decide.
        evidence: Option<Value>,
    },
    /// It goes back to its lane, for `after`; it keeps its place in its contact's sequence.
    Back {
        /// How long it waits.
        after: Duration,
        /// Whether a failed attempt is counted.
        attempt: bool,
        /// Whether the delivery is counted.
        delivery: bool,
    },
    /// It has ended, but its contact's next job must wait for `after`: it goes back with its end written down.
    Deferred {
        /// How long.
        after: Duration,
        /// The end: `Done` or `Dead`.
        ending: Box<Ending>,
    },
    /// It leaves its contact's sequence, and joins it again at its end after so long.
    Aside {
        /// How long.
        after: Duration,
    },
    /// It is back already.
    None,
}

impl Ending {
    /// What the job has made, where it is done or will be.
    pub fn effect(&self) -> Option<&str> {
        match self {
            Self::Done { effect, .. } => effect.as_deref(),
            Self::Deferred { ending, .. } => ending.effect(),
            _ => None,
        }
    }

    /// What it came to, where it is done or will be.
    pub fn result(&self) -> Option<&Value> {
        match self {
            Self::Done { result, .. } => Some(result),
            Self::Deferred { ending, .. } => ending.result(),
            _ => None,
        }
    }
}

/// A hold of the whole lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// How long.
    pub wait: Duration,
    /// Why, as `job why` says it.
    pub why: &'static str,
    /// The token that was refused, where that is why.
    pub token: Option<String>,
}

/// What a call said of the API's health, for the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// It answers.
    Up,
    /// It failed.
    Down,
}

impl Api {
    /// The word that the settle script knows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// The next state of a job, with what the end of its delivery does to its lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What becomes of the job.
    pub ending: Ending,
    /// What became of the permit.
    pub permit: Permit,
    /// Whether the tenant is held.
    pub hold: Option<Hold>,
    /// What the breaker learns.
    pub api: Option<Api>,
    /// What failed, for the job's history.
    pub fault: Option<Fault>,
    /// Whether the call that ended now may still be applied later.
    pub unanswered: bool,
    /// What was decided of a call of which cannot be told whether it took effect.
    pub decided: Option<Decided>,
    /// Whether it waits until its tenant may write.
    pub read_only: bool,
}

/// What was decided of a call of which cannot be told whether it took effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// By which policy.
    pub policy: AmbiguousPolicy,
    /// What was found of the call.
    pub evidence: Value,
}

impl Decided {
    /// Says it to whoever reads the job's result.
    pub fn tell(&self, result: &mut Value) {
        result["ambiguous"] = true.into();
        result["policy"] = self.policy.as_str().into();
        result["evidence"] = self.evidence.clone();
    }
}

impl Transition {
    /// Only that the job ends so, and what became of its permit.
    pub fn new(ending: Ending, permit: Permit) -> Self {
        Self {
            ending,
            permit,
            hold: None,
            api: None,
            fault: None,
            unanswered: false,
            decided: None,
            read_only: false,
        }
    }

    fn api(self, api: Api) -> Self {
        Self {
            api: Some(api),
            ..self
        }
    }

    /// If it is dead now, then of this.
    fn because(mut self, why: Cause) -> Self {
        let ending = match &mut self.ending {
            Ending::Deferred { ending, .. } => ending,
            ending => ending,
        };
        if let Ending::Dead { cause, .. } = ending {
            *cause = why;
        }
        self
    }

    fn failed(self, fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..self
        }
    }
}

/// The transition: `now` in milliseconds of the steady time, `jitter` uniform in 0..1.
pub fn after(
    progress: &Progress,
    outcome: Outcome,
    rules: &Rules,
    now: u64,
    jitter: f64,
) -> Transition {
    let transition = consequence(progress, outcome, rules, now, jitter);
    Transition {
        unanswered: transition.unanswered || progress.exposed,
        ..transition
    }
}

fn consequence(
    progress: &Progress,
    outcome: Outcome,
    rules: &Rules,
    now: u64,
    jitter: f64,
) -> Transition {
    match outcome {
        Outcome::Delivered {
            result,
            effect,
            permit,
        } => {
            let api = (permit == Permit::Answered).then_some(Api::Up);
            Transition {
                api,
                ..end(
                    progress,
                    Ending::Done { result, effect },
                    permit,
                    rules,
                    now,
                )
            }
        }
        Outcome::Rejected {
            cause,
            fault,
            permit,
        } => {
            let api = (permit == Permit::Answered).then_some(Api::Up);
            let ending = Ending::Dead {
                cause,
                fault: fault.clone(),
                evidence: None,
            };
            let transition = Transition {
                api,
                ..end(progress, ending, permit, rules, now)
            };
            // What has used up its attempts was told each time.
            if cause == Cause::Exhausted {
                return transition;
            }
            transition.failed(fault)
        }
        Outcome::Ambiguous {
            fault,
            evidence,
            permit,
        } => ambiguous(progress, fault, evidence, permit, rules, now),
        Outcome::Throttled { retry_after } => throttled(retry_after, rules),
        Outcome::Unauthorized {
            fault,
            token,
            permit,
        } => Transition {
            hold: Some(Hold {
                wait: UNAUTHORIZED_HOLD,
                why: NEEDS_AUTHORISATION,
                token: Some(token),
            }),
            ..Transition::new(BACK_AT_ONCE, permit).failed(fault)
        },
        Outcome::ReadOnly { wait, permit } => Transition {
            read_only: true,
            ..not_yet(wait, permit)
        },
        Outcome::Depleted { fault, permit } => depleted(fault, permit),
        Outcome::Unavailable {
            fault,
            retry_after,
            permit,
        } => {
            let wait = retry_after.unwrap_or_default().min(LONGEST_HOLD);
            let wait = wait.max(rules.backoff.delay(progress.attempts + 1, jitter));
            failure(progress, fault, wait, permit, rules, now).api(Api::Down)
        }
        Outcome::Broken { fault } => {
            let wait = rules.backoff.delay(progress.attempts + 1, jitter);
            let progress = Progress {
                probe: false,
                ..*progress
            };
            failure(&progress, fault, wait, Permit::Answered, rules, now).because(Cause::Poison)
        }
        Outcome::Unknown { fault, permit } => unknown(progress, fault, permit, rules),
        Outcome::Postponed { wait, permit, .. } => not_yet(wait, permit),
        Outcome::SteppedAside { wait, permit } => {
            let api = (permit == Permit::Answered).then_some(Api::Up);
            Transition {
                api,
                ..Transition::new(Ending::Aside { after: wait }, permit)
            }
        }
        Outcome::CutOff { wait, permit } => postponed(wait, permit),
        Outcome::Unread { wait, permit } => postponed(wait, permit).api(Api::Down),
        Outcome::Concluded(ending) => end(progress, ending, Permit::Unsent, rules, now),
        Outcome::Returned => Transition::new(Ending::None, Permit::Unsent),
    }
}

/// The API wants fewer calls.
fn throttled(retry_after: Option<Duration>, rules: &Rules) -> Transition {
    Transition {
        hold: Some(Hold {
            wait: retry_after.unwrap_or(rules.throttle).min(LONGEST_HOLD),
            why: "throttled",
            token: None,
        }),
        ..Transition::new(BACK_AT_ONCE, Permit::Answered)
    }
}

/// The API answers, but takes nothing more of this account for a while.
fn depleted(fault: Fault, permit: Permit) -> Transition {
    Transition {
        api: Some(Api::Up),
        hold: Some(Hold {
            wait: NO_CREDITS_HOLD,
            why: NO_CREDITS,
            token: None,
        }),
        ..Transition::new(BACK_AT_ONCE, permit).failed(fault)
    }
}

/// At once, and nothing is counted.
pub const BACK_AT_ONCE: Ending = Ending::Back {
    after: Duration::ZERO,
    attempt: false,
    delivery: false,
};

/// Not now, whatever it has called so far was answered.
fn not_yet(wait: Duration, permit: Permit) -> Transition {
    let api = (permit == Permit::Answered).then_some(Api::Up);
    Transition {
        api,
        ..postponed(wait, permit)
    }
}

/// Not now; neither an attempt nor a delivery is counted.
fn postponed(wait: Duration, permit: Permit) -> Transition {
    let ending = Ending::Back {
        after: wait,
        attempt: false,
        delivery: false,
    };
    Transition::new(ending, permit)
}

/// A job ends only when none of its own unanswered calls can still undo what its contact's next job does.
fn end(progress: &Progress, ending: Ending, permit: Permit, rules: &Rules, now: u64) -> Transition {
    let unanswered_at = if progress.exposed {
        Some(now)
    } else {
        progress.unanswered_at
    };
    Transition::new(heard_out(ending, unanswered_at, rules, now), permit)
}

/// For how long a call without an answer, which ended then, may still have an effect.
pub fn still_coming(unanswered_at: Option<u64>, quarantine: Duration, now: u64) -> Duration {
    let settled_at = unanswered_at.map_or(0, |at| at.saturating_add(millis(quarantine)));
    Duration::from_millis(settled_at.saturating_sub(now))
}

/// An end that waits until such a call can have no effect any more.
pub fn heard_out(ending: Ending, unanswered_at: Option<u64>, rules: &Rules, now: u64) -> Ending {
    let after = still_coming(unanswered_at, rules.quarantine, now);
    if after.is_zero() {
        return ending;
    }
    Ending::Deferred {
        after,
        ending: Box::new(ending),
    }
}

/// A failure that may be repeated blindly. A probe's failure says nothing of the job, so it costs no attempt.
fn failure(
    progress: &Progress,
    fault: Fault,
    wait: Duration,
    permit: Permit,
    rules: &Rules,
    now: u64,
) -> Transition {
    let attempt = !progress.probe;
    let transition = if attempt && progress.attempts + 1 >= progress.max_attempts {
        let ending = Ending::Dead {
            cause: Cause::Exhausted,
            fault: fault.clone(),
            evidence: None,
        };
        end(progress, ending, permit, rules, now)
    } else {
        Transition::new(
            Ending::Back {
                after: wait,
                attempt,
                delivery: true,
            },
            permit,
        )
    };
    transition.failed(fault)
}

/// A call that may have taken effect: read back after the quarantine. It never ends the job, whatever attempts are left, because only the
/// read-back tells what became of it.
fn unknown(progress: &Progress, fault: Fault, permit: Permit, rules: &Rules) -> Transition {
    let ending = Ending::Back {
        after: rules.quarantine,
        attempt: !progress.probe,
        delivery: true,
    };
    Transition {
        unanswered: true,
        ..Transition::new(ending, permit).api(Api::Down).failed(fault)
    }
}

/// Whether it took effect cannot be found out: the policy decides. Rather twice than never needs an attempt that is left, and time; else a person decides.
fn ambiguous(
    progress: &Progress,
    fault: Fault,
    evidence: Value,
    permit: Permit,
    rules: &Rules,
    now: u64,
) -> Transition {
    let is_last = progress.attempts >= progress.max_attempts || progress.expired;
    let policy = match progress.ambiguous {
        AmbiguousPolicy::PreferDuplicate if is_last => AmbiguousPolicy::Hold,
        policy => policy,
    };
    let decided = Decided { policy, evidence };
    let ended = |ending| end(progress, ending, permit, rules, now);
    let transition = match policy {
        AmbiguousPolicy::Hold => ended(Ending::Dead {
            cause: Cause::Ambiguous,
            fault: fault.clone(),
            evidence: Some(decided.evidence.clone()),
        }),
        AmbiguousPolicy::PreferMiss => ended(Ending::Done {
            result: missed(&decided, &fault),
            effect: None,
        }),
        AmbiguousPolicy::PreferDuplicate => Transition::new(BACK_AT_ONCE, permit),
    };
    Transition {
        decided: Some(decided),
        ..transition.failed(fault)
    }
}

/// What the callers of a job read that counts as done, though nobody knows whether it is.
fn missed(decided: &Decided, fault: &Fault) -> Value {
    let mut result = json!({ "error": fault.message });
    if let Some(contact) = decided.evidence.get("contactId") {
        result["contactId"] = contact.clone();
    }
    decided.tell(&mut result);
    result
}

#[cfg(test)]
mod tests;
