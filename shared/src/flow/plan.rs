//! From an event to the jobs that follow from it.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use minijinja::{Value as Context, value::Serde};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Action, Failure, Flow, Flows, News};
use crate::{
    event::Event,
    job::{self, ContactRef, Job, JobId},
};

/// The most jobs that one action makes of a list.
const MOST_ITEMS: usize = 500;

/// What is known besides the event.
#[derive(Debug, Clone)]
pub struct Known {
    /// When the event came, which `now` is to templates: planned again, the jobs must be the same.
    pub now: Timestamp,
    /// The contact as GHL has it: `Some(Null)` if GHL has none, `None` as long as it was not asked.
    pub contact: Option<Value>,
    /// What the person's records are called elsewhere.
    pub links: Value,
    /// What is new of what flows keep the same.
    pub news: Option<News>,
}

/// What follows from an event.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The jobs, in the order in which they are to be enqueued.
    pub jobs: Vec<Planned>,
    /// What could not be made.
    pub broken: Vec<Broken>,
    /// The flows that wait for the contact.
    pub reads_contact: BTreeSet<String>,
}

impl Plan {
    /// Leaves out what was followed before: its jobs may be done, and forgotten.
    pub fn skip(&mut self, followed: &BTreeSet<String>) {
        self.jobs.retain(|job| !followed.contains(&job.flow));
        self.broken
            .retain(|broken| !followed.contains(&broken.flow));
        self.reads_contact.retain(|flow| !followed.contains(flow));
    }

    /// The flows by which something follows, now or once the contact is known.
    pub fn followed(&self) -> BTreeSet<String> {
        let now = self.jobs.iter().map(|job| job.flow.clone());
        now.chain(self.reads_contact.iter().cloned()).collect()
    }
}

/// A job that follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// From which flow.
    pub flow: String,
    /// The job, under an id that is made of the event's: planned again it is the same.
    pub job: Job,
}

/// A flow, or one of its actions, that has failed; nothing in it is personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("flow {flow}: {message}")]
pub struct Broken {
    /// Which.
    pub flow: String,
    /// Where and why.
    pub message: String,
}

impl Flows {
    /// What follows from an event. Once the contact is known only those follow that look at it: the others have before.
    pub fn plan(&self, event: &Event, known: &Known) -> Plan {
        let mut plan = Plan::default();
        let flows = self.iter();
        for flow in flows.filter(|flow| flow.begins_with(event)) {
            if !flow.has_news(known.news.as_ref()) {
                continue;
            }
            match (&known.contact, flow.reads_contact) {
                (None, true) => {
                    if Running::new(self, flow, event, known).may_follow() {
                        plan.reads_contact.insert(flow.name.clone());
                    }
                }
                (Some(_), false) => {}
                _ => self.plan_flow(flow, event, known, &mut plan),
            }
        }
        plan
    }

    /// What follows by one flow, whoever else's event it is.
    pub fn plan_one(&self, flow: &Flow, event: &Event, known: &Known) -> Plan {
        let mut plan = Plan::default();
        self.plan_flow(flow, event, known, &mut plan);
        plan
    }

    /// Which fields are wrong of what an action would make, tried out: by their paths within the job.
    pub(super) fn faults(
        &self,
        flow: &Flow,
        action: &Action,
        event: &Event,
        known: &Known,
    ) -> Vec<job::Fault> {
        let mut running = Running::new(self, flow, event, known);
        // As if all had been made that it may refer to.
        let names = flow.actions.iter().filter_map(|action| action.name.clone());
        let made = names.map(|name| (name, Value::from("tried-out")));
        running.jobs.extend(made);
        let item = running.items(action, "").ok();
        let Some(item) = item.and_then(|items| items.into_iter().next()) else {
            return Vec::new();
        };
        let context = running.context(item.as_ref());
        let job = running.job(action, "tried-out", &context, "");
        let read = job.map(Job::from_value);
        read.map_or_else(|_| Vec::new(), |read| read.err().unwrap_or_default())
    }

    fn plan_flow(&self, flow: &Flow, event: &Event, known: &Known, plan: &mut Plan) {
        let mut running = Running::new(self, flow, event, known);
        if let Err(message) = running.run(&mut plan.jobs) {
            plan.broken.push(Broken {
                flow: flow.name.clone(),
                message,
            });
        }
    }
}

fn told(path: &str, faults: &[job::Fault]) -> String {
    let faults = faults.iter().map(|fault| format!("{path}.{fault}"));
    faults.collect::<Vec<_>>().join("; ")
}

/// One flow, for one event.
struct Running<'a> {
    flows: &'a Flows,
    flow: &'a Flow,
    event: &'a Event,
    known: &'a Known,
    /// The ids of the jobs before, by their actions' names.
    jobs: Map<String, Value>,
}

impl<'a> Running<'a> {
    fn new(flows: &'a Flows, flow: &'a Flow, event: &'a Event, known: &'a Known) -> Self {
        Self {
            flows,
            flow,
            event,
            known,
            jobs: Map::new(),
        }
    }

