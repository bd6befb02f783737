//! What was written for an event, and where: to a flow that is followed later it is new too, be it that it looks at the contact, or was mended. What
//! is known of the record tells that for a day only, and nobody lacks any more what was written.

use std::collections::{BTreeMap, BTreeSet};

use penstock_shared::{
    job::{HandleEvent, Line, List, Telling},
    queue::run::field,
};
use serde_json::json;

use crate::assignment::Assignment;

/// By system, the fields.
#[derive(Debug, Default)]
pub struct Written(BTreeMap<String, BTreeSet<String>>);

impl Written {
    /// What an event has kept of it: from the one that it is once more, and from its own deliveries.
    pub fn kept(job: &Assignment, handle: &HandleEvent) -> Self {
        let noted = job.claimed.run.text(field::WRITTEN);
        let noted = noted.and_then(|json| serde_json::from_str(json).ok());
        let mut kept = Self(noted.unwrap_or_default());
        for telling in handle.written.iter().flat_map(|all| all.iter()) {
            kept.add(telling.to.as_str(), telling.fields.iter().map(Line::as_str));
        }
        kept
    }

    /// This is written there too.
    pub fn add<'f>(&mut self, to: &str, fields: impl IntoIterator<Item = &'f str>) {
        let fields: BTreeSet<_> = fields.into_iter().map(str::to_owned).collect();
        if !fields.is_empty() {
            self.0.entry(to.to_owned()).or_default().extend(fields);
        }
    }

    /// What is written to a system.
    pub fn to(&self, system: &str) -> impl Iterator<Item = &str> {
        let fields = self.0.get(system).into_iter().flatten();
        fields.map(String::as_str)
    }

    /// Keeps it for the event's next delivery, if there is one.
    pub fn note(&self, job: &Assignment) {
        if !self.0.is_empty() {
            job.note(field::WRITTEN, json!(self.0).to_string());
        }
    }

    /// The same for the event that it is once more.
    pub fn tellings(&self) -> Option<List<Telling, 1, 64>> {
        let tellings = self.0.iter().filter_map(|(to, fields)| {
            let fields = fields.iter().filter_map(|field| field.parse::<Line>().ok());
            let fields = List::try_from(fields.collect::<Vec<_>>()).ok()?;
            let to = to.parse().ok()?;
            Some(Telling { to, fields })
        });
        List::try_from(tellings.collect::<Vec<_>>()).ok()
    }
}
