//! What deliveries have made whose jobs were others' by the time they said so: kept until it is known whether that is there twice.

use super::{
    Queue,
    error::QueueError,
    record::{self, Record},
    reference::Reference,
    run::field,
};

/// So many are read at a time; what is left over is for another.
const PAGE: usize = 20;

/// A note or a task that came late. No personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateEffect {
    /// Under which it is kept.
    field: Vec<u8>,
    /// Whose job.
    pub tenant: String,
    /// Its id.
    pub id: String,
    /// Its type.
    pub job_type: String,
    /// The API's id of the contact, if it is told.
    pub contact: String,
    /// The API's id of what was made.
    pub effect: String,
    /// When that came (ms).
    pub at_ms: u64,
    /// When the job was due first (ms), if that is known.
    pub life: Option<u64>,
}

/// What has become of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// It has not ended.
    Open,
    /// It is done, and known by this effect, if by any.
    Done(Option<String>),
    /// It is a dead letter.
    Dead,
    /// It is forgotten, or was deleted; its id may be a later job's.
    Gone,
}

impl Queue {
    /// Some of a shard's late effects, drawn at random.
    pub async fn late_effects(&self, shard: u16) -> Result<Vec<LateEffect>, QueueError> {
        let mut some = redis::cmd("HRANDFIELD");
        some.arg(self.keys(shard).late_effects());
        some.arg(PAGE).arg("WITHVALUES");
        let some: Vec<(Vec<u8>, Vec<u8>)> = self.connection().run(&some).await?;
        let mut effects = Vec::with_capacity(some.len());
        for (field, record) in some {
            if let Some(effect) = self.late_effect(&field, &record) {
                effects.push(effect);
                continue;
            }
            let entry = String::from_utf8_lossy(&field);
            tracing::error!(%entry, "what a late delivery came to cannot be read: it is thrown away");
            self.drop_field(self.keys(shard).late_effects(), &field)
                .await?;
        }
        Ok(effects)
    }

    /// `None` for what is none.
    fn late_effect(&self, field: &[u8], record: &[u8]) -> Option<LateEffect> {
        let (_, reference) = str::from_utf8(field).ok()?.split_once('/')?;
        let reference = Reference::parse(reference)?;
        let decoded = self.decode(reference.tenant(), reference.id(), record);
        let Record::Done { ended_ms, done } = decoded.ok()? else {
            return None;
        };
        let contact = done.result.get("contactId").and_then(|id| id.as_str());
        Some(LateEffect {
            field: field.to_vec(),
            tenant: reference.tenant().to_owned(),
            id: reference.id().to_owned(),
            job_type: done.job_type,
            contact: contact.unwrap_or_default().to_owned(),
            effect: done.effect?,
            at_ms: ended_ms,
            life: done.life,
        })
    }

    /// What has become of its job.
    pub async fn became_of(&self, late: &LateEffect) -> Result<Became, QueueError> {
        let (keys, tenant) = (self.keys_of(&late.tenant), late.tenant.as_str());
        let mut look = redis::pipe();
        look.cmd("HGET").arg(keys.job(tenant)).arg(&late.id);
        let run = keys.run(&format!("{tenant}/{}", late.id));
        look.cmd("HMGET")
            .arg(run)
            .arg(field::DEAD_AT)
            .arg(field::FIRST_DUE);
        let found = self.connection().run_all(&look).await?;
        let (record, [dead_at, first_due]): (Option<Vec<u8>>, [Option<u64>; 2]) = found;
        let Some(record) = record else {
            return Ok(Became::Gone);
        };
        let is_anothers =
            |life: Option<u64>| life.zip(late.life).is_some_and(|(one, other)| one != other);
        if record::is_done(&record) {
            return Ok(match self.decode(tenant, &late.id, &record) {
                Ok(Record::Done { done, .. }) if is_anothers(done.life) => Became::Gone,
                Ok(Record::Done { done, .. }) => Became::Done(done.effect),
                _ => Became::Done(None),
            });
        }
        Ok(match dead_at {
            _ if is_anothers(first_due.or(Some(record::due_ms(&record)))) => Became::Gone,
            Some(_) => Became::Dead,
            None => Became::Open,
        })
    }

    /// It is told, or there is nothing to tell of it.
    pub async fn drop_late(&self, late: &LateEffect) -> Result<(), QueueError> {
        let key = self.keys_of(&late.tenant).late_effects();
        self.drop_field(key, &late.field).await
    }

    async fn drop_field(&self, key: String, field: &[u8]) -> Result<(), QueueError> {
        let mut drop = redis::cmd("HDEL");
        Ok(self.connection().run(drop.arg(key).arg(field)).await?)
    }
}
