//! Bodies of requests: one job, or an array of them.

use std::collections::{HashMap, hash_map::Entry};

use penstock_shared::job::{Fault, Job, JobId, MAX_BATCH_BYTES, MAX_JOB_BYTES, Tenant};
use serde_json::value::RawValue;

/// More faults than these are not looked for: an answer must not be many times its request's size.
const MOST_FAULTS: usize = 1_000;

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not JSON.
    Malformed(Fault),
    /// It, or the one job in it, has more bytes than it may; these are the most.
    TooLarge(usize),
    /// It is JSON, but some of it is not a job.
    Invalid(Vec<Fault>),
}

/// The jobs of a body, all valid, in their order; no id that was given stands for two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Whether they came in an array; then faults name their item first.
    pub in_array: bool,
}

/// Reads a body. Faults in an array begin with the place: `[3].payload.dueDate`.
pub fn parse(body: &[u8]) -> Result<Batch, Refused> {
    if body.len() > MAX_BATCH_BYTES {
        return Err(Refused::TooLarge(MAX_BATCH_BYTES));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        malformed(format!(
            "not valid UTF-8 at byte {}",
            error.valid_up_to() + 1
        ))
    })?;
    let whole: &RawValue = serde_json::from_str(text)
        .map_err(|error| malformed(format!("not valid JSON: {error}")))?;
    if whole.get().starts_with('[') {
        return array(whole).map(|jobs| Batch {
            jobs,
            in_array: true,
        });
    }
    if whole.get().len() > MAX_JOB_BYTES {
        return Err(Refused::TooLarge(MAX_JOB_BYTES));
    }
    let job = public(whole.get().as_bytes()).map_err(Refused::Invalid)?;
    Ok(Batch {
        jobs: vec![job],
        in_array: false,
    })
}

fn malformed(message: String) -> Refused {
    Refused::Malformed(Fault::whole(message))
}

/// Reads one job. Whoever has a key may not say that something has happened elsewhere: that takes the signature of who tells of it.
fn public(text: &[u8]) -> Result<Job, Vec<Fault>> {
    let job = Job::parse(text)?;
    let job_type = job.payload.job_type();
    if job_type.is_public() {
        return Ok(job);
    }
    Err(vec![Fault {
        path: "type".to_owned(),
        message: format!("{job_type} jobs are made by webhooks only"),
    }])
}

fn array(whole: &RawValue) -> Result<Vec<Job>, Refused> {
    let items: Vec<&RawValue> = serde_json::from_str(whole.get())
        .map_err(|error| malformed(format!("not valid JSON: {error}")))?;
    if items.is_empty() {
        return Err(Refused::Invalid(vec![Fault::whole(
            "the array has no jobs",
        )]));
    }
    let (mut jobs, mut faults, mut ids) =
        (Vec::with_capacity(items.len()), Vec::new(), Ids::default());
    let mut spread = 0;
    for (index, item) in items.iter().enumerate() {
        match public(item.get().as_bytes()) {
            Ok(job) => {
                faults.extend(ids.clash(&job, index));
                spread += job.payload.spread_bytes();
                jobs.push(job);
            }
            Err(found) => faults.extend(found.into_iter().map(|fault| within(index, fault))),
        }
        if faults.len() >= MOST_FAULTS {
            faults.truncate(MOST_FAULTS);
            faults.push(Fault::whole(format!(
                "no more than {MOST_FAULTS} faults are listed"
            )));
            break;
        }
    }
    if spread > MAX_BATCH_BYTES {
        faults.push(Fault::whole(format!(
            "the jobs for several contacts come to {spread} bytes once each is stored as a job for each of its contacts; in one request they may have {MAX_BATCH_BYTES}: send them in several"
        )));
    }
    if faults.is_empty() {
        Ok(jobs)
    } else {
        Err(Refused::Invalid(faults))
    }
}

/// The path of an item's fault, seen from the array.
pub fn within(index: usize, fault: Fault) -> Fault {
    let path = match fault.path.as_str() {
        "" => format!("[{index}]"),
        path => format!("[{index}].{path}"),
    };
    Fault { path, ..fault }
}

/// What the ids of a batch stand for: the queue would find a clash only after storing what is before it.
#[derive(Default)]
struct Ids(HashMap<(Tenant, JobId), (usize, [u8; 8])>);

impl Ids {
    fn clash(&mut self, job: &Job, index: usize) -> Option<Fault> {
        let id = job.id.clone()?;
        let fingerprint = job.payload.fingerprint();
        match self.0.entry((job.tenant.clone(), id)) {
            Entry::Vacant(free) => {
                free.insert((index, fingerprint));
                None
            }
            Entry::Occupied(taken) if taken.get().1 == fingerprint => None,
            Entry::Occupied(taken) => Some(within(
                index,
                Fault {
                    path: "id".to_owned(),
                    message: format!("stands for another job at [{}]", taken.get().0),
                },
            )),
        }
    }
}
