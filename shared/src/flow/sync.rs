//! What an event says of a record that flows keep the same in several systems.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Broken, Flow, Flows, Known, plan::context};
use crate::event::{Event, Source};

/// What an event says of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// The fields.
    pub fields: Map<String, Value>,
    /// The systems that are told.
    pub to: BTreeSet<String>,
}

/// What is new of a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct News {
    /// The values that count.
    pub values: Map<String, Value>,
    /// Those of them that are new.
    pub changed: Map<String, Value>,
    /// Only this system is told, since it alone does not know them.
    pub only_to: Option<String>,
}

impl Flows {
    /// What an event says to the flows that keep something the same; `None` if there are none that begin with it.
    pub fn word(&self, event: &Event, known: &Known) -> Result<Option<Word>, Broken> {
        let mut word: Option<Word> = None;
        let flows = self.iter().filter(|flow| flow.begins_with(event));
        for flow in flows {
            let Some(sync) = &flow.sync else {
                continue;
            };
            let said = self.said(flow, event, known)?;
            let word = word.get_or_insert_with(|| Word {
                fields: Map::new(),
                to: BTreeSet::new(),
            });
            word.fields.extend(said);
            word.to.extend(sync.to.iter().cloned());
        }
        Ok(word)
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
        let context = context(self, event, known, &Map::new(), None);
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
        let context = context(self, event, known, &Map::new(), None);
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
    /// Whether it is to be followed, as far as what it keeps the same is concerned.
    pub(super) fn has_news(&self, news: Option<&News>) -> bool {
        let only_to = news.and_then(|news| news.only_to.as_ref());
        let Some(sync) = &self.sync else {
            // Once more only those are followed that keep something the same.
            return only_to.is_none();
        };
        let is_new = news.is_some_and(|news| !news.changed.is_empty());
        is_new && only_to.is_none_or(|only| sync.to.contains(only))
    }
}
