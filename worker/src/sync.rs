//! What an event says of a record that is kept the same in several systems: what of that is new is decided once, and written down before anything follows.

use std::time::Duration;

use jiff::Timestamp;
use penstock_shared::{
    event::{Data, Event, Kind, Person},
    flow::{Broken, Flows, Known, News, Word},
    job::{Again, Destination, HandleEvent, Job, JobId, Line, List, Payload},
    link::{Memory, Saying, Seen, Told},
    outcome::Outcome,
    queue::links::{Link, RecordName},
};
use serde_json::{Map, Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
};

/// When Redis is asked again, or a record is looked for again that is being created.
const AGAIN: Duration = Duration::from_secs(2);
/// How often a link is read again that others have changed meanwhile.
const TRIES: usize = 8;
/// GHL, as systems are called.
const GHL: &str = "ghl";

/// What is known of a record, and who has to be told again.
pub struct Looked {
    /// What its records are called.
    pub links: Value,
    /// What is new.
    pub news: Option<News>,
    /// The events that are followed once more.
    pub again: Vec<Job>,
}

/// Looks at what an event says.
pub async fn look(
    courier: &Courier,
    job: &Assignment,
    handle: &HandleEvent,
    (flows, known): (&Flows, &Known),
    calls: &Calls<'_>,
) -> Result<Result<Looked, Broken>, Stop> {
    let event = &handle.event;
    if !flows.iter().any(|flow| flow.begins_with(event)) {
        return Ok(Ok(Looked::nothing()));
    }
    let said = flows
        .word(event, known)
        .and_then(|word| Ok((word, flows.record(event, known)?)));
    let (word, record) = match said {
        Ok(said) => said,
        Err(broken) => return Ok(Err(broken)),
    };
    let names = names(event, record.as_deref());
    let Some(word) = word else {
        let link = courier.queue.link(job.reference().tenant(), &names).await;
        let link = link.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))?;
        return Ok(Ok(Looked {
            links: json!(link.records),
            ..Looked::nothing()
        }));
    };
    decide(courier, job, handle, &word, &names, calls)
        .await
        .map(Ok)
}

impl Looked {
    /// Nothing is known.
    pub fn nothing() -> Self {
        Self {
            links: json!({}),
            news: None,
            again: Vec::new(),
        }
    }
}

/// The records that an event names: its sender's, and the contact.
fn names(event: &Event, record: Option<&str>) -> Vec<RecordName> {
    let own = record.map(|record| RecordName::new(event.source.as_str(), record));
    let contact = event.contact.id.as_ref();
    let contact = contact.map(|id| RecordName::new(GHL, id.as_str()));
    let mut names: Vec<_> = own.into_iter().chain(contact).collect();
    names.sort();
    names.dedup();
    names
}

/// Decides what is new, and stores that; if others have changed the link meanwhile, on what they have left.
async fn decide(
    courier: &Courier,
    job: &Assignment,
    handle: &HandleEvent,
    word: &Word,
    names: &[RecordName],
    calls: &Calls<'_>,
) -> Result<Looked, Stop> {
    let (tenant, event) = (job.reference().tenant(), &handle.event);
    let now = now(job);
    for _ in 0..TRIES {
        let link = courier.queue.link(tenant, names).await;
        let mut link = link.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))?;
        if waits_for_creation(&link, event, word, now) {
            // What creates it is behind this event in the contact's sequence.
            return Err(Outcome::SteppedAside {
                wait: AGAIN,
                permit: calls.permit(),
            }
            .into());
        }
        let seen = see(&mut link, handle, word, now);
        let stored = courier.queue.put_link(tenant, &link).await;
        if stored.map_err(|_| calls.postponed(AGAIN, "waits for Redis"))? {
            return Ok(looked(&link, handle, seen));
        }
    }
    Err(calls.postponed(AGAIN, "others change what is known of its record"))
}

