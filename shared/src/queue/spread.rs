//! Jobs for several contacts. Each is one with the jobs that it is spread over, which stand in the contacts' sequences: it is stored with all of them
//! or not at all, and ends when they have.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{
    Queue,
    record::{self, NewJob, Parts},
};
use crate::{
    job::{ContactRef, Job, JobId},
    seal::SealError,
};

/// One of the jobs that a job is spread over, on its way into a script call.
pub(super) struct Part {
    pub(super) id: JobId,
    pub(super) parts: Parts,
}

impl NewJob {
    /// The jobs, each for one contact, that it is spread over; none if it is for one itself. Each is made when it is asked for: all of them may be some
    /// hundred times as long as this one.
    pub fn spread(&self) -> impl Iterator<Item = Self> {
        let numbered = self.job.payload.spread().zip(1..);
        numbered.map(|(payload, number)| Self {
            id: part_id(&self.id, number),
            job: Job {
                id: None,
                tenant: self.job.tenant.clone(),
                priority: self.job.priority,
                run_at: self.job.run_at,
                max_attempts: self.job.max_attempts,
                payload,
            },
        })
    }

    /// How many these are.
    pub(super) fn spreads_over(&self) -> usize {
        self.job
            .payload
            .several()
            .map_or(0, |contacts| contacts.iter().count())
    }
}

impl Queue {
    /// The jobs that a job is spread over, encoded.
    pub(super) fn encode_spread(&self, new: &NewJob) -> Result<Vec<Part>, SealError> {
        let parts = new.spread().map(|NewJob { id, job }| {
            let contacts = job.payload.contact_refs();
            let keys: Vec<_> = contacts.iter().map(ContactRef::key).collect();
            let drawer = self.vault().of(job.tenant.as_str(), id.as_str());
            let parts = record::encode(&job, &keys, drawer)?;
            Ok(Part { id, parts })
        });
        parts.collect()
    }
}

/// The id of the so-many-th job, from 1, that the one with this id is spread over.
pub fn part_id(id: &JobId, number: usize) -> JobId {
    let plain = format!("{id}/{number}");
    plain.parse().unwrap_or_else(|_| {
        let digest = Sha256::digest(id.as_str());
        let hashed = format!("sha256-{}/{number}", URL_SAFE_NO_PAD.encode(&digest[..16]));
        // Letters and digits: an id in any case.
        hashed.parse().unwrap_or_else(|_| JobId::generate())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn new(id: &str, contacts: usize) -> NewJob {
        let contacts: Vec<_> = (0..contacts)
            .map(|number| json!({ "id": format!("c{number}") }))
            .collect();
        let job = json!({
            "type": "BulkTags", "tenant": "t", "priority": "high",
            "payload": { "contacts": contacts, "tags": ["x"], "operation": "add" },
        });
        NewJob {
            id: id.parse().unwrap(),
            job: Job::from_value(job).unwrap(),
        }
    }

    #[test]
    fn one_for_several_is_spread_over_one_for_each_that_says_the_same() {
        let many = new("many", 2);
        let spread: Vec<_> = many.spread().collect();
        let ids: Vec<_> = spread.iter().map(|new| new.id.as_str()).collect();
        assert_eq!(ids, ["many/1", "many/2"]);
        assert_eq!(spread[0].job, new("any", 1).job);
        assert_eq!((many.spreads_over(), new("one", 1).spreads_over()), (2, 0));
        assert_eq!(new("one", 1).spread().count(), 0);
    }

    #[test]
    fn a_long_id_is_hashed() {
        let long = new(&"x".repeat(128), 2);
        let ids: Vec<_> = long.spread().map(|new| new.id.to_string()).collect();
        assert!(ids[0].starts_with("sha256-") && ids[0].ends_with("/1") && ids[0] != ids[1]);
    }
}
