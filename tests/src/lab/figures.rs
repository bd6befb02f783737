//! What a run comes to, in numbers and over time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use penstock_shared::job::state::State;

use super::check::{self, Effects};
use super::history::{Fate, History, Recovery};
use crate::sandbox::Moment;

/// A fault, as it went.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Its kind.
    pub kind: &'static str,
    /// What was done.
    pub what: String,
    /// When, in seconds since the run began.
    pub at: f64,
    /// When it ended.
    pub ended: Option<f64>,
    /// How long after its end there was the next effect. The time in which there was nothing to do is left out.
    pub took: Option<Duration>,
    /// As it ended: the effects there were, and for how long there had been work.
    effects: u64,
    busy: Duration,
}

/// The course of a run.
#[derive(Debug)]
pub struct Course {
    began: Instant,
    said: Instant,
    /// When it began, as the sandbox tells time.
    pub origin: Moment,
    /// How many jobs are to end.
    pub jobs: usize,
    /// What was done to the run.
    pub incidents: Vec<Incident>,
    /// The last known number of effects.
    effects: u64,
    /// For how long there was work, when that was looked at, and whether there was.
    busy: Duration,
    looked: Instant,
    worked: bool,
    /// How long it took, once it is over.
    pub took: Duration,
}

impl Course {
    /// It begins now, and is over when so many jobs have ended.
    pub fn begin(jobs: usize) -> Self {
        let now = Instant::now();
        Self {
            began: now,
            said: now,
            origin: wall_clock(),
            jobs,
            incidents: Vec::new(),
            effects: 0,
            busy: Duration::ZERO,
            looked: now,
            worked: true,
            took: Duration::ZERO,
        }
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Since it was last said how far it is.
    pub fn since_word(&self) -> Duration {
        self.said.elapsed()
    }

    /// How far it is.
    pub fn word(&mut self, calls: u64, effects: u64) -> String {
        self.said = Instant::now();
        format!(
            "{:>6.0} s  {effects:>7} effects of {} jobs, {calls} calls, {} faults",
            self.now(),
            self.jobs,
            self.incidents.len()
        )
    }

    /// A fault begins.
    pub fn began(&mut self, kind: &'static str, what: String) {
        self.incidents.push(Incident {
            kind,
            what,
            at: self.now(),
            ended: None,
            took: None,
            effects: 0,
            busy: Duration::ZERO,
        });
    }

    /// The oldest fault of this kind that goes on ends.
    pub fn ended(&mut self, kind: &'static str) {
        // Of the time since the last look nobody knows yet.
        let busy = self.busy + self.looked.elapsed();
        let (now, effects) = (self.now(), self.effects);
        let mut ongoing = self.incidents.iter_mut();
        if let Some(one) = ongoing.find(|one| one.kind == kind && one.ended.is_none()) {
            (one.ended, one.effects, one.busy) = (Some(now), effects, busy);
        }
    }

    /// Whatever ended and was followed by an effect is over. Now there is work, or there is none: there was as long as the last look or this one has
    /// found any, and where an effect came in between.
    pub fn look(&mut self, effects: u64, work: bool) {
        self.look_at(Instant::now(), effects, work);
    }

    fn look_at(&mut self, now: Instant, effects: u64, work: bool) {
        let last = std::mem::replace(&mut self.looked, now);
        let worked = std::mem::replace(&mut self.worked, work);
        if work || worked || effects > self.effects {
            self.busy += now - last;
        }
        self.effects = effects;
        for one in &mut self.incidents {
            if one.ended.is_some() && one.took.is_none() && effects > one.effects {
                one.took = Some(self.busy.saturating_sub(one.busy));
            }
        }
    }

    /// The run is over.
    pub fn end(&mut self) {
        self.took = self.began.elapsed();
    }

    /// How the faults ended. Those after which there was nothing left to do are none: that all has ended is judged by itself.
    pub fn recoveries(&self) -> Vec<Recovery> {
        let last_effect = self.effects;
        let with_work = self
            .incidents
            .iter()
            .filter(|one| one.effects < last_effect);
        let recoveries = with_work.map(|one| Recovery {
            fault: one.what.clone(),
            took: one.took,
        });
        recoveries.collect()
    }
}

fn wall_clock() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let micros = since.map_or(0, |since| since.as_micros());
    Moment::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// A run in numbers.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Jobs that were acknowledged.
    pub jobs: usize,
    /// How many of them are done.
    pub done: usize,
    /// How many are dead, by cause.
    pub dead: BTreeMap<String, usize>,
    /// How many were retried after their death.
    pub retried: usize,
    /// How many of the dead are ambiguous, with evidence.
    pub ambiguous_with_evidence: usize,
    /// Calls of all systems.
    pub calls: usize,
    /// Their effects.
    pub effects: usize,
    /// Jobs whose effect is there more than once.
    pub doubled: usize,
    /// Of what was acknowledged, what is neither done nor dead, or done without effect.
    pub lost: usize,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, usize>,
    /// From a fault's end to the next effect, without the time in which there was nothing to do: the median and the 99th percentile.
    pub recovery: Option<(Duration, Duration)>,
    /// The most calls of one tenant in one window, and how many it may have.
    pub highest: (usize, usize),
    /// 429 that we caused.
    pub refused: usize,
    /// How long it took.
    pub took: Duration,
    /// What is wrong with it.
    pub violations: Vec<check::Violation>,
}

