//! Jobs as they come in: one document, lines of a file, bodies of requests.

use penstock_producer::intake::{
    body::{self, Refused},
    lines::{self, BatchKey, Event, Lines},
};
use penstock_shared::job::{Fault, Job, MAX_JOB_BYTES, Payload};

use super::said;

/// Where something is wrong, and what; numbers of items left out.
fn faults(faults: &[Fault]) -> Vec<String> {
    faults.iter().take(4).map(ToString::to_string).collect()
}

/// What must hold of every job that was let in.
pub(super) fn check(job: &Job) {
    let written = serde_json::to_vec(job).expect("a job is JSON");
    let again = Job::parse(&written);
    // Written out in full, a job can be longer than it was.
    if written.len() <= MAX_JOB_BYTES {
        assert_eq!(again.as_ref(), Ok(job), "written and read it is the same");
    }
    let (fingerprint, packed) = job.payload.pack();
    let unpacked = Payload::unpack(job.payload.job_type().code(), &packed);
    let unpacked = unpacked.expect("what was packed can be unpacked");
    assert_eq!(unpacked, job.payload, "packed and unpacked it is the same");
    assert_eq!(unpacked.fingerprint(), fingerprint);
    for contact in job.payload.contact_refs() {
        assert_eq!(contact.key().len(), 11);
    }
    for text in [
        job.tenant.as_str(),
        job.id.as_ref().map_or("id", |id| id.as_str()),
    ] {
        assert!(
            !text.is_empty() && !text.chars().any(char::is_control),
            "{text:?}"
        );
    }
}

pub(super) fn job(bytes: &[u8]) -> u64 {
    match Job::parse(bytes) {
        Ok(job) => {
            check(&job);
            said(&(job.payload.job_type(), job.priority, job.run_at.is_some()))
        }
        Err(found) => {
            assert!(!found.is_empty(), "a refusal says why");
            said(&faults(&found))
        }
    }
}

pub(super) fn lines(bytes: &[u8]) -> u64 {
    let (mut lines, batch) = (Lines::new(bytes), BatchKey::generate());
    let mut told = Vec::new();
    loop {
        match lines.next_event().expect("memory can be read") {
            Event::Line(line) => match lines::read(line, &batch) {
                Some(Ok(new)) => {
                    check(&new.job);
                    told.push(vec![new.job.payload.job_type().to_string()]);
                }
                Some(Err(found)) => told.push(faults(&found)),
                None => told.push(Vec::new()),
            },
            Event::Drained => {}
            Event::End => {
                // Which kinds of lines there were: in which order is no news.
                told.sort();
                told.dedup();
                return said(&told.iter().take(3).collect::<Vec<_>>());
            }
        }
    }
}

pub(super) fn body(bytes: &[u8]) -> u64 {
    match body::parse(bytes) {
        Ok(batch) => {
            batch.jobs.iter().for_each(check);
            said(&(batch.in_array, batch.jobs.len().min(3)))
        }
        Err(Refused::Malformed(fault)) => said(&fault.to_string()),
        Err(Refused::TooLarge(most)) => said(&most),
        Err(Refused::Invalid(found)) => said(&faults(&found)),
    }
}
