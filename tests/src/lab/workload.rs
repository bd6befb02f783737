//! The jobs of a run, drawn from its seed.

mod elsewhere;
mod life;
mod mix;
mod who;

use std::collections::HashMap;

use penstock_shared::job::{Job, JobId, JobType};
use penstock_shared::queue::record::NewJob;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::history::Promise;
use super::trace::Trace;
pub use elsewhere::{LIST, Writing, blacklisted, delisted, enlisted, noted, texted};
use life::Life;
pub use mix::Mix;
pub use who::{ELSEWHERE, profile};

/// What is planted in every payload, and must not be in any output.
pub const CANARY: &str = "canary-4b1d";

/// How much there is to do.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Tenants.
    pub tenants: usize,
    /// Contacts of each.
    pub contacts: usize,
    /// Jobs of each contact.
    pub jobs: usize,
}

impl Size {
    /// About so many jobs in all.
    pub fn of(jobs: usize) -> Self {
        let tenants = (jobs / 250).clamp(2, 20);
        Self {
            tenants,
            contacts: jobs.div_ceil(tenants * 10),
            jobs: 10,
        }
    }

    /// How many records of another system are written to: of some of one tenant's contacts.
    fn records(self) -> usize {
        (self.contacts / 4).max(2)
    }
}

/// A job, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// As it is enqueued.
    pub job: NewJob,
    /// As it is judged.
    pub promise: Promise,
}

impl Wanted {
    /// The same, known again by that.
    #[must_use]
    pub fn traced(mut self, trace: Trace) -> Self {
        self.promise.trace = trace;
        self
    }

    /// What is promised with it: what it is spread over, then itself.
    pub fn promises(&self) -> Vec<Promise> {
        let mut promises: Vec<_> = self
            .job
            .spread()
            .map(|part| {
                let contact = part.job.payload.to_value()["contacts"][0]["id"].clone();
                let contact = contact.as_str().unwrap_or_default();
                Promise::of(&part, contact, self.promise.trace.clone())
            })
            .collect();
        let mut whole = self.promise.clone();
        if !promises.is_empty() {
            whole.trace = Trace::Nothing;
        }
        promises.push(whole);
        promises
    }
}

/// The jobs of a run, in the order in which they are enqueued.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Them: of each contact in the order in which they are to take effect.
    pub jobs: Vec<Wanted>,
    /// Contacts that the API has from the start: their tenants and ids.
    pub known: Vec<(String, String)>,
    /// Profiles that the CRM has from the start.
    pub profiles: Vec<String>,
}

impl Workload {
    /// Draws it, of all kinds of jobs. Contacts take turns, so that the sequences of all are at work at the same time.
    pub fn draw(seed: u64, size: Size) -> Self {
        Self::of(seed, size, Mix::Whole)
    }

    /// The same without jobs that delete anything: of one that is done anew, since Redis has forgotten it, nobody could tell whether it had been
    /// done before.
    pub fn lasting(seed: u64, size: Size) -> Self {
        Self::of(seed, size, Mix::Lasting)
    }

    fn of(seed: u64, size: Size, mix: Mix) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut lives: Vec<Life> = Vec::new();
        for contact in 0..size.contacts {
            let of_each = (0..size.tenants).map(|tenant| Life::begin(tenant, contact, size, mix));
            lives.extend(of_each);
        }
        let mut records = elsewhere::records(size);
        let mut jobs = Vec::new();
        for place in 0..size.jobs {
            for life in &mut lives {
                let number = jobs.len();
                jobs.push(life.next(&mut dice, number, place));
            }
            for record in &mut records {
                let number = jobs.len();
                jobs.extend(record.next(&mut dice, number));
            }
        }
        Self {
            jobs,
            known: lives.iter().filter_map(Life::known).collect(),
            profiles: (0..size.records()).map(profile).collect(),
        }
    }

    /// How many jobs have to end: those that others are spread over are among them.
    pub fn total(&self) -> usize {
        self.jobs.iter().map(|wanted| wanted.promises().len()).sum()
    }

    /// How many there are of each type.
    pub fn by_type(&self) -> HashMap<JobType, usize> {
        let mut counts = HashMap::new();
        for wanted in &self.jobs {
            *counts.entry(wanted.promise.job_type).or_default() += 1;
        }
        counts
    }
}

/// A job with what is expected of it: its word stands in what it writes.
///
/// # Panics
/// When the payload is none of this type.
pub fn wanted(
    id: &str,
    tenant: &str,
    job_type: JobType,
    contact: &str,
    word: String,
    payload: &Value,
) -> Wanted {
    let job = json!({ "id": id, "type": job_type.as_str(), "tenant": tenant, "payload": payload });
    let job = Job::from_value(job)
        .unwrap_or_else(|faults| panic!("the laboratory's job is none: {faults:?}"));
    let job = NewJob {
        id: id.parse::<JobId>().expect("the laboratory's ids are sound"),
        job,
    };
    Wanted {
        promise: Promise::of(&job, contact, Trace::Word(word)),
        job,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_write_is_drawn_and_the_four_main_ones_the_most() {
        let workload = Workload::draw(1, Size::of(2500));
        let counts = workload.by_type();
        let others = [
            JobType::PullContacts,
            JobType::HandleEvent,
            JobType::LinkRecord,
            JobType::PollSms,
        ];
        let missing: Vec<_> = JobType::ALL
            .iter()
            .filter(|job_type| !others.contains(job_type) && !counts.contains_key(job_type))
            .collect();
        assert!(missing.is_empty(), "{missing:?} are not drawn");
        let main = [
            JobType::UpsertContact,
            JobType::CreateTask,
            JobType::AttachNote,
            JobType::AddTags,
        ];
        let main: usize = main.iter().map(|job_type| counts[job_type]).sum();
        assert!(main * 2 > workload.jobs.len(), "{counts:?}");
    }

    #[test]
    fn what_lasts_deletes_nothing() {
        let counts = Workload::lasting(1, Size::of(2500)).by_type();
        let deletes = |job_type: &&JobType| job_type.as_str().starts_with("Delete");
        assert_eq!(counts.keys().filter(deletes).count(), 0);
    }

    #[test]
    fn a_job_for_several_contacts_promises_one_for_each() {
        let contacts = json!([{ "id": "a" }, { "id": "b" }]);
        let payload = json!({ "contacts": contacts, "tags": ["lab-1"], "operation": "add" });
        let bulk = wanted("b", "t", JobType::BulkTags, "a", "lab-1".into(), &payload);
        let promised: Vec<_> = bulk
            .promises()
            .into_iter()
            .map(|promise| (promise.id, promise.contact, promise.trace))
            .collect();
        let word = || Trace::Word("lab-1".into());
        let expected = [
            ("b/1".into(), "a".into(), word()),
            ("b/2".into(), "b".into(), word()),
            ("b".into(), "a".into(), Trace::Nothing),
        ];
        assert_eq!(promised, expected);
    }
}
