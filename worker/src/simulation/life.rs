//! One job's life, from its first delivery to its end.

use std::{collections::HashMap, fmt::Write, time::Duration};

use penstock_shared::{
    job::state::{self, Ending, Progress, Rules},
    outcome::{AmbiguousPolicy, Cause, Fault, Outcome, Permit},
    queue::{
        lapse::{Lapse, Lapses},
        run::{Run, field},
    },
    retry::Backoff,
    span::millis,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use super::api::{Answer, Api};
use crate::{
    journal::{Earlier, Look},
    readback::{Sought, Verdict},
};

const START: u64 = 1_800_000_000_000;
const QUARANTINE: Duration = Duration::from_secs(30);
const TIMEOUT: u64 = 10_000;
const LEASE: u64 = 5_000;
const MAX_ATTEMPTS: u32 = 6;
/// No life is longer.
const DELIVERIES: usize = 500;

/// The rule that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Nothing,
    /// The intent is not written down before the call.
    NoIntent,
    /// What was sent is looked for at once.
    NoQuarantine,
    /// Once not found is taken for never sent.
    OneLook,
    /// What was sent is sent again.
    NoReadBack,
    /// What Redis has forgotten is not looked for.
    NoSuspicion,
}

/// What ends a delivery.
enum Stop {
    Outcome(Outcome),
    /// Its worker died.
    Death,
}

pub(super) struct Life {
    broken: Broken,
    dice: StdRng,
    now: u64,
    api: Api,
    run: HashMap<String, String>,
    /// What stood there at that moment, which Redis may come back to.
    saved: Option<(u64, HashMap<String, String>)>,
    /// The last one first.
    lapses: Vec<Lapse>,
    /// What this delivery writes into the journal as it is settled.
    notes: HashMap<&'static str, String>,
    end: Option<Ending>,
    story: String,
}

impl Life {
    pub(super) fn new(seed: u64, broken: Broken) -> Self {
        Self {
            broken,
            dice: StdRng::seed_from_u64(seed),
            now: START,
            api: Api::default(),
            run: HashMap::new(),
            saved: None,
            lapses: Vec::new(),
            notes: HashMap::new(),
            end: None,
            story: String::new(),
        }
    }

