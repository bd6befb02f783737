//! Which effect is whose.

use std::collections::{BTreeMap, HashMap};

use crate::sandbox::{Call, Effect, Kind};

use super::super::history::History;
use super::{Invariant, Violation};

/// An effect at the API, with the jobs that it is the work of.
#[derive(Debug)]
pub struct Made<'a> {
    /// The call that made it.
    pub call: &'a Call,
    /// The effect.
    pub effect: &'a Effect,
    /// By contact: the jobs, as places in [`History::promises`], ascending.
    pub of: BTreeMap<String, Vec<usize>>,
}

/// All effects, in the order in which they happened.
#[derive(Debug)]
pub struct Effects<'a> {
    /// Them.
    pub all: Vec<Made<'a>>,
    /// By job: places in `all`.
    by_job: HashMap<usize, Vec<usize>>,
}

impl<'a> Effects<'a> {
    /// What the calls of a run did, and for whom.
    pub fn of(history: &'a History) -> Self {
        let mut by_word: HashMap<(&str, &str), usize> = HashMap::new();
        for (at, promise) in history.promises.iter().enumerate() {
            by_word.insert((promise.contact.as_str(), promise.word.as_str()), at);
        }
        let mut calls: Vec<_> = history
            .calls
            .iter()
            .filter_map(|call| call.effect.as_ref().map(|effect| (call, effect)))
            // Who gets a token is no job's affair.
            .filter(|(_, effect)| !effect.change.kind.is_access())
            .collect();
        calls.sort_by_key(|(_, effect)| effect.order);
        let mut emails = HashMap::new();
        let (mut all, mut by_job) = (Vec::new(), HashMap::<usize, Vec<usize>>::new());
        for (call, effect) in calls {
            let of = owners(effect, &by_word, &mut emails);
            for job in of.values().flatten() {
                by_job.entry(*job).or_default().push(all.len());
            }
            all.push(Made { call, effect, of });
        }
        Self { all, by_job }
    }

    /// Those of one job.
    pub fn of_job(&self, job: usize) -> impl Iterator<Item = &Made<'a>> {
        let places = self.by_job.get(&job).into_iter().flatten();
        places.map(|place| &self.all[*place])
    }

    /// Those that no acknowledged job asked for.
    pub fn of_nobody(&self) -> Vec<Violation> {
        let alien = self.all.iter().filter(|made| made.of.is_empty());
        let shown = alien.map(|made| {
            Invariant::Once.violated(format!("an effect of no job: {}", shown(made.call)))
        });
        shown.collect()
    }
}

/// A call in one line of evidence.
pub(super) fn shown(call: &Call) -> String {
    serde_json::to_string(call).unwrap_or_default()
}

/// The jobs whose words are in what was written.
fn owners(
    effect: &Effect,
    by_word: &HashMap<(&str, &str), usize>,
    emails: &mut HashMap<String, String>,
) -> BTreeMap<String, Vec<usize>> {
    let change = &effect.change;
    let content = change.content.as_deref().unwrap_or_default();
    if change.kind == Kind::Contact
        && let (Some(id), Some(email)) = (&change.contact_id, email(content))
    {
        emails.insert(id.clone(), email);
    }
    let words: Vec<_> = words(content).collect();
    let mut owners = BTreeMap::new();
    for id in change.contact_id.iter().chain(&change.contacts) {
        let names = [Some(id), emails.get(id)].into_iter().flatten();
        let jobs = names.flat_map(|name| {
            let words = words.iter();
            words.filter_map(|word| by_word.get(&(name.as_str(), *word)).copied())
        });
        let mut jobs: Vec<_> = jobs.collect();
        jobs.sort_unstable();
        jobs.dedup();
        if !jobs.is_empty() {
            owners.insert(id.clone(), jobs);
        }
    }
    owners
}

fn email(content: &str) -> Option<String> {
    let content: serde_json::Value = serde_json::from_str(content).ok()?;
    content["email"].as_str().map(str::to_owned)
}

/// What [`super::super::workload`] puts into everything that a job writes: `lab-` and letters or digits.
fn words(content: &str) -> impl Iterator<Item = &str> {
    let found = content.match_indices("lab-").map(|(at, start)| {
        let rest = &content[at + start.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        &content[at..at + start.len() + end.unwrap_or(rest.len())]
    });
    found.filter(|word| word.len() > "lab-".len())
}
