//! What an event says of a record that flows keep the same in several systems.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Broken, Flow, Flows, Known, plan::context};
use crate::event::{Event, Source};

/// What an event says of a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Word {
    /// The fields.
    pub fields: Map<String, Value>,
    /// The systems that are told.
    pub to: BTreeSet<String>,
    /// What could not be made of it: these flows are not followed.
    pub broken: Vec<Broken>,
}

/// What is new of a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct News {
    /// The values that count.
    pub values: Map<String, Value>,
    /// By system, the fields that it does not have as they count, nor will have.
    pub lacking: BTreeMap<String, BTreeSet<String>>,
    /// Only this system is told, since it alone does not know them.
    pub only_to: Option<String>,
    /// Flows that are not followed, since something is wrong with them.
    pub withheld: BTreeSet<String>,
}

impl News {
    /// As if nothing had been known of the record before.
    pub fn all_of(word: &Word) -> Self {
        let names: BTreeSet<_> = word.fields.keys().cloned().collect();
        let lacking = word.to.iter().map(|to| (to.clone(), names.clone()));
        Self {
            values: word.fields.clone(),
            lacking: lacking.collect(),
            ..Self::default()
        }
    }
}

impl Flows {
    /// What an event says to the flows that keep something the same; `None` if there are none that begin with it.
    pub fn word(&self, event: &Event, known: &Known) -> Option<Word> {
        let mut word: Option<Word> = None;
        let flows = self.iter().filter(|flow| flow.begins_with(event));
        for flow in flows {
            let Some(sync) = &flow.sync else {
                continue;
            };
            let word = word.get_or_insert_default();
            match self.said(flow, event, known) {
                Ok(said) => {
                    word.fields.extend(said);
                    word.to.extend(sync.to.iter().cloned());
                }
                Err(broken) => word.broken.push(broken),
            }
        }
        word
    }

    /// The flows that keep something the same with a system, and begin with this event.
    pub fn telling<'a>(&'a self, event: &'a Event, to: &'a str) -> impl Iterator<Item = &'a Flow> {
        let flows = self.iter().filter(move |flow| flow.begins_with(event));
        flows.filter(move |flow| flow.sync.as_ref().is_some_and(|sync| sync.to.contains(to)))
    }

    fn said(
        &self,
        flow: &Flow,
        event: &Event,
        known: &Known,
    ) -> Result<Map<String, Value>, Broken> {
        let Some(sync) = &flow.sync else {
            return Ok(Map::new());
        };
        let context = context(self, flow, event, known, &Map::new(), None);
        let said = sync.fields.render(&self.engine, &context, "sync.fields");
        match said.map_err(|failure| broken(flow, &failure))? {
            Some(Value::Object(fields)) => Ok(fields),
            _ => Ok(Map::new()),
        }
    }

    /// The id of the record that an event is about, in its sender's system. GHL's records are its contacts; of others it is `data.id`, unless a
    /// flow that begins with the event says otherwise.
    pub fn record(&self, event: &Event, known: &Known) -> Result<Option<String>, Broken> {
        if event.source == Source::Ghl {
            return Ok(event.contact.id.as_ref().map(|id| id.as_str().to_owned()));
        }
        let mut flows = self.iter().filter(|flow| flow.begins_with(event));
        let said = flows.find_map(|flow| Some((flow, flow.record.as_deref()?)));
        let Some((flow, source)) = said else {
            return Ok(event.data.members().get("id").and_then(id_of));
        };
        let context = context(self, flow, event, known, &Map::new(), None);
        let value = self.engine.evaluate(source, &context);
        let value = value.map_err(|error| broken(flow, &format!("record: {error}")))?;
        Ok(value.as_ref().and_then(id_of))
    }
}

fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn broken(flow: &Flow, message: &impl ToString) -> Broken {
    Broken {
        flow: flow.name.clone(),
        message: message.to_string(),
    }
}

impl Flow {
    /// Whether it keeps something the same.
    pub fn is_sync(&self) -> bool {
        self.sync.is_some()
    }

    /// Whether the systems that it tells have that by its jobs.
    pub fn writes(&self) -> bool {
        self.sync.as_ref().is_some_and(|sync| sync.writes)
    }

    /// What it hears of, without writing it, that none of these writes: field and system.
    pub(super) fn unwritten<'a>(&'a self, flows: &'a [Self]) -> Option<(&'a str, &'a str)> {
        let sync = self.sync.as_ref().filter(|sync| !sync.writes)?;
        let fields = sync.fields.names().unwrap_or_default();
        let to = sync.to.iter().map(String::as_str);
        let mut all = to.flat_map(|to| fields.iter().map(move |field| (*field, to)));
        all.find(|(field, to)| !flows.iter().any(|flow| flow.writes_to(self, field, to)))
    }

    fn writes_to(&self, hearing: &Self, field: &str, to: &str) -> bool {
        let sync = self.sync.as_ref().filter(|sync| sync.writes);
        let sync = sync.filter(|sync| sync.to.contains(to) && self.meets(hearing));
        sync.is_some_and(|sync| {
            let names = sync.fields.names();
            names.is_none_or(|names| names.contains(&field))
        })
    }

    /// Whether it is to be followed, as far as what it keeps the same is concerned.
    pub(super) fn has_news(&self, news: Option<&News>) -> bool {
        if self.sync.is_none() {
            // Once more only those are followed that keep something the same.
            return news.is_none_or(|news| news.only_to.is_none());
        }
        let news = news.filter(|news| !news.withheld.contains(&self.name));
        news.is_some_and(|news| !self.changed(news).is_empty())
    }

    /// What is new to any of the systems that it tells.
    pub(super) fn changed(&self, news: &News) -> Map<String, Value> {
        let told = self.tells(news).into_iter();
        told.flat_map(|(_, fields)| fields).collect()
    }

    /// Which systems it tells what of that.
    pub fn tells(&self, news: &News) -> Vec<(String, Map<String, Value>)> {
        let Some(sync) = &self.sync else {
            return Vec::new();
        };
        let names = sync.fields.names();
        let is_kept = |name: &str| names.as_ref().is_none_or(|names| names.contains(&name));
        let only_to = news.only_to.as_ref();
        let to = sync.to.iter();
        let to = to.filter(|to| only_to.is_none_or(|only| only == *to));
        let told = to.filter_map(|to| {
            let fields = news.lacking.get(to)?.iter();
            let fields = fields.filter(|name| is_kept(name));
            let fields =
                fields.filter_map(|name| Some((name.clone(), news.values.get(name)?.clone())));
            Some((to.clone(), fields.collect::<Map<_, _>>()))
        });
        told.filter(|(_, fields)| !fields.is_empty()).collect()
    }
}
