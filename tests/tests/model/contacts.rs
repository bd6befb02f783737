//! The contacts of one tenant, each with its open jobs in the order in which they run.

use std::collections::{BTreeMap, BTreeSet};

use crate::spec::Key;

/// One contact, as far as is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contact {
    names: BTreeSet<String>,
    /// By order of joining: the job whose turn it is. More than one only where several ran when their contacts turned out to be one.
    pub(crate) first: BTreeMap<u64, Key>,
    /// By order of joining: those that wait for their turn.
    pub(crate) behind: BTreeMap<u64, Key>,
}

/// The contacts of one tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contacts(Vec<Contact>);

impl Contacts {
    /// These names are one contact's from now on. What runs goes on; of the others only the earliest is first.
    pub(crate) fn unite(&mut self, names: &[String], runs: impl Fn(Key) -> bool) {
        let (same, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|contact| names.iter().any(|name| contact.names.contains(name)));
        let several = same.len() > 1;
        let mut one = Contact::default();
        one.names.extend(names.iter().cloned());
        for contact in same {
            one.names.extend(contact.names);
            one.first.extend(contact.first);
            one.behind.extend(contact.behind);
        }
        if several {
            one.order(runs);
        }
        self.0 = others;
        self.0.push(one);
    }

    /// The contact in whose line the job is.
    pub(crate) fn of(&self, key: Key) -> Option<&Contact> {
        self.0.iter().find(|contact| contact.holds(key))
    }

    fn of_mut(&mut self, key: Key) -> Option<&mut Contact> {
        self.0.iter_mut().find(|contact| contact.holds(key))
    }

    /// The job goes to the end of its contact's line.
    pub(crate) fn join(&mut self, name: &str, place: u64, key: Key) {
        let contact = self.0.iter_mut().find(|one| one.names.contains(name));
        let contact = contact.expect("a job's names were united");
        if contact.first.is_empty() {
            contact.first.insert(place, key);
        } else {
            contact.behind.insert(place, key);
        }
    }

    /// The job has ended; returns the one whose turn it is now.
    pub(crate) fn leave(&mut self, key: Key) -> Option<Key> {
        let contact = self.of_mut(key)?;
        contact.first.retain(|_, first| *first != key);
        if !contact.first.is_empty() {
            return None;
        }
        let (place, next) = contact.behind.pop_first()?;
        contact.first.insert(place, next);
        Some(next)
    }

    /// The job goes on later. It keeps its turn, unless another one of its contact runs: then it waits, and this is true.
    pub(crate) fn step_aside(&mut self, key: Key) -> bool {
        let Some(contact) = self.of_mut(key).filter(|contact| contact.first.len() > 1) else {
            return false;
        };
        let place = contact.first.iter().find(|(_, first)| **first == key);
        let place = *place.expect("what ran was first").0;
        contact.first.remove(&place);
        contact.behind.insert(place, key);
        true
    }
}

impl Contact {
    fn holds(&self, key: Key) -> bool {
        self.first
            .values()
            .chain(self.behind.values())
            .any(|it| *it == key)
    }

    fn order(&mut self, runs: impl Fn(Key) -> bool) {
        let (running, mut idle): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.first)
            .into_iter()
            .partition(|(_, key)| runs(*key));
        self.first = running;
        if self.first.is_empty() {
            self.first.extend(idle.pop_first());
        }
        self.behind.extend(idle);
    }
}
