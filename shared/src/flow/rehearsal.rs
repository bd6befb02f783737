//! Every flow, tried out with the example of its trigger: what is the same for each event must be right.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Flow, Flows, Known, cadence, fault::Fault, trigger::Trigger};
use crate::{
    event::{Data, Event, Person, Source},
    job::{JobId, Tenant},
};

/// What is certainly wrong.
pub(super) fn run(flows: &Flows) -> Vec<Fault> {
    let faults = flows.iter().flat_map(|flow| of_flow(flows, flow));
    let mut faults: Vec<_> = faults.collect();
    faults.sort();
    faults
}

fn of_flow(flows: &Flows, flow: &Flow) -> Vec<Fault> {
    let Some(event) = sample(flow) else {
        return Vec::new();
    };
    let known = Known {
        now: Timestamp::UNIX_EPOCH,
        contact: Some(json!({})),
        links: json!({}),
        news: None,
    };
    let mut faults = Vec::new();
    for (index, action) in flow.actions.iter().enumerate() {
        for fault in flows.faults(flow, action, &event, &known) {
            // What a template makes of an example may be wrong because the example is another.
            let within = fault.path.strip_prefix("payload");
            if !within.is_some_and(|path| action.payload.is_constant_at(path)) {
                continue;
            }
            let path = format!("flow {}: do[{index}].{}", flow.name, fault.path);
            faults.push(Fault::new(action.line, &path, fault.message));
        }
    }
    faults
}

/// The example of the event that a flow begins with; `None` where nobody knows what it holds.
pub fn sample(flow: &Flow) -> Option<Event> {
    let mut data = Trigger::named(flow.on.as_str())?.sample();
    if flow.every.is_some() {
        data.insert(cadence::FLOW.to_owned(), flow.name.as_str().into());
    }
    let tenant = flow.tenants.first().cloned();
    Some(Event {
        source: source(flow.on.as_str()),
        kind: flow.on.clone(),
        tenant: tenant.or_else(|| "ve9EPM428h8vShlRW1KT".parse::<Tenant>().ok())?,
        id: "example:1".parse::<JobId>().ok()?,
        occurred_at: None,
        contact: person(flow.on.as_str(), &data),
        truncated: false,
        data: Data::bounded(data).0,
    })
}

fn source(kind: &str) -> Source {
    match kind.split('.').next() {
        Some("sms") => Source::Smsfactor,
        Some("smore") => Source::Smore,
        Some(cadence::SCHEDULE) => cadence::source(),
        _ => Source::Ghl,
    }
}

fn person(kind: &str, data: &Map<String, Value>) -> Person {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let is_contact = kind.to_lowercase().starts_with("contact");
    let id = text("contactId").or_else(|| text("id").filter(|_| is_contact));
    Person {
        id: id.and_then(|id| id.parse().ok()),
        email: text("email").and_then(|email| email.parse().ok()),
        phone: text("phone").and_then(|phone| phone.parse().ok()),
    }
}
