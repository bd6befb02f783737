//! Links: what one record is in several systems, and what is known of it. Whoever changes one must have read it as it is.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    str::FromStr,
    time::Duration,
};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{
    Queue,
    error::QueueError,
    gone::{Grave, KNOWN_GONE},
};
use crate::{
    link::{Conflict, Gone, Memory, Told},
    seal::Purpose,
    span::millis,
};

/// For so long what is known of a record is kept that nobody writes of any more: whoever is heard of once a year has not to be told all over
/// again. What its records are called is kept until they are unlinked: forgotten, each would be made a second time.
const KNOWN: Duration = Duration::from_secs(400 * 86_400);
/// For so long whole events are kept, to be followed once more for a system that turns out to have something older: by then it has said so.
const TOLD: Duration = Duration::from_secs(7 * 86_400);

/// The system whose records are contacts.
const CONTACTS: &str = "ghl";

/// What one record is in several systems.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    id: String,
    version: u64,
    /// By system, what it is called there.
    pub records: BTreeMap<String, String>,
    /// What is known of it.
    pub memory: Memory,
    /// By system, the event by which it told something new last.
    pub told: BTreeMap<String, Told>,
    /// Links that became part of it, and the versions that were read.
    merged: BTreeMap<String, u64>,
    /// What it is no more.
    dropped: Vec<RecordName>,
    /// Records that are gone,
    gone: Vec<(RecordName, Gone)>,
    /// and those that turn out not to be.
    alive: Vec<RecordName>,
    /// The contact that one of the names is of, where another contact was asked for.
    contest: Option<String>,
}

/// A record in a system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordName {
    /// The system.
    pub system: String,
    /// What it is called there.
    pub record: String,
}

impl RecordName {
    /// A record of a system's.
    pub fn new(system: &str, record: &str) -> Self {
        Self {
            system: system.to_owned(),
            record: record.to_owned(),
        }
    }

    pub(super) fn stored(&self) -> String {
        format!("{}/{}", self.system, self.record)
    }
}

impl FromStr for RecordName {
    type Err = Nameless;

    fn from_str(text: &str) -> Result<Self, Nameless> {
        match text.split_once('/') {
            Some((system, record)) if !system.is_empty() && !record.is_empty() => {
                Ok(Self::new(system, record))
            }
            _ => Err(Nameless),
        }
    }
}

/// It names no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a system and what the record is called there, as ghl/ocQHyuzHvysMo5N5VsXc")]
pub struct Nameless;

/// Where a link is stored.
#[derive(Serialize)]
struct LinkKeys {
    link: String,
    known: String,
    told: String,
}

#[derive(Serialize)]
struct MergedArguments {
    version: u64,
    keys: LinkKeys,
}

#[derive(Serialize)]
struct LinkArguments<'a> {
    link: &'a str,
    keys: LinkKeys,
    records: String,
    version: u64,
    names: Vec<String>,
    dropped: Vec<String>,
    merged: HashMap<&'a str, MergedArguments>,
    stored: Option<String>,
    known: String,
    known_ms: u64,
    told: Option<String>,
    told_ms: u64,
    graves: Vec<Grave>,
    gone_ms: u64,
    alive: Vec<String>,
}

impl Queue {
    /// The link that these records are a part of: one for all of them, a new one if they are known of none. Where another record was the one of
    /// its system, it is that no more, and this is a conflict, which is noticed `now`. Two contacts never become one: where the names are of two,
    /// it is the first name's link as it was, and [`Link::contest`] says whose the other is.
    pub async fn link(
        &self,
        tenant: &str,
        names: &[RecordName],
        now: Timestamp,
    ) -> Result<Link, QueueError> {
        let mut found: Option<Link> = None;
        for id in self.links_of(tenant, names).await? {
            let link = self.read_link(tenant, id).await?;
            found = Some(match found {
                None => link,
                Some(first) => first.joined(link, names, now),
            });
        }
        let mut link = found.unwrap_or_else(Link::new);
        for name in names {
            if link.contest.is_none() {
                link.name(name, now);
            }
        }
        Ok(link)
    }

