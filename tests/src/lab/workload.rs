//! The jobs of a run, drawn from its seed.

use penstock_shared::job::{Job, JobId, JobType};
use penstock_shared::queue::record::NewJob;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::history::Promise;

/// What is planted in every payload, and must not be in any output.
pub const CANARY: &str = "canary-4b1d";
/// Each upsert of a contact writes another one of these, so that none is hidden by a later one in the same call.
const FIELDS: [&str; 8] = [
    "firstName",
    "lastName",
    "source",
    "companyName",
    "address1",
    "city",
    "state",
    "website",
];

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

    /// Jobs in all.
    pub fn total(self) -> usize {
        self.tenants * self.contacts * self.jobs
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

/// The jobs of a run, in the order in which they are enqueued.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Them: of each contact in the order in which they are to take effect.
    pub jobs: Vec<Wanted>,
    /// Contacts that the API has from the start: their tenants and ids.
    pub known: Vec<(String, String)>,
}

impl Workload {
    /// Draws it. Contacts take turns, so that the sequences of all are at work at the same time.
    pub fn draw(seed: u64, size: Size) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let (mut jobs, mut known) = (Vec::with_capacity(size.total()), Vec::new());
        for place in 0..size.jobs {
            for contact in 0..size.contacts {
                for tenant in 0..size.tenants {
                    let who = Who::new(tenant, contact);
                    if place == 0 && who.is_known {
                        known.push((who.tenant.clone(), who.contact.clone()));
                    }
                    let number = jobs.len();
                    jobs.push(who.wants(number, draw(&mut dice, &who, place), place));
                }
            }
        }
        Self { jobs, known }
    }
}

/// The types whose effects the laboratory knows again in the API's ledger, by a word of their own: of each class of idempotency one, and those that
/// are read back.
pub const TYPES: [JobType; 4] = [
    JobType::UpsertContact,
    JobType::CreateTask,
    JobType::AttachNote,
    JobType::AddTags,
];

/// A contact named by its address comes to be by its first job.
fn draw(dice: &mut StdRng, who: &Who, place: usize) -> JobType {
    if place == 0 && !who.is_known {
        return JobType::UpsertContact;
    }
    let all = TYPES;
    let drawn = all[dice.random_range(0..all.len())];
    // One that is named by its id has no address to be upserted by.
    if drawn == JobType::UpsertContact && who.is_known {
        JobType::AddTags
    } else {
        drawn
    }
}

/// A contact: half of them are known by their id, the others by their address.
struct Who {
    tenant: String,
    contact: String,
    is_known: bool,
}

impl Who {
    fn new(tenant: usize, contact: usize) -> Self {
        let is_known = contact.is_multiple_of(2);
        let name = format!("{tenant}x{contact}");
        Self {
            tenant: format!("tenant-{tenant}"),
            contact: if is_known {
                format!("contact{name}")
            } else {
                format!("{CANARY}-{name}@lab.example")
            },
            is_known,
        }
    }

    fn wants(&self, number: usize, job_type: JobType, place: usize) -> Wanted {
        let (id, word) = (format!("job-{number}"), format!("lab-{number}"));
        let payload = self.payload(job_type, &word, place);
        wanted(id, &self.tenant, job_type, &self.contact, word, &payload)
    }

    fn payload(&self, job_type: JobType, word: &str, place: usize) -> Value {
        let contact = if self.is_known {
            json!({ "id": self.contact })
        } else {
            json!({ "email": self.contact })
        };
        match job_type {
            JobType::UpsertContact => {
                let field = FIELDS[place % FIELDS.len()];
                let value = if field == "website" {
                    format!("https://{word}.example")
                } else {
                    word.to_owned()
                };
                json!({ "email": self.contact, field: value })
            }
            JobType::CreateTask => {
                json!({ "contact": contact, "title": format!("{word} {CANARY}"), "dueDate": "2030-01-01T09:00:00Z" })
            }
            JobType::AttachNote => {
                json!({ "contact": contact, "body": format!("{word} {CANARY}") })
            }
            // What else there is is not drawn.
            _ => json!({ "contact": contact, "tags": [word] }),
        }
    }
}

/// A job with what is expected of it.
///
/// # Panics
/// When the payload is none of this type.
pub fn wanted(
    id: String,
    tenant: &str,
    job_type: JobType,
    contact: &str,
    word: String,
    payload: &Value,
) -> Wanted {
    let job = json!({ "id": id, "type": job_type.as_str(), "tenant": tenant, "payload": payload });
    let job = Job::from_value(job)
        .unwrap_or_else(|faults| panic!("the laboratory's job is none: {faults:?}"));
    Wanted {
        job: NewJob {
            id: id.parse::<JobId>().expect("the laboratory's ids are sound"),
            job,
        },
        promise: Promise {
            id,
            tenant: tenant.to_owned(),
            job_type,
            contact: contact.to_owned(),
            word,
        },
    }
}
