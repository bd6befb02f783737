//! Which effect is whose.

use std::collections::{BTreeMap, HashMap};

use super::super::history::{History, Promise};
use super::super::ledger::{Call, Effect, Nature};
use super::super::trace::Trace;
use super::{Invariant, Violation};

/// An effect in one of the systems, with the jobs that it is the work of.
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
        let mut calls: Vec<_> = history
            .calls
            .iter()
            .filter_map(|call| call.effect.as_ref().map(|effect| (call, effect)))
            .collect();
        calls.sort_by_key(|(call, effect)| (call.system, effect.order));
        let mut register = Register::of(&history.promises);
        let (mut all, mut by_job) = (Vec::new(), HashMap::<usize, Vec<usize>>::new());
        for (call, effect) in calls {
            let of = register.owners(call, effect);
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

/// What tells effects apart: what is done by which operation to whom.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sign<'a> {
    operation: &'a str,
    contact: &'a str,
    trace: &'a Trace,
}

/// The jobs by their signs, and what the ledger has told so far.
struct Register<'a> {
    promises: &'a [Promise],
    by_sign: HashMap<Sign<'a>, usize>,
    /// The addresses of contacts that were made, by their ids.
    emails: HashMap<String, String>,
    /// The jobs that made something, by its id.
    makers: HashMap<String, usize>,
}

impl<'a> Register<'a> {
    fn of(promises: &'a [Promise]) -> Self {
        let signs = promises.iter().enumerate().flat_map(|(at, promise)| {
            let operations = promise.operations.iter();
            operations.map(move |operation| {
                let sign = Sign {
                    operation,
                    contact: &promise.contact,
                    trace: &promise.trace,
                };
                (sign, at)
            })
        });
        Self {
            promises,
            by_sign: signs.collect(),
            emails: HashMap::new(),
            makers: HashMap::new(),
        }
    }

    /// The jobs whose work an effect is, by contact.
    fn owners(&mut self, call: &Call, effect: &Effect) -> BTreeMap<String, Vec<usize>> {
        if let (Nature::Contact, [id], Some(email)) =
            (effect.nature, &effect.contacts[..], email(&effect.content))
        {
            self.emails.insert(id.clone(), email);
        }
        let traces = self.traces(effect);
        let mut owners = BTreeMap::new();
        for id in &effect.contacts {
            let names = [Some(id), self.emails.get(id)].into_iter().flatten();
            let jobs = names.flat_map(|contact| {
                traces.iter().filter_map(|trace| {
                    let sign = Sign {
                        operation: call.operation,
                        contact,
                        trace,
                    };
                    self.by_sign.get(&sign).copied()
                })
            });
            let mut jobs: Vec<_> = jobs.collect();
            jobs.sort_unstable();
            jobs.dedup();
            if !jobs.is_empty() {
                owners.insert(id.clone(), jobs);
            }
        }
        self.learn(effect, &owners);
        owners
    }

    /// All that its job may be known by.
    fn traces(&self, effect: &Effect) -> Vec<Trace> {
        let words = words(&effect.content).map(|word| Trace::Word(word.to_owned()));
        let maker = effect.id.as_ref().and_then(|id| self.makers.get(id));
        let part = maker.map(|maker| Trace::Part(self.promises[*maker].id.clone()));
        words.chain(part).chain([Trace::Alone]).collect()
    }

    fn learn(&mut self, effect: &Effect, owners: &BTreeMap<String, Vec<usize>>) {
        let mut jobs = owners.values().flatten();
        if let (Nature::Creation, Some(id), Some(job)) = (effect.nature, &effect.id, jobs.next()) {
            self.makers.insert(id.clone(), *job);
        }
    }
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
