//! Jobs for several contacts: each is spread over jobs for one contact, which stand in the contacts' sequences; it ends when they have.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{
    enqueue::{Enqueued, Interrupted},
    record::NewJob,
};
use crate::job::JobId;

/// Jobs with those that some of them are spread over.
pub(super) struct Spread {
    pub(super) jobs: Vec<NewJob>,
    /// Where the jobs are among these that were given.
    given: Vec<usize>,
}

impl Spread {
    /// `None` if all are for one contact at the most.
    pub(super) fn of(jobs: &[NewJob]) -> Option<Self> {
        let spread: Vec<_> = jobs.iter().map(NewJob::spread).collect();
        if spread.iter().all(Vec::is_empty) {
            return None;
        }
        let mut all = Self {
            jobs: Vec::new(),
            given: Vec::new(),
        };
        for (new, over) in jobs.iter().zip(spread) {
            // First: who waits for them finds them there.
            all.jobs.extend(over);
            all.given.push(all.jobs.len());
            all.jobs.push(new.clone());
        }
        Some(all)
    }

    /// What became of those that were given.
    pub(super) fn outcome(
        &self,
        outcome: Result<Vec<Enqueued>, Interrupted>,
    ) -> Result<Vec<Enqueued>, Interrupted> {
        match outcome {
            Ok(codes) => Ok(self.given.iter().map(|at| codes[*at]).collect()),
            Err(Interrupted { settled, error }) => Err(Interrupted {
                settled: self.given.iter().map(|at| settled[*at]).collect(),
                error,
            }),
        }
    }
}

impl NewJob {
    /// The jobs, each for one contact, that it is spread over; none if it is for one itself. Their ids are made of its own.
    pub fn spread(&self) -> Vec<Self> {
        let payloads = self.job.payload.spread().unwrap_or_default().into_iter();
        let numbered = payloads.zip(1..);
        let jobs = numbered.map(|(payload, number)| {
            let mut job = self.job.clone();
            job.payload = payload;
            Self {
                id: part(&self.id, number),
                job,
            }
        });
        jobs.collect()
    }
}

fn part(id: &JobId, number: usize) -> JobId {
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
    use crate::job::Job;

    fn new(id: &str, contacts: usize) -> NewJob {
        let contacts: Vec<_> = (0..contacts)
            .map(|number| json!({ "id": format!("c{number}") }))
            .collect();
        let job = json!({
            "type": "BulkTags", "tenant": "t",
            "payload": { "contacts": contacts, "tags": ["x"], "operation": "add" },
        });
        NewJob {
            id: id.parse().unwrap(),
            job: Job::from_value(job).unwrap(),
        }
    }

    #[test]
    fn one_for_several_comes_behind_those_for_one() {
        let jobs = [new("one", 1), new("many", 2)];
        let spread = Spread::of(&jobs).unwrap();
        let ids: Vec<_> = spread.jobs.iter().map(|new| new.id.as_str()).collect();
        assert_eq!(ids, ["one", "many/1", "many/2", "many"]);
        assert_eq!(spread.given, [0, 3]);
        assert!(Spread::of(&jobs[..1]).is_none());
    }

    #[test]
    fn a_long_id_is_hashed() {
        let long = new(&"x".repeat(128), 2);
        let ids: Vec<_> = long.spread().iter().map(|new| new.id.to_string()).collect();
        assert!(ids[0].starts_with("sha256-") && ids[0].ends_with("/1") && ids[0] != ids[1]);
    }
}