    /// Whether it depends on the contact, which is not read yet, if it is followed. A condition that fails is told of once it is.
    fn may_follow(&self) -> bool {
        let holds = self.holds(&self.flow.when_before, &self.context(None), "when");
        holds.unwrap_or(true)
    }

    /// Nothing is enqueued of a flow that fails half-way: its next run makes all of it.
    fn run(&mut self, jobs: &mut Vec<Planned>) -> Result<(), String> {
        let context = self.context(None);
        if !self.holds(&self.flow.when, &context, "when")? {
            return Ok(());
        }
        let mut made = Vec::new();
        for (index, action) in self.flow.actions.iter().enumerate() {
            let path = format!("do[{index}]");
            for (number, item) in self.items(action, &path)?.into_iter().enumerate() {
                let context = self.context(item.as_ref());
                if !self.holds(&action.when, &context, &format!("{path}.when"))? {
                    continue;
                }
                let name = action.name.clone().unwrap_or_else(|| index.to_string());
                let part = match item {
                    Some(_) => format!("{name}.{number}"),
                    None => name.clone(),
                };
                let id = self.id(&part);
                let job = self.job(action, &id, &context, &path)?;
                let job = Job::from_value(job).map_err(|faults| told(&path, &faults))?;
                self.jobs.insert(name, Value::String(id));
                made.push(Planned {
                    flow: self.flow.name.clone(),
                    job,
                });
            }
        }
        jobs.extend(made);
        Ok(())
    }

    fn holds(&self, conditions: &[String], context: &Context, path: &str) -> Result<bool, String> {
        for condition in conditions {
            let holds = self.flows.engine.holds(condition, context);
            if !holds.map_err(|error| format!("{path}: {error}"))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What an action is done for: each item of its list, or once for nothing.
    fn items(&self, action: &Action, path: &str) -> Result<Vec<Option<Value>>, String> {
        let Some(list) = &action.for_each else {
            return Ok(vec![None]);
        };
        let path = format!("{path}.for_each");
        let items = self.flows.engine.evaluate(list, &self.context(None));
        match items.map_err(|error| format!("{path}: {error}"))? {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() <= MOST_ITEMS => {
                Ok(items.into_iter().map(Some).collect())
            }
            Some(Value::Array(_)) => Err(format!("{path}: more than {MOST_ITEMS} items")),
            Some(_) => Err(format!("{path}: it comes to no list")),
        }
    }

    fn job(
        &self,
        action: &Action,
        id: &str,
        context: &Context,
        path: &str,
    ) -> Result<Value, String> {
        let engine = &self.flows.engine;
        let rendered = |failure: Failure| failure.to_string();
        let payload = action
            .payload
            .render(engine, context, &format!("{path}.payload"));
        let payload = payload.map_err(rendered)?;
        let mut job = json!({
            "type": action.job_type,
            "tenant": self.event.tenant,
            "id": id,
            "priority": action.priority,
            "payload": payload,
        });
        if let Some(run_at) = &action.run_at {
            let run_at = run_at.render(engine, context, &format!("{path}.run_at"));
            if let Some(run_at) = run_at.map_err(rendered)? {
                job["runAt"] = run_at;
            }
        }
        if let Some(attempts) = action.max_attempts {
            job["maxAttempts"] = json!(attempts);
        }
        Ok(job)
    }

    /// The id of a job: out of the event's, the flow's and the action's name.
    fn id(&self, part: &str) -> String {
        let plain = format!("{}/{}/{part}", self.event.id, self.flow.name);
        if plain.parse::<JobId>().is_ok() {
            return plain;
        }
        let digest = Sha256::digest(&plain);
        format!("flow:sha256-{}", URL_SAFE_NO_PAD.encode(&digest[..16]))
    }

    /// What templates see.
    fn context(&self, item: Option<&Value>) -> Context {
        context(
            self.flows, self.flow, self.event, self.known, &self.jobs, item,
        )
    }
}

/// What templates see.
pub(super) fn context(
    flows: &Flows,
    flow: &Flow,
    event: &Event,
    known: &Known,
    jobs: &Map<String, Value>,
    item: Option<&Value>,
) -> Context {
    let person = &event.contact;
    let reference = person.refs().into_iter().next();
    let linked = known.links.get("ghl").and_then(Value::as_str);
    let linked = linked.map(|id| json!({ "id": id }));
    let reference = linked.or(reference.map(|reference: ContactRef| json!(reference)));
    let now = Timestamp::from_second(known.now.as_second()).unwrap_or(known.now);
    let mut context = json!({
        "event": {
            "kind": event.kind, "source": event.source, "id": event.id, "occurredAt": event.occurred_at,
            "truncated": event.truncated,
        },
        "data": event.data,
        "person": person,
        "links": known.links,
        "tenant": event.tenant,
        "now": now,
        "vars": flows.vars,
        "jobs": jobs,
    });
    context["person"]["ref"] = reference.unwrap_or_default();
    if let Some(news) = &known.news {
        context["sync"] = Value::Object(news.values.clone());
        context["changed"] = Value::Object(flow.changed(news));
    }
    if let Some(contact) = &known.contact {
        context["contact"] = contact.clone();
    }
    if let Some(item) = item {
        context["item"] = item.clone();
    }
    Serde(context).into()
}
