//! What an event says of a record that is kept the same in several systems: what follows from that is decided at once, and written down before
//! it is enqueued.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use metrics::counter;
use penstock_shared::{
    event::{Data, Event, Kind, Person, Source},
    flow::{Broken, Flows, Known, News, Plan, Word},
    job::{
        ContactRef, Destination, HandleEvent, Job, JobId, Line, LinkRecord, List, Payload,
        RecordRef, Telling,
    },
    link::{Creation, Gone, Saying, Seen, Told, Write},
    outcome::Outcome,
    queue::links::{Link, RecordName},
    span::moment,
};
use serde_json::{Map, Value, json};

use crate::{
    assignment::Assignment,
    call::{Calls, Stop},
    deliver::Courier,
    storm,
    written::Written,
};

/// How often two systems had set a field, and the older value was dropped.
pub const CONFLICTS: &str = "penstock_sync_conflicts_total";

/// When Redis is asked again, or a record is looked for again that is being created.
const AGAIN: Duration = Duration::from_secs(2);
/// The same of one that has been waited for for long.
const AGAIN_SELDOM: Duration = Duration::from_secs(60);
/// How often a link is read again that others have changed meanwhile.
const TRIES: usize = 8;
/// GHL, as systems are called.
const GHL: &str = "ghl";

/// What follows from an event.
#[derive(Default)]
pub struct Followed {
    /// By its flows.
    pub plan: Plan,
    /// The events that are followed once more, since this one's sender has something older.
    pub again: Vec<Job>,
    /// What was written for the event so far.
    pub written: Written,
}

/// One event, as it is decided.
struct Deciding<'a> {
    courier: &'a Courier,
    job: &'a Assignment,
    handle: &'a HandleEvent,
    flows: &'a Flows,
    calls: &'a Calls<'a>,
    now: Timestamp,
    /// What names its record, in its sender.
    record: Option<String>,
    /// The flows by which something has followed from it.
    before: &'a BTreeSet<String>,
}

/// What follows; done again it comes to the same jobs.
pub async fn follow(
    courier: &Courier,
    job: &Assignment,
    handle: &HandleEvent,
    (flows, mut known, before): (&Flows, Known, &BTreeSet<String>),
    calls: &Calls<'_>,
) -> Result<Followed, Stop> {
    let event = &handle.event;
    if !flows.iter().any(|flow| flow.begins_with(event)) {
        return Ok(Followed::default());
    }
    let record = match flows.record(event, &known) {
        Ok(record) => record,
        // Every flow would take it for a record that nobody else has, and some would make it once more: none is followed.
        Err(broken) => return Ok(Followed::failed(broken)),
    };
    let deciding = Deciding {
        courier,
        job,
        handle,
        flows,
        calls,
        now: now(job),
        record,
        before,
    };
    let names = names(event, deciding.record.as_deref());
    if event.is_deletion() {
        deciding.bury(&names, known.now).await?;
    }
    let word = flows.word(event, &known);
    if let (Some(word), Some(_)) = (&word, &deciding.record) {
        return deciding.decide(word, &names, known).await;
    }
    known.links = json!(deciding.link(&names).await?.records);
    let broken = word.map(|_| nameless(flows, event)).unwrap_or_default();
    let plan = deciding.plan(&known, broken).await?;
    Ok(Followed {
        plan,
        ..Followed::default()
    })
}

impl Followed {
    fn failed(broken: Broken) -> Self {
        let mut followed = Self::default();
        followed.plan.broken.push(broken);
        followed
    }
}

/// What flows keep the same of a record that their event does not name cannot be found again.
fn nameless(flows: &Flows, event: &Event) -> Vec<Broken> {
    let why = if event.source == Source::Ghl {
        "its event names no contact: nobody knows whose fields these are"
    } else {
        "record: it comes to nothing: nobody knows whose fields these are"
    };
    unable(flows, event, why)
}

/// The flows that keep something the same, and cannot.
fn unable(flows: &Flows, event: &Event, why: &str) -> Vec<Broken> {
    let flows = flows.iter().filter(|flow| flow.begins_with(event));
    let flows = flows.filter(|flow| flow.is_sync());
    flows.map(|flow| broken(&flow.name, why)).collect()
}

fn broken(flow: &str, why: &str) -> Broken {
    Broken {
        flow: flow.to_owned(),
        message: why.to_owned(),
    }
}

