//! What deliveries have made whose jobs were others' by the time they said so: kept until it is known whether that is there twice.

use super::{Queue, error::QueueError, record::Record, reference::Reference};

/// So many are read at a time; what is left over is for the next round.
const PAGE: usize = 100;

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
}

impl Queue {
    /// Some of a shard's late effects, no two calls the same ones if there are many.
    pub async fn late_effects(&self, shard: u16) -> Result<Vec<LateEffect>, QueueError> {
        let key = self.keys(shard).late_effects();
        let mut some = redis::cmd("HRANDFIELD");
        some.arg(&key).arg(PAGE).arg("WITHVALUES");
        let some: Vec<(Vec<u8>, Vec<u8>)> = self.connection().run(&some).await?;
        let mut effects = Vec::with_capacity(some.len());
        for (field, record) in some {
            match self.late_effect(&field, &record) {
                Some(effect) => effects.push(effect),
                None => self.drop_field(shard, &field).await?,
            }
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
        })
    }

    /// It is told, or there is nothing to tell of it.
    pub async fn drop_late(&self, shard: u16, late: &LateEffect) -> Result<(), QueueError> {
        self.drop_field(shard, &late.field).await
    }

    async fn drop_field(&self, shard: u16, field: &[u8]) -> Result<(), QueueError> {
        let mut drop = redis::cmd("HDEL");
        drop.arg(self.keys(shard).late_effects()).arg(field);
        let _: u64 = self.connection().run(&drop).await?;
        Ok(())
    }
}
