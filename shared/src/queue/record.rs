//! Jobs as they are stored. The scripts read the head (fingerprint, kind, due time, contact keys), Rust alone the body.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::job::{Fault, Job, JobId, MaxAttempts, Payload, Priority, Tenant};

/// The version that this program writes, the body's first byte.
pub const VERSION: u8 = 1;
/// Fingerprint, kind, due time, count of contact keys.
const HEAD: usize = 16 + 1 + 6 + 1;
const CONTACT_KEY: usize = 11;

/// A job that is to be stored; its id has been decided.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The caller's id, or one made for it.
    pub id: JobId,
    /// The job. Its own `id` is not looked at.
    pub job: Job,
}

/// A stored job, decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredJob {
    /// When it became or becomes due, milliseconds of Redis' clock.
    pub due_ms: u64,
    /// Its priority.
    pub priority: Priority,
    /// How many attempts it may have, if it says.
    pub max_attempts: Option<MaxAttempts>,
    /// When it was to run first, if it said.
    pub run_at: Option<jiff::Timestamp>,
    /// What to do.
    pub payload: Payload,
}

/// What a job came to, kept for `PENSTOCK_RETENTION`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DoneRecord {
    /// The type of the job.
    #[serde(rename = "type")]
    pub job_type: String,
    /// Failed attempts before it was done.
    pub attempts: u32,
    /// For its callers.
    pub result: Value,
    /// The id of the note or task it made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effect: Option<String>,
}

/// What stands under a job's id.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A job, unfinished or dead.
    Job(Box<StoredJob>),
    /// The end of one.
    Done {
        /// When it ended, milliseconds of Redis' clock.
        ended_ms: u64,
        /// What it came to.
        done: DoneRecord,
    },
}

/// Why a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A later version of this program wrote it.
    #[error("stored in format {0}, which a later version of this program knows")]
    Later(u8),
    /// Nobody can read it.
    #[error("cannot be decoded: {0}")]
    Undecodable(String),
}

/// The body, without its version byte: positional, since it is written a million times.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    job_type: &'a str,
    priority: u8,
    run_at_ms: Option<i64>,
    max_attempts: Option<u32>,
    #[serde(with = "serde_bytes")]
    payload: &'a [u8],
}

/// The parts of a new job that the enqueue script takes.
pub(super) struct Parts {
    pub(super) fingerprint: [u8; 16],
    pub(super) contact_keys: String,
    pub(super) body: Vec<u8>,
}

/// A priority as tickets have it.
pub(super) fn digit(priority: Priority) -> u8 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    }
}

fn priority_of(digit: u8) -> Option<Priority> {
    match digit {
        0 => Some(Priority::Low),
        1 => Some(Priority::Normal),
        2 => Some(Priority::High),
        _ => None,
    }
}

/// Encodes a job for the scripts.
pub(super) fn encode(job: &Job) -> Result<Parts, RecordError> {
    let payload = job.payload.canonical();
    let body = Body {
        job_type: job.payload.job_type().as_str(),
        priority: digit(job.priority),
        run_at_ms: job.run_at.map(jiff::Timestamp::as_millisecond),
        max_attempts: job.max_attempts.map(MaxAttempts::get),
        payload: &payload,
    };
    let mut bytes = vec![VERSION];
    rmp_serde::encode::write(&mut bytes, &body).map_err(undecodable)?;
    Ok(Parts {
        fingerprint: job.payload.fingerprint(),
        contact_keys: job
            .payload
            .contact_refs()
            .iter()
            .map(crate::job::ContactRef::key)
            .collect(),
        body: bytes,
    })
}

fn undecodable(error: impl std::fmt::Display) -> RecordError {
    RecordError::Undecodable(error.to_string())
}

fn six_bytes(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(6)
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Decodes what stands under a job's id.
pub fn decode(record: &[u8]) -> Result<Record, RecordError> {
    let (head, rest) = record
        .split_at_checked(HEAD - 1)
        .ok_or_else(|| undecodable("too short"))?;
    let time = six_bytes(&head[17..]);
    match head[16] {
        b'j' => decode_job(time, rest).map(|job| Record::Job(Box::new(job))),
        // After the end's time stands the token of the delivery that ended it, six bytes.
        b'd' => {
            let outcome = rest.get(6..).ok_or_else(|| undecodable("too short"))?;
            let done = serde_json::from_slice(outcome).map_err(undecodable)?;
            Ok(Record::Done {
                ended_ms: time,
                done,
            })
        }
        _ => Err(undecodable("no such kind of record")),
    }
}

fn decode_job(due_ms: u64, rest: &[u8]) -> Result<StoredJob, RecordError> {
    let (count, rest) = rest.split_first().ok_or_else(|| undecodable("too short"))?;
    let body = rest
        .get(usize::from(*count) * CONTACT_KEY..)
        .ok_or_else(|| undecodable("too short"))?;
    let (version, body) = body.split_first().ok_or_else(|| undecodable("no body"))?;
    if *version > VERSION {
        return Err(RecordError::Later(*version));
    }
    let body: Body<'_> = rmp_serde::from_slice(body).map_err(undecodable)?;
    let payload = Payload::decode(body.job_type, body.payload)
        .map_err(|faults| undecodable(describe(&faults)))?;
    Ok(StoredJob {
        due_ms,
        priority: priority_of(body.priority).ok_or_else(|| undecodable("no such priority"))?,
        max_attempts: body
            .max_attempts
            .and_then(|count| MaxAttempts::try_from(count).ok()),
        run_at: body
            .run_at_ms
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
        payload,
    })
}

fn describe(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl StoredJob {
    /// The job as its producer wrote it, with the id and tenant under which it is stored.
    pub fn to_job(&self, tenant: Tenant, id: JobId) -> Job {
        Job {
            id: Some(id),
            tenant,
            priority: self.priority,
            run_at: self.run_at,
            max_attempts: self.max_attempts,
            payload: self.payload.clone(),
        }
    }
}