/// The records that an event names: its sender's first, and the contact.
fn names(event: &Event, record: Option<&str>) -> Vec<RecordName> {
    let own = record.map(|record| RecordName::new(event.source.as_str(), record));
    let contact = event.contact.id.as_ref();
    let contact = contact.map(|id| RecordName::new(GHL, id.as_str()));
    let mut names: Vec<_> = own.into_iter().chain(contact).collect();
    names.dedup();
    names
}

/// Why a record cannot be the contact's.
pub(crate) fn contested(record: &RecordName, other: &str) -> String {
    let (system, record) = (&record.system, &record.record);
    format!(
        "{system}/{record} is the record of another contact, ghl/{other}: merge the two contacts, or unlink {other} from {system}, then retry this"
    )
}

pub(crate) fn now(job: &Assignment) -> Timestamp {
    moment(job.clock.now_ms())
}

impl Deciding<'_> {
    async fn link(&self, names: &[RecordName]) -> Result<Link, Stop> {
        let tenant = self.job.reference().tenant();
        let link = self.courier.queue.link(tenant, names, self.now).await;
        link.map_err(|_| self.calls.postponed(AGAIN, "waits for Redis"))
    }

    async fn gone(&self, names: &[RecordName]) -> Result<BTreeMap<RecordName, Gone>, Stop> {
        let tenant = self.job.reference().tenant();
        let gone = self.courier.queue.gone(tenant, names).await;
        gone.map_err(|_| self.calls.postponed(AGAIN, "waits for Redis"))
    }

    /// A contact is gone from the moment that its deletion is told: what was told before, and comes later, may be handled before it is unlinked.
    async fn bury(&self, names: &[RecordName], came: Timestamp) -> Result<(), Stop> {
        let Some(name) = names.first() else {
            return Ok(());
        };
        let at = self.moment(came);
        if self.gone(names).await?.values().any(|gone| gone.at >= at) {
            return Ok(());
        }
        let memory = self.link(names).await?.memory;
        let tenant = self.job.reference().tenant();
        let gone = Gone { at, memory };
        let buried = self.courier.queue.bury(tenant, name, &gone).await;
        buried.map_err(|_| self.calls.postponed(AGAIN, "waits for Redis"))
    }

    /// What its event says is no news of a record that is gone. Of a contact it is whatever is not dated after its deletion; of others also what
    /// they were known to have.
    fn is_late(&self, word: &Word, came: Timestamp, own: &Gone) -> bool {
        let event = &self.handle.event;
        if event.source == Source::Ghl {
            return event.occurred_at.is_none_or(|at| at <= own.at);
        }
        !own.is_news(&self.saying(word, came))
    }

    /// What follows by the flows that keep nothing the same.
    async fn others(
        &self,
        link: &Link,
        mut known: Known,
        broken: Vec<Broken>,
    ) -> Result<Followed, Stop> {
        if self.handle.again.is_some() {
            return Ok(Followed::default());
        }
        known.links = json!(link.records);
        let plan = self.plan(&known, broken).await?;
        Ok(Followed {
            plan,
            ..Followed::default()
        })
    }

    /// Decides what follows, and stores that; if others have changed the link meanwhile, by what they have left.
    async fn decide(
        &self,
        word: &Word,
        names: &[RecordName],
        mut known: Known,
    ) -> Result<Followed, Stop> {
        let (event, tenant) = (&self.handle.event, self.job.reference().tenant());
        for _ in 0..TRIES {
            let mut link = self.link(names).await?;
            if let Some(other) = link.contest() {
                let why = contested(&names[0], other);
                return self
                    .others(&link, known, unable(self.flows, event, &why))
                    .await;
            }
            // In this order: whoever has unlinked it meanwhile has written both at once.
            let gone = self.gone(names).await?;
            let own = gone.get(&names[0]);
            let is_late = own.is_some_and(|own| self.is_late(word, known.now, own));
            if is_late || (self.handle.again.is_some() && !gone.is_empty()) {
                tracing::debug!(
                    tenant,
                    job = self.job.reference().id(),
                    "an event of a record that is gone"
                );
                return self.others(&link, known, Vec::new()).await;
            }
            if own.is_some() {
                link.revive(&names[0]);
            }
            self.settle(&mut link).await?;
            let seen = self.see(&mut link, word, known.now);
            let (news, broken) = self.news(&link, word)?;
            known.links = json!(link.records);
            known.news = Some(news.clone());
            let plan = self.plan(&known, broken).await?;
            note(&mut link, self.flows, event, (&plan, &news), self.now);
            let (again, written) = (self.again(&link), self.written(&link, word));
            let stored = self.courier.queue.put_link(tenant, &link).await;
            if stored.map_err(|_| self.calls.postponed(AGAIN, "waits for Redis"))? {
                counter!(CONFLICTS).increment(u64::try_from(seen.conflicts).unwrap_or(u64::MAX));
                return Ok(Followed {
                    plan,
                    again,
                    written,
                });
            }
        }
        let why = "others change what is known of its record";
        Err(self.calls.postponed(AGAIN, why))
    }

    /// What follows by flows by which nothing has followed before, and which of them fail. It counts for a storm.
    async fn plan(&self, known: &Known, broken: Vec<Broken>) -> Result<Plan, Stop> {
        let event = &self.handle.event;
        let mut plan = self.flows.plan(event, known);
        plan.broken.extend(broken);
        plan.skip(self.before);
        let said = (event, self.record.as_deref());
        storm::count(self.courier, self.job, said, &plan, self.calls).await?;
        Ok(plan)
    }

    /// What was written has arrived meanwhile, or has not.
    async fn settle(&self, link: &mut Link) -> Result<(), Stop> {
        let (tenant, queue) = (self.job.reference().tenant(), &self.courier.queue);
        let fates = queue.fates(tenant, &link.memory.jobs()).await;
        let fates = fates.map_err(|_| self.calls.postponed(AGAIN, "waits for Redis"))?;
        let kept = SignedDuration::try_from(queue.terms().retention);
        let kept = kept.unwrap_or(SignedDuration::MAX);
        link.memory.settle(&fates, self.now, kept);
        Ok(())
    }

    /// An event that does not say of when it is, is of when it came: it may be handled long after. Followed once more it says nothing anew, least of all
    /// of when that was.
    fn see(&self, link: &mut Link, word: &Word, came: Timestamp) -> Seen {
        let event = &self.handle.event;
        if self.handle.again.is_some() || self.handle.with_contact {
            return Seen::default();
        }
        let seen = link.memory.see(&self.saying(word, came));
        if seen.is_news {
            let told = Told {
                kind: event.kind.as_str().to_owned(),
                data: Value::Object(event.data.members().clone()),
                at: self.now,
            };
            link.tell(event.source.as_str(), told);
        }
        seen
    }

    fn saying(&self, word: &Word, came: Timestamp) -> Saying<'_> {
        let event = &self.handle.event;
        Saying {
            system: event.source.as_str(),
            at: self.moment(came),
            is_dated: event.occurred_at.is_some(),
            fields: word.fields.clone(),
        }
    }

    fn moment(&self, came: Timestamp) -> Timestamp {
        let at = self.handle.event.occurred_at;
        at.unwrap_or(came).min(self.now)
    }

    /// What is new to whom, and the flows that are not followed though something is.
    fn news(&self, link: &Link, word: &Word) -> Result<(News, Vec<Broken>), Stop> {
        let event = &self.handle.event;
        let only_to = self.handle.again.as_ref();
        let only_to = only_to.map(|again| again.to.to_string());
        let mut failed = word.broken.clone();
        let mut lacking = BTreeMap::new();
        let written = self.written(link, word);
        let to = word.to.iter();
        for to in to.filter(|to| only_to.as_ref().is_none_or(|only| only == *to)) {
            let values = link.memory.values();
            let lacks = link.memory.lacks(to, values.keys().map(String::as_str));
            let is_noted = !link.memory.written_for(to, event.id.as_str()).is_empty();
            let fields = lacks.into_iter().chain(written.to(to));
            let fields: BTreeSet<_> = fields.map(str::to_owned).collect();
            if !is_noted && !fields.is_empty() {
                failed.extend(self.waits(link, to)?);
            }
            lacking.insert(to.clone(), fields);
        }
        let news = News {
            values: link.memory.values(),
            lacking,
            only_to,
            withheld: failed.iter().map(|broken| broken.flow.clone()).collect(),
        };
        Ok((news, failed))
    }

    /// What was written for the event so far, and is yet to be.
    fn written(&self, link: &Link, word: &Word) -> Written {
        let mut written = Written::kept(self.job, self.handle);
        for to in &word.to {
            let fields = link.memory.written_for(to, self.handle.event.id.as_str());
            written.add(to, fields);
        }
        written
    }

    /// What is told to a system that cannot be told now waits aside; if a person has to decide something first, its flows say what.
    fn waits(&self, link: &Link, to: &str) -> Result<Vec<Broken>, Stop> {
        let event = &self.handle.event;
        if link.memory.is_full(to) {
            return Err(self.aside(AGAIN));
        }
        let creation = link.memory.creation(to);
        let creation = creation.filter(|creation| creation.event != event.id.as_str());
        let Some(creation) = creation.filter(|_| !link.records.contains_key(to)) else {
            return Ok(Vec::new());
        };
        let Some(question) = creation.question() else {
            // What creates it is behind this event in the contact's sequence.
            let since = self.now.duration_since(creation.at).unsigned_abs();
            return Err(self.aside((since / 4).clamp(AGAIN, AGAIN_SELDOM)));
        };
        let flows = self.flows.telling(event, to);
        Ok(flows.map(|flow| broken(&flow.name, &question)).collect())
    }

    fn aside(&self, wait: Duration) -> Stop {
        let permit = self.calls.permit();
        Outcome::SteppedAside { wait, permit }.into()
    }

    /// The last events of other systems, followed once more for the sender of this one if it has something older.
    fn again(&self, link: &Link) -> Vec<Job> {
        let event = &self.handle.event;
        let source = event.source.as_str();
        let stale = link.memory.lacks_of_its_own(source).into_iter();
        let fields = stale.filter_map(|field| field.parse::<Line>().ok());
        let fields = List::try_from(fields.collect::<Vec<_>>());
        let (Ok(to), Ok(fields)) = (source.parse::<Destination>(), fields) else {
            return Vec::new();
        };
        if self.handle.again.is_some() {
            return Vec::new();
        }
        let told = link.told.iter().filter(|(by, _)| by.as_str() != source);
        let jobs = told.filter_map(|(by, told)| {
            let event = retold(link, event, by, told)?;
            let mut job = event.clone().into_job();
            job.payload = Payload::HandleEvent(Box::new(HandleEvent {
                event,
                with_contact: false,
                again: Some(Telling {
                    to: to.clone(),
                    fields: fields.clone(),
                }),
                written: None,
                word: false,
            }));
            Some(job)
        });
        jobs.collect()
    }
}

