//! Jobs that other jobs refer to: in whose sequence those stand, and what they have come to.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{
    Queue,
    error::QueueError,
    record::{self, NewJob, Record},
    run::field,
    spread::part_id,
};
use crate::{
    job::{ContactId, ContactIds, ContactRef, Job, JobId},
    seal::{KeyId, SealError},
};

/// How many jobs one round trip asks about.
const PAGE: usize = 250;

/// What a job that another one refers to has come to.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// No job of the tenant's has this id, or has had it lately.
    Unknown,
    /// It has not ended.
    Open,
    /// It is dead.
    Dead,
    /// It is done, with this result.
    Done(Value),
    /// It is done, and its result is sealed with this key, which this program does not have.
    Locked(KeyId),
    /// It is done, and nobody can read its result.
    Unreadable,
}

/// The contact keys of jobs that were looked at, by tenant and id.
type Keys = HashMap<(String, String), Vec<String>>;

impl Queue {
    /// What jobs of a tenant's have come to, in their order.
    pub async fn standings(
        &self,
        tenant: &str,
        ids: &[JobId],
    ) -> Result<Vec<Standing>, QueueError> {
        let keys = self.keys_of(tenant);
        let mut standings = Vec::with_capacity(ids.len());
        for page in ids.chunks(PAGE) {
            let mut pipeline = redis::pipe();
            for id in page {
                pipeline.cmd("HGET").arg(keys.job(tenant)).arg(id.as_str());
                let run = keys.run(&format!("{tenant}/{id}"));
                pipeline.cmd("HGET").arg(run).arg(field::DEAD_AT);
            }
            let answers: Vec<Option<Vec<u8>>> = self.connection().run_all(&pipeline).await?;
            let found = page.iter().zip(answers.chunks_exact(2));
            standings.extend(found.map(|(id, found)| {
                let is_dead = found[1].is_some();
                self.standing(tenant, id, found[0].as_deref(), is_dead)
            }));
        }
        Ok(standings)
    }

    /// When a job died (ms), if it is dead.
    pub async fn dead_since(&self, tenant: &str, id: &JobId) -> Result<Option<u64>, QueueError> {
        let mut command = redis::cmd("HGET");
        let run = self.keys_of(tenant).run(&format!("{tenant}/{id}"));
        command.arg(run).arg(field::DEAD_AT);
        Ok(self.connection().run(&command).await?)
    }

    fn standing(&self, tenant: &str, id: &JobId, record: Option<&[u8]>, is_dead: bool) -> Standing {
        match record {
            None => Standing::Unknown,
            Some(_) if is_dead => Standing::Dead,
            Some(record) if !record::is_done(record) => Standing::Open,
            Some(record) => self.outcome(tenant, id, record),
        }
    }

    fn outcome(&self, tenant: &str, id: &JobId, record: &[u8]) -> Standing {
        let Ok(Record::Done { done, .. }) = record::decode(record) else {
            return Standing::Unreadable;
        };
        let drawer = self.vault().of(tenant, id.as_str());
        match drawer.open_result(done.result) {
            Ok(result) => Standing::Done(result),
            Err(SealError::Locked(key)) => Standing::Locked(key),
            Err(_) => Standing::Unreadable,
        }
    }

    /// The contact keys of each job: those of the contacts that it names, or of the job that it refers to, so that it stands behind that.
    pub(super) async fn contact_keys(
        &self,
        jobs: &[NewJob],
    ) -> Result<Vec<Vec<String>>, QueueError> {
        let known = self.parents_keys(jobs).await?;
        let mut before = Keys::new();
        let mut all = Vec::with_capacity(jobs.len());
        for new in jobs {
            let keys = keys_of(&new.job, &before, &known);
            if !known.is_empty() {
                let tenant = new.job.tenant.as_str();
                before.insert(name(tenant, new.id.as_str()), keys.clone());
                let contacts = new.job.payload.several().into_iter();
                for (contact, number) in contacts.flat_map(ContactIds::iter).zip(1..) {
                    let part = part_id(&new.id, number);
                    let key = ContactRef::Id(contact.clone()).key();
                    before.insert(name(tenant, part.as_str()), vec![key]);
                }
            }
            all.push(keys);
        }
        Ok(all)
    }

    /// The contact keys of all jobs that these refer to and that are stored.
    async fn parents_keys(&self, jobs: &[NewJob]) -> Result<Keys, QueueError> {
        let mut asked = BTreeSet::new();
        for new in jobs {
            for reference in new.job.payload.contact_refs() {
                if let ContactRef::Job(parent) = reference {
                    asked.insert((new.job.tenant.as_str(), parent.job));
                }
            }
        }
        let asked: Vec<_> = asked.into_iter().collect();
        let mut known = Keys::new();
        for page in asked.chunks(PAGE) {
            let mut pipeline = redis::pipe();
            for (tenant, id) in page {
                let jobs = self.keys_of(tenant).job(tenant);
                pipeline.cmd("HGET").arg(jobs).arg(id.as_str());
            }
            let records: Vec<Option<Vec<u8>>> = self.connection().run_all(&pipeline).await?;
            for ((tenant, id), record) in page.iter().zip(records) {
                let keys = self.stored_keys(tenant, id, record.as_deref());
                known.insert(name(tenant, id.as_str()), keys);
            }
        }
        Ok(known)
    }

    fn stored_keys(&self, tenant: &str, id: &JobId, record: Option<&[u8]>) -> Vec<String> {
        let Some(record) = record else {
            return Vec::new();
        };
        if !record::is_done(record) {
            return record::head(record).keys();
        }
        let contact = match self.standing(tenant, id, Some(record), false) {
            Standing::Done(result) => contact_in(&result),
            _ => None,
        };
        contact
            .map(|id| ContactRef::Id(id).key())
            .into_iter()
            .collect()
    }
}

/// The contact that a job was about, by its result.
pub fn contact_in(result: &Value) -> Option<ContactId> {
    result.get("contactId")?.as_str()?.parse().ok()
}

fn name(tenant: &str, id: &str) -> (String, String) {
    (tenant.to_owned(), id.to_owned())
}

fn keys_of(job: &Job, before: &Keys, known: &Keys) -> Vec<String> {
    let references = job.payload.contact_refs();
    let keys = references.iter().flat_map(|reference| {
        let ContactRef::Job(parent) = reference else {
            return vec![reference.key()];
        };
        let name = name(job.tenant.as_str(), parent.job.as_str());
        let parents = before.get(&name).or_else(|| known.get(&name));
        // Of one that names no contact, or is not known yet, it at least stands in line with others that refer to it.
        let parents = parents.filter(|keys| !keys.is_empty()).cloned();
        parents.unwrap_or_else(|| vec![reference.key()])
    });
    keys.collect()
}