impl Figures {
    /// What the run came to.
    pub fn of(history: &History, course: &Course) -> Self {
        let effects = Effects::of(history);
        let violations = check::check(history);
        let lost = violations
            .iter()
            .filter(|one| one.invariant == check::Invariant::NoneLost);
        let mut took: Vec<_> = course.incidents.iter().filter_map(|one| one.took).collect();
        took.sort_unstable();
        let mut faults = BTreeMap::new();
        for one in &course.incidents {
            *faults.entry(one.kind).or_default() += 1;
        }
        let deaths = history
            .fates
            .values()
            .filter_map(|fate| fate.death.as_ref());
        let mut dead = BTreeMap::new();
        for death in deaths.clone() {
            *dead.entry(death.cause.clone()).or_default() += 1;
        }
        let told = deaths.filter(|death| death.cause == "ambiguous" && death.evidence.is_some());
        let own = history.calls.iter();
        let own = own.filter(|call| call.status == Some(429) && call.fault.is_none());
        let is_done = |fate: &&Fate| fate.state == State::Done;
        Self {
            jobs: history.promises.len(),
            done: history.fates.values().filter(is_done).count(),
            dead,
            retried: history.retried.len(),
            ambiguous_with_evidence: told.count(),
            calls: history.calls.len(),
            effects: effects.all.len(),
            doubled: check::doubled(history, &effects),
            lost: lost.count(),
            faults,
            recovery: percentile(&took, 50).zip(percentile(&took, 99)),
            highest: (check::highest(history), history.allowance.calls),
            refused: own.count(),
            took: course.took,
            violations,
        }
    }

    /// The figures with their names, for a table.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let counted = |counts: Vec<String>| {
            if counts.is_empty() {
                "none".to_owned()
            } else {
                counts.join(", ")
            }
        };
        let dead = self
            .dead
            .iter()
            .map(|(cause, count)| format!("{count} {cause}"));
        let faults = self
            .faults
            .iter()
            .map(|(kind, count)| format!("{count} × {kind}"));
        let recovery = self.recovery.map_or("none".to_owned(), |(median, late)| {
            format!("p50 {median:.2?}, p99 {late:.2?}")
        });
        vec![
            ("jobs acknowledged", self.jobs.to_string()),
            ("done", self.done.to_string()),
            ("dead", counted(dead.collect())),
            ("retried after their death", self.retried.to_string()),
            (
                "ambiguous with evidence",
                self.ambiguous_with_evidence.to_string(),
            ),
            ("calls", self.calls.to_string()),
            ("effects", self.effects.to_string()),
            ("lost", self.lost.to_string()),
            ("doubled", self.doubled.to_string()),
            (
                "most calls in a window",
                format!("{} of {} allowed", self.highest.0, self.highest.1),
            ),
            ("429 that we caused", self.refused.to_string()),
            ("faults", counted(faults.collect())),
            ("from a fault's end to the next effect", recovery),
            ("took", format!("{:.0?}", self.took)),
            ("violations", self.violations.len().to_string()),
        ]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.rows() {
            writeln!(f, "{name:<40}{value}")?;
        }
        for violation in &self.violations {
            writeln!(f, "VIOLATED  {violation}")?;
        }
        Ok(())
    }
}

/// Of values in order, the least that so many percent of them do not exceed.
pub fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many seconds pass, at the end of which there are so many effects, and there is work, or is none.
    fn pass(course: &mut Course, seconds: u64, effects: u64, work: bool) {
        let now = course.looked + Duration::from_secs(seconds);
        course.look_at(now, effects, work);
    }

    fn took(course: &Course) -> Vec<Option<Duration>> {
        let recoveries = course.recoveries().into_iter();
        recoveries.map(|one| one.took).collect()
    }

    #[test]
    fn a_recovery_takes_the_time_in_which_there_was_work() {
        let mut course = Course::begin(0);
        course.look(10, true);
        course.began("kill", "a kill".into());
        course.ended("kill");
        pass(&mut course, 7, 10, false);
        pass(&mut course, 100, 10, false);
        assert_eq!(took(&course), [], "nothing was left to do");
        pass(&mut course, 10, 10, true);
        pass(&mut course, 60, 11, false);
        let took = took(&course)[0].expect("an effect after it");
        let busy = Duration::from_secs(77);
        assert!(took > busy / 2 && took <= busy, "{took:?} of {busy:?}");
    }
}
