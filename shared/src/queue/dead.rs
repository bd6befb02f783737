//! Dead letters: found, listed and counted.

use std::collections::HashMap;

use super::{
    Queue,
    error::QueueError,
    record::{Record, RecordError, StoredJob},
    run::{Run, field},
    score_ms,
};

/// How many dead letters one round trip reads.
const PAGE: usize = 200;

/// Which dead letters.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this tenant's.
    pub tenant: Option<String>,
    /// Only of this type.
    pub job_type: Option<String>,
    /// Only with this cause.
    pub cause: Option<String>,
}

/// A dead letter.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The job's id.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// When it died, ms of Redis' clock.
    pub dead_ms: u64,
    /// Its place among all that died: the moment again, in 1/1024 ms, of which a shard has none twice.
    pub order: u64,
    /// Why, as the filters name it.
    pub cause: String,
    /// The job, if it can be decoded.
    pub job: Option<Box<StoredJob>>,
    /// What stands in Redis where it cannot.
    pub raw: Option<Vec<u8>>,
    /// Why it, or what was written down of it, cannot be read.
    pub unreadable: Option<RecordError>,
    /// What was counted, the journal, and what was said at its death.
    pub run: Run,
}

impl DeadLetter {
    /// The type of the job, if it can be told.
    pub fn job_type(&self) -> Option<&'static str> {
        self.job.as_ref().map(|job| job.payload.job_type().as_str())
    }
}

impl Queue {
    /// The dead letters that match, oldest first, after the one given.
    pub async fn dead(
        &self,
        filter: &Filter,
        limit: usize,
        after: Option<&DeadLetter>,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let mut all = Vec::new();
        let shards = match &filter.tenant {
            Some(tenant) => vec![self.shard_of(tenant)],
            None => (0..self.shards()).collect(),
        };
        for shard in shards {
            all.extend(self.dead_of_shard(shard, filter, limit, after).await?);
        }
        all.sort_by(|a, b| a.key().cmp(&b.key()));
        all.truncate(limit);
        Ok(all)
    }

    async fn dead_of_shard(
        &self,
        shard: u16,
        filter: &Filter,
        limit: usize,
        after: Option<&DeadLetter>,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let keys = self.keys(shard);
        let index = match (&filter.tenant, &filter.cause) {
            (Some(tenant), _) => keys.dead_of(tenant),
            (None, Some(cause)) => keys.dead_by(cause),
            (None, None) => keys.dead(),
        };
        let mut matching = Vec::new();
        // Another shard may have a death at the same moment, so what is there is looked at too.
        let mut from = score(after.map_or(0, |letter| letter.order)).to_string();
        loop {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command
                .arg(&index)
                .arg(&from)
                .arg("+inf")
                .arg("WITHSCORES")
                .arg("LIMIT")
                .arg(0)
                .arg(PAGE);
            let page: Vec<(String, f64)> = self.connection().run(&command).await?;
            let Some((_, last)) = page.last() else { break };
            from = format!("({last}");
            let full = page.len() == PAGE;
            let letters = self.read_dead(shard, page).await?;
            matching.extend(letters.into_iter().filter(|letter| {
                letter.matches(filter) && after.is_none_or(|after| letter.key() > after.key())
            }));
            if matching.len() >= limit || !full {
                break;
            }
        }
        matching.truncate(limit);
        Ok(matching)
    }

    async fn read_dead(
        &self,
        shard: u16,
        page: Vec<(String, f64)>,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let keys = self.keys(shard);
        let mut pipeline = redis::pipe();
        for (key, _) in &page {
            let (tenant, id) = key.split_once('/').unwrap_or_default();
            pipeline.cmd("HGET").arg(keys.job(tenant)).arg(id);
            pipeline.cmd("HGETALL").arg(keys.run(key));
        }
        let values: Vec<redis::Value> = self.connection().run_all(&pipeline).await?;
        let mut letters = Vec::new();
        for ((key, score), pair) in page.into_iter().zip(values.chunks(2)) {
            let parsed: (Option<Vec<u8>>, HashMap<String, String>) =
                redis::from_redis_value(redis::Value::Array(pair.to_vec()))
                    .map_err(|error| QueueError::Unexpected(error.to_string()))?;
            let (tenant, id) = key.split_once('/').unwrap_or_default();
            let run = self.run(tenant, id, parsed.1);
            let record = parsed.0.unwrap_or_default();
            letters.push(self.dead_letter(tenant, id, score, record, run));
        }
        Ok(letters)
    }

    /// The dead letters with this id: one, unless tenants share it.
    pub async fn dead_by_id(
        &self,
        id: &str,
        tenant: Option<&str>,
    ) -> Result<Vec<DeadLetter>, QueueError> {
        let mut found = Vec::new();
        for status in self.find(id, tenant).await? {
            let key = format!("{}/{id}", status.tenant);
            let shard = self.shard_of(&status.tenant);
            let score: Option<f64> = self
                .connection()
                .run(redis::cmd("ZSCORE").arg(self.keys(shard).dead()).arg(&key))
                .await?;
            if let Some(score) = score {
                found.extend(self.read_dead(shard, vec![(key, score)]).await?);
            }
        }
        Ok(found)
    }

    /// How many dead letters each cause has, most first.
    pub async fn dead_causes(&self) -> Result<Vec<(String, u64)>, QueueError> {
        let mut sum: HashMap<String, u64> = HashMap::new();
        for shard in 0..self.shards() {
            let causes: HashMap<String, u64> = self
                .connection()
                .run(redis::cmd("HGETALL").arg(self.keys(shard).causes()))
                .await?;
            for (cause, count) in causes {
                *sum.entry(cause).or_default() += count;
            }
        }
        let mut causes: Vec<_> = sum.into_iter().collect();
        causes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(causes)
    }
}

impl DeadLetter {
    /// What dead letters are sorted by: of one contact, the first to die is first.
    pub fn key(&self) -> (u64, &str, &str) {
        (self.order, &self.tenant, &self.id)
    }

    fn matches(&self, filter: &Filter) -> bool {
        filter
            .tenant
            .as_ref()
            .is_none_or(|tenant| *tenant == self.tenant)
            && filter
                .cause
                .as_ref()
                .is_none_or(|cause| *cause == self.cause)
            && filter
                .job_type
                .as_ref()
                .is_none_or(|wanted| self.job_type() == Some(wanted))
    }
}

/// Scores of the dead in 1/1024 ms: powers of two, so nothing is rounded.
const GRAIN: f64 = 1024.0;

#[allow(
    clippy::cast_precision_loss,
    reason = "far below 2⁵³ until the year 2248"
)]
fn score(order: u64) -> f64 {
    order as f64 / GRAIN
}

impl Queue {
    fn dead_letter(
        &self,
        tenant: &str,
        id: &str,
        score: f64,
        record: Vec<u8>,
        run: Run,
    ) -> DeadLetter {
        let (job, raw, unreadable) = match self.decode(tenant, id, &record) {
            Ok(Record::Job(job)) => (Some(job), None, None),
            Ok(Record::Sweep(_) | Record::Done { .. }) => (None, Some(record), None),
            Err(error) => (None, Some(record), Some(error)),
        };
        let cause = run.text(field::CAUSE).unwrap_or_default().to_owned();
        DeadLetter {
            id: id.into(),
            tenant: tenant.into(),
            dead_ms: score_ms(score),
            order: score_ms(score * GRAIN),
            cause,
            job,
            raw,
            unreadable: unreadable.or_else(|| run.unreadable().cloned()),
            run,
        }
    }
}