    pub(super) fn story(&self) -> &str {
        &self.story
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.end, Some(Ending::Done { .. }))
    }

    /// Delivers it until it has ended, and judges that.
    pub(super) fn live(&mut self) -> Result<(), String> {
        for _ in 0..DELIVERIES {
            match self.deliver() {
                Ok(outcome) | Err(Stop::Outcome(outcome)) => self.settle(outcome),
                Err(Stop::Death) => self.die(),
            }
            if self.forgets() {
                continue;
            }
            if self.end.is_some() {
                return self.judge();
            }
        }
        Err("it never ends".to_owned())
    }

    /// Redis comes back from what was saved: even of an end nobody knows then.
    fn forgets(&mut self) -> bool {
        if self.dice.random_bool(0.03)
            && let Some((since_ms, run)) = self.saved.take()
        {
            self.tell("Redis forgets");
            self.now += self.dice.random_range(1..3_000);
            // Redis has forgotten the lapses since, too.
            self.lapses.retain(|lapse| lapse.noticed_ms < since_ms);
            let lapse = Lapse {
                since_ms,
                noticed_ms: self.now,
                lost_ms: 0,
                until_ms: self.now,
            };
            self.lapses.insert(0, lapse);
            (self.run, self.end) = (run, None);
            return true;
        }
        if self.end.is_none() && self.dice.random_bool(0.3) {
            self.saved = Some((self.now, self.run.clone()));
        }
        false
    }

    fn judge(&self) -> Result<(), String> {
        let count = self.api.count();
        let wrong = match self.end.as_ref() {
            Some(Ending::Done { .. }) => count != 1,
            Some(Ending::Dead {
                cause: Cause::Ambiguous,
                evidence,
                ..
            }) => count > 1 || evidence.is_none(),
            _ => count != 0,
        };
        if wrong {
            return Err(format!("{count} notes, and the end is {:?}", self.end));
        }
        Ok(())
    }

    fn tell(&mut self, what: impl std::fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.story, "{:>9} {what:?}", self.now - START);
    }

    fn known(&self) -> Run {
        Run::new(self.run.clone())
    }

    fn write(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        if value.is_empty() {
            self.run.remove(name);
        } else {
            self.run.insert(name.to_owned(), value);
        }
    }

    /// In the order of `deliver.rs`.
    fn deliver(&mut self) -> Result<Outcome, Stop> {
        self.notes.clear();
        if let Some(lost_at) = self.known().number(field::LOST_AT) {
            self.notes
                .insert(field::UNANSWERED, (lost_at + TIMEOUT).to_string());
        }
        let suspects = self.broken != Broken::NoSuspicion;
        let lapses = Lapses::from(self.lapses.clone());
        let forgotten = self.known().forgotten(&lapses, START).filter(|_| suspects);
        let told_ms = forgotten.map_or(0, |lapse| lapse.noticed_ms);
        let earlier = Earlier::of(&self.known(), forgotten, told_ms, TIMEOUT);
        match earlier.filter(|_| self.broken != Broken::NoReadBack) {
            Some(earlier) => self.read_back(earlier)?,
            None if self.attempts() >= MAX_ATTEMPTS => return Err(exhausted()),
            None => {}
        }
        if earlier.is_some() && self.attempts() >= MAX_ATTEMPTS {
            self.clear();
            return Err(exhausted());
        }
        self.perhaps_dies(0.05)?;
        self.write(field::ABSENT, "");
        if let Some(lapse) = forgotten {
            self.write(field::LAPSE, lapse.noticed_ms.to_string());
        }
        if self.broken != Broken::NoIntent {
            self.write(field::INTENT, self.now.to_string());
        }
        self.perhaps_dies(0.05)?;
        self.send()
    }

    fn attempts(&self) -> u32 {
        self.known().attempts()
    }

    fn perhaps_dies(&mut self, chance: f64) -> Result<(), Stop> {
        if self.dice.random_bool(chance) {
            return Err(Stop::Death);
        }
        Ok(())
    }

    fn quarantine(&self) -> u64 {
        if self.broken == Broken::NoQuarantine {
            0
        } else {
            millis(QUARANTINE)
        }
    }

    fn read_back(&mut self, earlier: Earlier) -> Result<(), Stop> {
        let look = earlier.look(&self.known(), self.quarantine(), self.now, START);
        if let Look::Wait(wait) = look {
            return Err(postponed(wait));
        }
        if self.dice.random_bool(0.1) {
            let wait = Duration::from_secs(10);
            return Err(Stop::Outcome(Outcome::Unread {
                wait,
                permit: Permit::Answered,
            }));
        }
        self.perhaps_dies(0.03)?;
        let sought = Sought {
            since_ms: Some(earlier.sent_at),
            until_ms: Some(earlier.over(&self.known(), self.quarantine(), START)),
            ..Sought::default()
        };
        let verdict = sought.judge(&self.api.list(self.now));
        self.tell((&look, &verdict));
        match verdict {
            Verdict::Ours(id) => Err(Stop::Outcome(delivered(&id))),
            Verdict::Unclear(ids) => Err(Stop::Outcome(Outcome::Ambiguous {
                fault: Fault::new("unclear"),
                evidence: json!({ "notes": ids }),
                permit: Permit::Answered,
            })),
            Verdict::Absent if look == Look::Last || self.broken == Broken::OneLook => Ok(()),
            Verdict::Absent => {
                self.notes.insert(field::ABSENT, self.now.to_string());
                Err(postponed(Duration::from_millis(self.quarantine())))
            }
        }
    }

    fn send(&mut self) -> Result<Outcome, Stop> {
        let begins = self.now;
        // What was made shows within two quarantines of the call's end, which the two looks allow for; a promise is made for one.
        let late = 2 * millis(QUARANTINE) - 1;
        if self.dice.random_bool(0.1) {
            self.api.unseen(&mut self.dice, begins + TIMEOUT / 2, late);
            return Err(Stop::Death);
        }
        self.now += self.dice.random_range(1..=TIMEOUT);
        let answer = self.api.call(&mut self.dice, begins, self.now, late);
        self.tell(answer);
        self.perhaps_dies(0.05)?;
        Ok(match answer {
            Answer::Made(id) => delivered(&id.to_string()),
            Answer::Unknown => Outcome::Unknown {
                fault: Fault::new("?"),
                permit: Permit::Unanswered,
            },
            Answer::Refused => {
                self.clear();
                Outcome::Rejected {
                    cause: Cause::Rejected,
                    fault: Fault::new("400"),
                    permit: Permit::Answered,
                }
            }
            Answer::Throttled => {
                self.clear();
                Outcome::Throttled { retry_after: None }
            }
            Answer::NotSent => {
                self.clear();
                Outcome::Unavailable {
                    fault: Fault::new("-"),
                    retry_after: None,
                    permit: Permit::Unsent,
                }
            }
        })
    }

    /// As `journal::clear`.
    fn clear(&mut self) {
        self.notes.insert(field::INTENT, String::new());
        self.notes.insert(field::ABSENT, String::new());
    }

    /// As the settle script.
    fn settle(&mut self, outcome: Outcome) {
        self.tell(&outcome);
        let transition = state::after(
            &self.progress(),
            outcome,
            &rules(self.quarantine()),
            self.now,
            self.dice.random(),
        );
        self.run.remove(field::LOST_AT);
        for (name, value) in std::mem::take(&mut self.notes) {
            self.write(name, value);
        }
        if transition.unanswered {
            self.write(field::UNANSWERED, self.now.to_string());
        }
        match transition.ending {
            Ending::Back { after, attempt, .. } => {
                let attempts = self.attempts() + u32::from(attempt);
                self.write(field::ATTEMPTS, attempts.to_string());
                self.now += millis(after).max(1);
            }
            Ending::Deferred { ending, .. } => self.end = Some(*ending),
            Ending::None => {}
            ending => self.end = Some(ending),
        }
    }

    fn progress(&self) -> Progress {
        let noted = self
            .notes
            .get(field::UNANSWERED)
            .and_then(|at| at.parse().ok());
        Progress {
            attempts: self.attempts(),
            max_attempts: MAX_ATTEMPTS,
            probe: false,
            exposed: false,
            unanswered_at: noted.or(self.known().number(field::UNANSWERED)),
            ambiguous: AmbiguousPolicy::Hold,
            expired: false,
        }
    }

    /// Its lease ends, and the next claim takes the job back.
    fn die(&mut self) {
        self.tell("its worker dies");
        let lost_at = self.now + self.dice.random_range(LEASE * 2 / 3..=LEASE);
        self.write(field::LOST_AT, lost_at.to_string());
        self.now = lost_at + self.dice.random_range(1..2_000);
    }
}

fn rules(quarantine: u64) -> Rules {
    Rules {
        backoff: Backoff {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        },
        quarantine: Duration::from_millis(quarantine),
        throttle: Duration::from_secs(10),
    }
}

fn delivered(id: &str) -> Outcome {
    Outcome::Delivered {
        result: Value::Null,
        effect: Some(id.to_owned()),
        permit: Permit::Answered,
    }
}

fn postponed(wait: Duration) -> Stop {
    Stop::Outcome(Outcome::Postponed {
        wait,
        why: "later",
        permit: Permit::Unsent,
    })
}

fn exhausted() -> Stop {
    Stop::Outcome(Outcome::Rejected {
        cause: Cause::Exhausted,
        fault: Fault::new("no attempts are left"),
        permit: Permit::Unsent,
    })
}