    /// The link that this record is a part of, if it is of one.
    pub async fn known_link(
        &self,
        tenant: &str,
        name: &RecordName,
    ) -> Result<Option<Link>, QueueError> {
        let ids = self.links_of(tenant, std::slice::from_ref(name)).await?;
        match ids.into_iter().next() {
            Some(id) => Ok(Some(self.read_link(tenant, id).await?)),
            None => Ok(None),
        }
    }

    async fn links_of(
        &self,
        tenant: &str,
        names: &[RecordName],
    ) -> Result<Vec<String>, QueueError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = redis::cmd("HMGET");
        read.arg(self.keys_of(tenant).records(tenant));
        for name in names {
            read.arg(name.stored());
        }
        let ids: Vec<Option<String>> = self.connection().run(&read).await?;
        let mut seen = BTreeSet::new();
        let ids = ids.into_iter().flatten();
        Ok(ids.filter(|id| seen.insert(id.clone())).collect())
    }

    /// Its version is read first: whatever of the rest is written meanwhile, it is not stored over that.
    async fn read_link(&self, tenant: &str, id: String) -> Result<Link, QueueError> {
        let keys = self.link_keys(tenant, &id);
        let mut read = redis::pipe();
        read.cmd("HGETALL").arg(keys.link);
        read.cmd("GET").arg(keys.known);
        read.cmd("GET").arg(keys.told);
        let (fields, known, told): (HashMap<String, String>, Option<String>, Option<String>) =
            self.connection().run_all(&read).await?;
        let version = fields.get("version");
        let version = version.and_then(|version| version.parse().ok());
        let records = fields.get("records").map(String::as_str);
        Ok(Link {
            version: version.unwrap_or(0),
            records: serde_json::from_str(records.unwrap_or_default()).unwrap_or_default(),
            memory: self.opened(tenant, &id, Purpose::Link, known)?,
            told: self.opened(tenant, &id, Purpose::Told, told)?,
            merged: BTreeMap::new(),
            dropped: Vec::new(),
            gone: Vec::new(),
            alive: Vec::new(),
            contest: None,
            id,
        })
    }

    fn opened<T: DeserializeOwned + Default>(
        &self,
        tenant: &str,
        id: &str,
        purpose: Purpose,
        text: Option<String>,
    ) -> Result<T, QueueError> {
        let Some(text) = text else {
            return Ok(T::default());
        };
        let drawer = self.vault().of(tenant, id);
        let text = drawer.open_text(purpose, text);
        let text = text.map_err(|error| QueueError::Unsuitable(error.to_string()))?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    fn sealed(
        &self,
        tenant: &str,
        id: &str,
        purpose: Purpose,
        value: &impl Serialize,
    ) -> Result<String, QueueError> {
        let drawer = self.vault().of(tenant, id);
        let text = drawer.seal_text(purpose, json(value)?.into())?;
        Ok(text.into_owned())
    }

    /// Stores a link; `false` if another has changed it since it was read: then it is read again.
    pub async fn put_link(&self, tenant: &str, link: &Link) -> Result<bool, QueueError> {
        let id = link.id.as_str();
        let records = link.records.iter();
        let names = records.map(|(system, record)| RecordName::new(system, record).stored());
        let merged = link.merged.iter().map(|(id, version)| {
            let keys = self.link_keys(tenant, id);
            let version = *version;
            (id.as_str(), MergedArguments { version, keys })
        });
        let stored = (!link.records.is_empty()).then(|| json(&link.records));
        let told =
            (!link.told.is_empty()).then(|| self.sealed(tenant, id, Purpose::Told, &link.told));
        let graves = link.gone.iter();
        let graves = graves.map(|(name, gone)| self.grave(tenant, name, gone));
        let alive = link.alive.iter();
        let arguments = LinkArguments {
            link: id,
            keys: self.link_keys(tenant, id),
            records: self.keys_of(tenant).records(tenant),
            version: link.version,
            names: names.collect(),
            dropped: link.dropped.iter().map(RecordName::stored).collect(),
            merged: merged.collect(),
            stored: stored.transpose()?,
            known: self.sealed(tenant, id, Purpose::Link, &link.memory)?,
            known_ms: millis(KNOWN),
            told: told.transpose()?,
            told_ms: millis(TOLD),
            graves: graves.collect::<Result<_, _>>()?,
            gone_ms: millis(KNOWN_GONE),
            alive: alive.map(|name| self.grave_key(tenant, name)).collect(),
        };
        let shard = self.shard_of(tenant);
        let stored: String = self
            .call(shard, &self.scripts().link, &arguments, super::no_tail)
            .await?;
        Ok(stored == "stored")
    }

    fn link_keys(&self, tenant: &str, id: &str) -> LinkKeys {
        let (keys, name) = (self.keys_of(tenant), format!("{tenant}/{id}"));
        LinkKeys {
            link: keys.link(&name),
            known: keys.known(&name),
            told: keys.told(&name),
        }
    }
}