fn now(job: &Assignment) -> Timestamp {
    let ms = i64::try_from(job.clock.now_ms()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// Whether a record that this event would be told to is being created, by an event before.
fn waits_for_creation(link: &Link, event: &Event, word: &Word, now: Timestamp) -> bool {
    if link.memory.decided(event.id.as_str()).is_some() {
        return false;
    }
    let lacking = word
        .to
        .iter()
        .filter(|system| !link.records.contains_key(*system));
    lacking
        .into_iter()
        .any(|system| link.memory.is_creating(system, now))
}

fn see(link: &mut Link, handle: &HandleEvent, word: &Word, now: Timestamp) -> Seen {
    let event = &handle.event;
    let id = event.id.as_str();
    if let Some(seen) = link.memory.decided(id) {
        return seen.clone();
    }
    let seen = if let Some(again) = &handle.again {
        tell_again(&mut link.memory, again, now)
    } else {
        let seen = link.memory.see(&saying(event, word, now));
        for system in &word.to {
            link.memory.write(system, now, seen.changed.keys().cloned());
        }
        link.memory
            .write(event.source.as_str(), now, seen.stale.iter().cloned());
        seen
    };
    if !seen.changed.is_empty() {
        let lacking: Vec<_> = word
            .to
            .iter()
            .filter(|system| !link.records.contains_key(*system))
            .cloned()
            .collect();
        for system in lacking {
            link.memory.create(&system, now);
        }
    }
    link.memory.decide(id, seen.clone());
    seen
}

/// Told again is what counts of these fields.
fn tell_again(memory: &mut Memory, again: &Again, now: Timestamp) -> Seen {
    let mut changed = memory.values();
    changed.retain(|name, _| again.fields.iter().any(|field| field.as_str() == name));
    memory.write(again.to.as_str(), now, changed.keys().cloned());
    Seen {
        changed,
        stale: Vec::new(),
    }
}

fn saying<'a>(event: &'a Event, word: &Word, now: Timestamp) -> Saying<'a> {
    Saying {
        system: event.source.as_str(),
        at: event.occurred_at.unwrap_or(now).min(now),
        fields: word.fields.clone(),
        told: Told {
            kind: event.kind.as_str().to_owned(),
            data: Value::Object(event.data.members().clone()),
        },
    }
}

fn looked(link: &Link, handle: &HandleEvent, seen: Seen) -> Looked {
    let again = if seen.stale.is_empty() {
        Vec::new()
    } else {
        again(link, &handle.event, &seen.stale)
    };
    Looked {
        links: json!(link.records),
        news: Some(News {
            values: link.memory.values(),
            changed: seen.changed,
            only_to: handle.again.as_ref().map(|again| again.to.to_string()),
        }),
        again,
    }
}

/// The last events of other systems, followed once more for the one that has something older.
fn again(link: &Link, event: &Event, stale: &[String]) -> Vec<Job> {
    let to = event.source.as_str().parse::<Destination>();
    let fields = stale.iter().filter_map(|field| field.parse::<Line>().ok());
    let fields = List::try_from(fields.collect::<Vec<_>>());
    let (Ok(to), Ok(fields)) = (to, fields) else {
        return Vec::new();
    };
    let told = link.memory.told_by_others(event.source.as_str());
    let jobs = told.into_iter().filter_map(|(by, told)| {
        let event = retold(link, event, &by, told)?;
        let mut job = event.clone().into_job();
        job.payload = Payload::HandleEvent(Box::new(HandleEvent {
            event,
            with_contact: false,
            again: Some(Again {
                to: to.clone(),
                fields: fields.clone(),
            }),
        }));
        Some(job)
    });
    jobs.collect()
}

fn retold(link: &Link, event: &Event, by: &str, told: Told) -> Option<Event> {
    let contact = link.records.get(GHL).and_then(|id| id.parse().ok());
    let members = match told.data {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    Some(Event {
        source: by.parse().ok()?,
        kind: Kind::named(&told.kind),
        tenant: event.tenant.clone(),
        id: format!("{}~again~{by}", event.id).parse::<JobId>().ok()?,
        occurred_at: None,
        contact: Person {
            id: contact.or_else(|| event.contact.id.clone()),
            ..event.contact.clone()
        },
        truncated: false,
        data: Data::bounded(members).0,
    })
}
