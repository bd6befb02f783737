//! Effects of one contact come in the order in which its jobs were acknowledged.
//!
//! An effect of a job that comes after one of a later job of its contact is out of order, be it a repetition: it may undo that. Jobs that shared a call are
//! one in this: if its answer was lost, each of them is repeated by itself, the earlier one after the effect of both. Then the later one must come
//! once more after it.
//!
//! A job that was retried after its death has joined the end of its contact's sequence, wherever that was, and one that refers to it has let it pass:
//! they are left out of this.

use std::collections::{BTreeMap, HashSet};

use super::super::history::History;
use super::super::ledger::Call;
use super::effects::shown;
use super::{Effects, Invariant, Violation};

/// The effects of one contact, each with its jobs, ascending.
type Course<'a> = Vec<(Vec<usize>, &'a Call)>;

pub(super) fn check(history: &History, effects: &Effects<'_>) -> Vec<Violation> {
    let moved = moved(history);
    let mut courses: BTreeMap<&str, Course<'_>> = BTreeMap::new();
    for made in &effects.all {
        for (contact, jobs) in &made.of {
            let jobs = jobs
                .iter()
                .copied()
                .filter(|job| !moved.contains(history.promises[*job].id.as_str()));
            let jobs: Vec<_> = jobs.collect();
            if !jobs.is_empty() {
                courses.entry(contact).or_default().push((jobs, made.call));
            }
        }
    }
    let mut found = Vec::new();
    for course in courses.values() {
        found.extend(overtaken(history, course));
        found.extend(undone(history, course));
    }
    found
}

/// The jobs that may have been retried, and those that wait for one of these: they come after it.
fn moved(history: &History) -> HashSet<&str> {
    let mut moved: HashSet<&str> = history.retried.iter().map(String::as_str).collect();
    for promise in &history.promises {
        let parent = promise.parent.as_deref();
        if parent.is_some_and(|parent| moved.contains(parent)) {
            moved.insert(&promise.id);
        }
    }
    moved
}

/// Effects that come after that of a later job which they did not share a call with.
fn overtaken<'a>(
    history: &'a History,
    course: &'a Course<'a>,
) -> impl Iterator<Item = Violation> + 'a {
    course.iter().enumerate().flat_map(move |(at, made)| {
        let first = made.0.first().copied().unwrap_or(0);
        let before = course[..at].iter();
        let overtook = before.filter(move |(others, _)| {
            others.last().is_some_and(|last| *last > first) && !others.contains(&first)
        });
        overtook.map(move |earlier| violated(history, made, earlier))
    })
}

/// Later jobs whose last effect comes before the last one of an earlier job.
fn undone<'a>(
    history: &'a History,
    course: &'a Course<'a>,
) -> impl Iterator<Item = Violation> + 'a {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, (jobs, _)) in course.iter().enumerate() {
        last.extend(jobs.iter().map(|job| (*job, at)));
    }
    let last: Vec<_> = last.into_values().collect();
    let pairs: Vec<_> = last.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let undone = pairs.into_iter().filter(|(earlier, later)| earlier > later);
    undone.map(move |(earlier, later)| violated(history, &course[earlier], &course[later]))
}

fn violated(
    history: &History,
    (jobs, call): &(Vec<usize>, &Call),
    (before, earlier): &(Vec<usize>, &Call),
) -> Violation {
    let ids = |jobs: &[usize]| {
        let ids = jobs.iter().map(|job| history.promises[*job].id.as_str());
        ids.collect::<Vec<_>>().join("+")
    };
    Invariant::Order.violated(format!(
        "{} took effect after {}: {} after {}",
        ids(jobs),
        ids(before),
        shown(call),
        shown(earlier)
    ))
}