fn json(value: &impl Serialize) -> Result<String, QueueError> {
    serde_json::to_string(value).map_err(|error| QueueError::Unexpected(error.to_string()))
}

impl Link {
    fn new() -> Self {
        Self {
            id: Uuid::now_v7().simple().to_string(),
            version: 0,
            records: BTreeMap::new(),
            memory: Memory::default(),
            told: BTreeMap::new(),
            merged: BTreeMap::new(),
            dropped: Vec::new(),
            gone: Vec::new(),
            alive: Vec::new(),
            contest: None,
        }
    }

    /// Keeps the event by which a system has told something new; others that were heard of long ago are forgotten.
    pub fn tell(&mut self, system: &str, told: Told) {
        let now = told.at;
        let is_recent = |told: &Told| now.duration_since(told.at).unsigned_abs() < TOLD;
        self.told.retain(|_, told| is_recent(told));
        self.told.insert(system.to_owned(), told);
    }

    /// The contact that one of the names is of, where another contact was asked for: it is not to be stored.
    pub fn contest(&self) -> Option<&str> {
        self.contest.as_deref()
    }

    /// The record that was the one of a system, if it is another one's place that is taken.
    pub fn replaced(&self, system: &str) -> Option<&str> {
        let mut dropped = self.dropped.iter();
        let dropped = dropped.find(|name| name.system == system)?;
        Some(&dropped.record)
    }

    /// A record that was gone is there again: it begins anew.
    pub fn revive(&mut self, name: &RecordName) {
        self.alive.push(name.clone());
    }

    /// It is not that system's record any more, and what that had of it is forgotten. Of a record that is then but one system's own nothing is kept;
    /// but for a while it is known that the one that it was is gone, since then.
    pub fn unlink(&mut self, system: &str, at: Timestamp) {
        if let Some(record) = self.records.remove(system) {
            let (name, memory) = (RecordName::new(system, &record), self.memory.clone());
            self.dropped.push(name.clone());
            self.gone.push((name, Gone { at, memory }));
        }
        self.memory.forget(system);
        self.told.remove(system);
        if self.records.len() > 1 {
            return;
        }
        for (system, record) in std::mem::take(&mut self.records) {
            self.dropped.push(RecordName::new(&system, &record));
        }
    }

    /// It is this record; but one contact never becomes another.
    fn name(&mut self, name: &RecordName, now: Timestamp) {
        let before = self.records.get(&name.system).cloned();
        let other = before.as_ref().filter(|before| **before != name.record);
        if name.system == CONTACTS
            && let Some(other) = other
        {
            self.contest.get_or_insert_with(|| other.clone());
            return;
        }
        if let Some(before) = before.filter(|before| *before != name.record) {
            self.memory.forget(&name.system);
            self.told.remove(&name.system);
            self.drop_name(name, &before, now);
        }
        self.dropped.retain(|dropped| dropped != name);
        let (system, record) = (name.system.clone(), name.record.clone());
        self.records.insert(system, record);
    }

