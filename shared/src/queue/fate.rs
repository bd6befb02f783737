//! What jobs have come to, and when: as much as a memory of a record needs.

use std::collections::BTreeMap;

use super::{Queue, error::QueueError, record::Record, run::field};
use crate::{link::Fate, span::moment};

/// How many jobs one round trip asks about.
const PAGE: usize = 100;

impl Queue {
    /// What these jobs of a tenant's have come to, by their ids.
    pub async fn fates(
        &self,
        tenant: &str,
        ids: &[String],
    ) -> Result<BTreeMap<String, Fate>, QueueError> {
        let keys = self.keys_of(tenant);
        let mut fates = BTreeMap::new();
        for page in ids.chunks(PAGE) {
            let mut pipeline = redis::pipe();
            for id in page {
                pipeline.cmd("HGET").arg(keys.job(tenant)).arg(id);
                let run = keys.run(&format!("{tenant}/{id}"));
                let fields = &[field::DEAD_AT, field::CAUSE];
                pipeline.cmd("HMGET").arg(run).arg(fields);
            }
            let answers: Vec<redis::Value> = self.connection().run_all(&pipeline).await?;
            let mut answers = answers.into_iter();
            for id in page {
                let record: Option<Vec<u8>> = read(answers.next())?;
                let death: (Option<String>, Option<String>) = read(answers.next())?;
                let fate = match record {
                    None => Fate::Unknown,
                    Some(record) => self.fate(tenant, id, &record, death),
                };
                fates.insert(id.clone(), fate);
            }
        }
        Ok(fates)
    }

    fn fate(
        &self,
        tenant: &str,
        id: &str,
        record: &[u8],
        (died, cause): (Option<String>, Option<String>),
    ) -> Fate {
        if let Some(at) = died.and_then(|at| at.parse().ok()) {
            return Fate::Dead {
                at: moment(at),
                cause: cause.unwrap_or_default(),
            };
        }
        match self.decode(tenant, id, record) {
            Ok(Record::Done { ended_ms, .. }) => Fate::Done(moment(ended_ms)),
            _ => Fate::Open,
        }
    }
}

fn read<T: redis::FromRedisValue>(answer: Option<redis::Value>) -> Result<T, QueueError> {
    let answer = answer.unwrap_or(redis::Value::Nil);
    redis::from_redis_value(answer).map_err(|error| QueueError::Unexpected(error.to_string()))
}