/// Notes what is about to be written where, and made.
fn note(
    link: &mut Link,
    flows: &Flows,
    event: &Event,
    (plan, news): (&Plan, &News),
    now: Timestamp,
) {
    for flow in flows.iter().filter(|flow| flow.writes()) {
        let jobs = plan.jobs.iter().filter(|planned| planned.flow == flow.name);
        let jobs: Vec<_> = jobs.map(|planned| &planned.job).collect();
        for (to, fields) in flow.tells(news) {
            let ids = writing(&jobs, &to);
            if !ids.is_empty() {
                let of = (event.id.as_str(), flow.name.as_str());
                link.memory.write(&to, Write::new(of, fields, ids, now));
            }
        }
    }
    for planned in &plan.jobs {
        let made = creation(&planned.job, event, now);
        if let Some((system, creation)) = made
            && !link.records.contains_key(&system)
        {
            link.memory.create(&system, creation);
        }
    }
}

/// Those of a flow's jobs that write to a system: that call it, or all, if it is reached some other way.
fn writing(jobs: &[&Job], to: &str) -> Vec<String> {
    let jobs = jobs.iter();
    let jobs = jobs.filter(|job| !matches!(job.payload, Payload::LinkRecord(_)));
    let jobs: Vec<_> = jobs.collect();
    let calls_it = |job: &&&&Job| job.payload.destination().as_str() == to;
    let is_called = jobs.iter().any(|job| calls_it(&job));
    let writing = jobs.iter().filter(|job| !is_called || calls_it(job));
    let ids = writing.filter_map(|job| job.id.as_ref());
    ids.map(ToString::to_string).collect()
}

/// The record that is made for this job to keep which it is, and where.
fn creation(job: &Job, event: &Event, now: Timestamp) -> Option<(String, Creation)> {
    let Payload::LinkRecord(link) = &job.payload else {
        return None;
    };
    let LinkRecord {
        contact, record, ..
    } = link.as_ref();
    let (system, maker) = match (contact, record) {
        (_, Some(RecordRef::Made(made))) => (link.system.as_str(), &made.job),
        (ContactRef::Job(parent), _) => (GHL, &parent.job),
        _ => return None,
    };
    let linker = job.id.as_ref()?.as_str();
    let creation = Creation::new(event.id.as_str(), maker.as_str(), linker, now);
    Some((system.to_owned(), creation))
}

fn retold(link: &Link, event: &Event, by: &str, told: &Told) -> Option<Event> {
    let contact = link.records.get(GHL).and_then(|id| id.parse().ok());
    let members = match &told.data {
        Value::Object(members) => members.clone(),
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