    /// Another record was the one of its system.
    fn drop_name(&mut self, kept: &RecordName, dropped: &str, now: Timestamp) {
        self.dropped.push(RecordName::new(&kept.system, dropped));
        self.memory.note_conflict(Conflict {
            field: format!("links.{}", kept.system),
            kept: kept.record.clone(),
            dropped: dropped.to_owned(),
            at: now,
        });
    }

    /// Two that turn out to be of one record; unless they are of two contacts.
    fn joined(mut self, other: Self, asked_for: &[RecordName], now: Timestamp) -> Self {
        let contacts = [&self, &other].map(|link| link.records.get(CONTACTS));
        if let [Some(ours), Some(theirs)] = contacts
            && ours != theirs
        {
            let is_asked_for = asked_for.contains(&RecordName::new(CONTACTS, ours));
            let contest = if is_asked_for { theirs } else { ours };
            self.contest = Some(contest.clone());
            return self;
        }
        self.with(other, asked_for, now)
    }

    /// Two that turn out to be of one record. Where they name different ones of a system, that counts which was asked for; else the first's.
    fn with(mut self, mut other: Self, asked_for: &[RecordName], now: Timestamp) -> Self {
        self.merged.insert(other.id, other.version);
        self.merged.append(&mut other.merged);
        self.dropped.append(&mut other.dropped);
        let mut kept = Vec::new();
        for (system, record) in other.records {
            let theirs = RecordName::new(&system, &record);
            let ours = self.records.get(&system).cloned();
            match ours {
                Some(ours) if ours != record && !asked_for.contains(&theirs) => {
                    other.memory.forget(&system);
                    other.told.remove(&system);
                    kept.push((RecordName::new(&system, &ours), record));
                }
                _ => self.name(&theirs, now),
            }
        }
        self.memory.merge(other.memory);
        for (name, dropped) in kept {
            self.drop_name(&name, &dropped, now);
        }
        for (system, told) in other.told {
            self.told.entry(system).or_insert(told);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[(&str, &str)]) -> Link {
        let mut link = Link::new();
        for (system, record) in names {
            link.name(&RecordName::new(system, record), Timestamp::UNIX_EPOCH);
        }
        link
    }

    #[test]
    fn of_two_records_of_one_system_one_is_dropped_and_that_is_a_conflict() {
        let (one, other) = (
            named(&[("ghl", "1"), ("crm", "a")]),
            named(&[("crm", "b"), ("erp", "x")]),
        );
        let asked_for = [RecordName::new("ghl", "1"), RecordName::new("crm", "b")];
        let link = one.with(other, &asked_for, Timestamp::UNIX_EPOCH);
        let records = [("crm", "b"), ("erp", "x"), ("ghl", "1")];
        let records = records.map(|(system, record)| (system.to_owned(), record.to_owned()));
        assert_eq!(link.records, records.into());
        assert_eq!(link.dropped, [RecordName::new("crm", "a")]);
        let conflict = &link.memory.conflicts()[0];
        assert_eq!(
            (&*conflict.field, &*conflict.kept, &*conflict.dropped),
            ("links.crm", "b", "a")
        );
    }

    #[test]
    fn what_is_but_one_systems_own_is_no_link() {
        let mut link = named(&[("ghl", "1"), ("crm", "a"), ("erp", "x")]);
        link.unlink("crm", Timestamp::UNIX_EPOCH);
        assert_eq!(link.records.len(), 2);
        link.unlink("erp", Timestamp::UNIX_EPOCH);
        assert_eq!(link.records.len(), 0);
        assert_eq!(link.dropped.len(), 3);
    }
}
