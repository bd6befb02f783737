//! Links: what one record is in several systems, and what is known of it. Whoever changes one must have read it as it is.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use uuid::Uuid;

use super::{Queue, error::QueueError};
use crate::{link::Memory, seal::Purpose};

/// What one record is in several systems.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    id: String,
    version: u64,
    /// By system, what it is called there.
    pub records: BTreeMap<String, String>,
    /// What is known of it.
    pub memory: Memory,
    /// Links that became part of it.
    merged: Vec<String>,
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

    fn stored(&self) -> String {
        format!("{}/{}", self.system, self.record)
    }
}

#[derive(Serialize)]
struct LinkArguments<'a> {
    stored: String,
    records: String,
    link: &'a str,
    version: u64,
    names: Vec<String>,
    merged: HashMap<&'a str, String>,
    fields: HashMap<&'static str, String>,
}

impl Queue {
    /// The link that these records are a part of: one for all of them, a new one if they are known of none.
    pub async fn link(&self, tenant: &str, names: &[RecordName]) -> Result<Link, QueueError> {
        let mut found: Option<Link> = None;
        for id in self.links_of(tenant, names).await? {
            let link = self.read_link(tenant, id).await?;
            found = Some(match found {
                None => link,
                Some(first) => first.with(link),
            });
        }
        let mut link = found.unwrap_or_else(Link::new);
        for name in names {
            let (system, record) = (name.system.clone(), name.record.clone());
            link.records.insert(system, record);
        }
        Ok(link)
    }

    /// What a record is elsewhere, as far as that is known.
    pub async fn records(
        &self,
        tenant: &str,
        names: &[RecordName],
    ) -> Result<BTreeMap<String, String>, QueueError> {
        Ok(self.link(tenant, names).await?.records)
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
        let mut ids: Vec<_> = ids.into_iter().flatten().collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    async fn read_link(&self, tenant: &str, id: String) -> Result<Link, QueueError> {
        let mut read = redis::cmd("HGETALL");
        read.arg(self.keys_of(tenant).link(&format!("{tenant}/{id}")));
        let mut fields: HashMap<String, String> = self.connection().run(&read).await?;
        let number = fields
            .get("version")
            .and_then(|version| version.parse().ok());
        let records = fields.remove("records").unwrap_or_default();
        let memory = fields.remove("memory").unwrap_or_default();
        let drawer = self.vault().of(tenant, &id);
        let memory = drawer.open_text(Purpose::Link, memory);
        let memory = memory.map_err(|error| QueueError::Unsuitable(error.to_string()))?;
        Ok(Link {
            version: number.unwrap_or(0),
            records: serde_json::from_str(&records).unwrap_or_default(),
            memory: serde_json::from_str(&memory).unwrap_or_default(),
            merged: Vec::new(),
            id,
        })
    }

    /// Stores a link; `false` if another has changed it since it was read: then it is read again.
    pub async fn put_link(&self, tenant: &str, link: &Link) -> Result<bool, QueueError> {
        let keys = self.keys_of(tenant);
        let key = |id: &str| keys.link(&format!("{tenant}/{id}"));
        let drawer = self.vault().of(tenant, &link.id);
        let memory = drawer.seal_text(Purpose::Link, json(&link.memory)?.into())?;
        let records = link.records.iter();
        let names = records.map(|(system, record)| RecordName::new(system, record).stored());
        let arguments = LinkArguments {
            stored: key(&link.id),
            records: keys.records(tenant),
            link: &link.id,
            version: link.version,
            names: names.collect(),
            merged: link
                .merged
                .iter()
                .map(|id| (id.as_str(), key(id)))
                .collect(),
            fields: HashMap::from([
                ("records", json(&link.records)?),
                ("memory", memory.into_owned()),
            ]),
        };
        let shard = self.shard_of(tenant);
        let stored: String = self
            .call(shard, &self.scripts().link, &arguments, super::no_tail)
            .await?;
        Ok(stored == "stored")
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
            merged: Vec::new(),
        }
    }

    /// Two that turn out to be of one record.
    fn with(mut self, other: Self) -> Self {
        self.merged.push(other.id);
        for (system, record) in other.records {
            self.records.entry(system).or_insert(record);
        }
        self.memory.merge(other.memory);
        self
    }
}
