//! What templates may look at: known by name, so that a misspelt one is found before any event comes.

use serde_json::Value;

use super::{fault::Faults, template::Uses, trigger::Trigger, written};

/// What every template sees.
const ROOTS: [&str; 9] = [
    "event", "data", "person", "contact", "links", "tenant", "now", "vars", "jobs",
];
const EVENT: [&str; 5] = ["kind", "source", "id", "occurredAt", "truncated"];
const PERSON: [&str; 4] = ["id", "email", "phone", "ref"];
/// What the engine brings along.
const GLOBALS: [&str; 3] = ["range", "dict", "namespace"];

/// What there is to look at, in one flow.
pub(super) struct Scope<'a> {
    /// `None`: nobody knows what its events hold.
    pub(super) triggers: Option<&'a [&'static Trigger]>,
    pub(super) vars: &'a Value,
    /// The names of the actions before.
    pub(super) jobs: &'a [String],
    /// Whether there is an item.
    pub(super) has_item: bool,
    /// Whether there is something that is kept the same.
    pub(super) has_sync: bool,
}

impl Scope<'_> {
    /// Notes what is looked at and not there. Returns whether the contact is looked at.
    pub(super) fn check(&self, uses: &Uses, faults: &Faults) -> bool {
        let mut reads_contact = false;
        for (line, path, name) in &uses.0 {
            let (root, rest) = name.split_once('.').unwrap_or((name, ""));
            let member = rest.split('.').next().unwrap_or_default();
            reads_contact |= root == "contact";
            if let Some(message) = self.fault(root, member) {
                faults.note(*line, path, message);
            }
        }
        reads_contact
    }

    fn fault(&self, root: &str, member: &str) -> Option<String> {
        let missing = |what: &str, name: &str, known: Vec<&str>| {
            let told = written::unknown(name, known.into_iter());
            Some(format!("{what}{name}: {told}"))
        };
        match root {
            "item" if self.has_item => None,
            "sync" | "changed" if self.has_sync => None,
            _ if GLOBALS.contains(&root) => None,
            _ if !ROOTS.contains(&root) => missing("", root, ROOTS.to_vec()),
            _ if member.is_empty() => None,
            "event" if !EVENT.contains(&member) => missing("event.", member, EVENT.to_vec()),
            "person" if !PERSON.contains(&member) => missing("person.", member, PERSON.to_vec()),
            "vars" if self.vars.get(member).is_none() => {
                let known = self.vars.as_object().into_iter().flatten();
                missing(
                    "vars.",
                    member,
                    known.map(|(name, _)| name.as_str()).collect(),
                )
            }
            "jobs" if !self.jobs.iter().any(|name| name == member) => {
                let known = self.jobs.iter().map(String::as_str).collect();
                missing("jobs.", member, known)
            }
            "data" => {
                let fields = self.triggers?.iter().flat_map(|trigger| trigger.fields());
                let known: Vec<_> = fields.map(|field| field.name).collect();
                let is_known = known.contains(&member);
                (!is_known)
                    .then(|| missing("data.", member, known))
                    .flatten()
            }
            _ => None,
        }
    }
}
