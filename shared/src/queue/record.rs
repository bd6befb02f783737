//! Jobs as they are stored. The scripts read the head (due time, kind, fingerprint, contact keys, merge key), Rust alone the body.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::vault::Drawer;
use crate::{
    job::{
        ContactId, Destination, Fault, Job, JobId, JobType, MaxAttempts, Payload, Priority, Tenant,
    },
    seal::{self, KeyId, SealError},
};

/// The version that this program writes, the body's first byte.
pub const VERSION: u8 = 2;
/// In its place: what follows is a whole body, sealed.
pub const SEALED: u8 = 3;
/// Before it: the job is for another destination than GHL, whose name follows, behind its length; then comes the body. Anybody can read it:
/// a job is looked for in its lane.
const ELSEWHERE: u8 = 127;
/// In its place: what stood there is sealed and does not open. Nobody stores this.
pub(super) const FORGED: u8 = 0;
/// In its place: a sweep. No version of jobs will ever be this one, and programs that know no sweeps leave it to others.
const SWEEP: u8 = 128;
const TIME: usize = 6;
const FINGERPRINT: usize = 8;
const TOKEN: usize = 6;
const CONTACT_KEY: usize = 11;
/// The flags of a body: two bits of priority, and whether these follow.
const PRIORITY: u8 = 0b11;
const RUN_AT: u8 = 0b100;
const MAX_ATTEMPTS: u8 = 0b1000;

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

impl StoredJob {
    /// Whether it is still unfinished at `now_ms`, longer after it became due than it may be.
    pub fn is_expired(&self, now_ms: u64, max_age: Option<Duration>) -> bool {
        let age = Duration::from_millis(now_ms.saturating_sub(self.due_ms));
        max_age.is_some_and(|max| age > max)
    }
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
    /// When the job was due first (ms): a later job of its id is another. Not of most, which have made nothing and were sent once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub life: Option<u64>,
}

/// A sweep: after a job was sent again, looks for more than one effect of it. It has the place of a job of low priority in its lane, and none in
/// any sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    /// The id of the job.
    pub job: String,
    /// When it was due first, ms.
    #[serde(default)]
    pub life_ms: u64,
    /// Its payload's fingerprint.
    #[serde(skip)]
    pub fingerprint: [u8; FINGERPRINT],
    /// Its type.
    pub job_type: JobType,
    /// The API's id of the contact.
    pub contact: ContactId,
    /// The number of the intent before which it was planned.
    pub intent: u32,
    /// How late the call was at the least, of which a read-back had found nothing, if it took effect after all (ms).
    pub late_ms: Option<u64>,
    /// Markers that stand in what the job writes: they tell of nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quoted: Vec<String>,
}

/// What stands under a job's id.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A job, unfinished or dead.
    Job(Box<StoredJob>),
    /// A sweep, unfinished.
    Sweep(Box<Sweep>),
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
    /// It is sealed with a key that this program does not have.
    #[error("{}", SealError::Locked(.0.clone()))]
    Locked(KeyId),
    /// A later version of this program wrote it.
    #[error("stored in format {0}, which a later version of this program knows: use that one")]
    Later(u8),
    /// Nobody can read it.
    #[error("cannot be decoded: {0}")]
    Undecodable(String),
}

/// The parts of a new job that the enqueue script takes.
pub(super) struct Parts {
    /// What tells it from another job under the same id.
    pub(super) fingerprint: [u8; FINGERPRINT],
    /// What is stored of it, but for its due time, which only Redis knows.
    pub(super) stored: Vec<u8>,
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

/// Encodes a job for the scripts, in the sequence that these keys name.
pub(super) fn encode(
    job: &Job,
    contact_keys: &[String],
    drawer: Drawer<'_>,
) -> Result<Parts, SealError> {
    let (fingerprint, payload) = job.payload.pack();
    let merge_key = job.payload.merge_key();
    let mut stored = Vec::with_capacity(64 + payload.len());
    stored.push(b'j');
    stored.extend(fingerprint);
    stored.push(count(contact_keys.len()));
    stored.extend(contact_keys.concat().into_bytes());
    stored.push(count(merge_key.len()));
    stored.extend(merge_key);
    stored.extend(elsewhere(&job.payload.destination()));
    stored.extend(drawer.seal_body([body(job), payload].concat())?);
    Ok(Parts {
        fingerprint,
        stored,
    })
}

/// What stands before the body of a job that is not for GHL.
fn elsewhere(destination: &Destination) -> Vec<u8> {
    if *destination == Destination::GHL {
        return Vec::new();
    }
    let name = destination.as_str().as_bytes();
    [&[ELSEWHERE, count(name.len())], name].concat()
}

/// Encodes a sweep as the enqueue script takes a job, less its due time.
pub(super) fn encode_sweep(sweep: &Sweep) -> Vec<u8> {
    let mut stored = vec![b'j'];
    stored.extend(sweep.fingerprint);
    // No contact keys, no merge key.
    stored.extend([0, 0, SWEEP]);
    // Struct fields only: there is nothing that JSON could not say.
    stored.extend(serde_json::to_vec(sweep).unwrap_or_default());
    stored
}

/// A job names a contact by three names at the most, and its merge key has five bytes.
fn count(of: usize) -> u8 {
    u8::try_from(of).unwrap_or(u8::MAX)
}

/// The body's head: version, type, priority and what else was said, and that.
fn body(job: &Job) -> Vec<u8> {
    let mut flags = digit(job.priority);
    let mut said = Vec::new();
    if let Some(at) = job.run_at {
        flags |= RUN_AT;
        said.extend(at.as_millisecond().to_be_bytes());
    }
    if let Some(attempts) = job.max_attempts {
        flags |= MAX_ATTEMPTS;
        said.extend(attempts.get().to_be_bytes());
    }
    [
        &[VERSION, job.payload.job_type().code(), flags],
        said.as_slice(),
    ]
    .concat()
}

fn undecodable(error: impl std::fmt::Display) -> RecordError {
    RecordError::Undecodable(error.to_string())
}

fn time(bytes: [u8; TIME]) -> u64 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// What is left to read of a record.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| undecodable("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        self.take(N)?.try_into().map_err(undecodable)
    }

    fn byte(&mut self) -> Result<u8, RecordError> {
        self.array::<1>().map(|[byte]| byte)
    }
}

/// What a stored job's head says, whatever its body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// Contact keys, one behind the other.
    pub(super) contact_keys: &'a [u8],
}

impl<'a> Head<'a> {
    /// Its contact keys.
    pub(super) fn keys(&self) -> Vec<String> {
        let keys = self.contact_keys.chunks_exact(CONTACT_KEY);
        keys.filter_map(|key| std::str::from_utf8(key).ok().map(str::to_owned))
            .collect()
    }

    /// The first of its contact keys.
    pub(super) fn first_key(&self) -> Option<&'a str> {
        std::str::from_utf8(self.contact_keys.get(..CONTACT_KEY)?).ok()
    }
}

/// What tells a job from another under the same id, whether it is stored or has ended; zeros for what is neither.
pub fn fingerprint(record: &[u8]) -> [u8; FINGERPRINT] {
    let found = record.get(TIME + 1..TIME + 1 + FINGERPRINT);
    found
        .and_then(|found| found.try_into().ok())
        .unwrap_or_default()
}

/// When a stored job is due, ms of Redis' clock; 0 for what is none.
pub fn due_ms(record: &[u8]) -> u64 {
    read_head(&mut Rest(record)).map_or(0, |(due_ms, _)| due_ms)
}

/// The head of a stored job; empty for what is none.
pub(super) fn head(record: &[u8]) -> Head<'_> {
    read_head(&mut Rest(record)).map_or(Head { contact_keys: &[] }, |(_, head)| head)
}

fn read_head<'a>(rest: &mut Rest<'a>) -> Result<(u64, Head<'a>), RecordError> {
    let due_ms = time(rest.array()?);
    if rest.byte()? != b'j' {
        return Err(undecodable("no such kind of record"));
    }
    rest.take(FINGERPRINT)?;
    let keys = usize::from(rest.byte()?) * CONTACT_KEY;
    let contact_keys = rest.take(keys)?;
    Ok((due_ms, Head { contact_keys }))
}

/// Whether it is the end of a job.
pub(super) fn is_done(record: &[u8]) -> bool {
    record.get(TIME) == Some(&b'd')
}

/// Decodes what stands under a job's id.
pub fn decode(record: &[u8]) -> Result<Record, RecordError> {
    if is_done(record) {
        return decode_done(&mut Rest(record));
    }
    if let Some(sweep) = decode_sweep(record)? {
        return Ok(Record::Sweep(Box::new(sweep)));
    }
    decode_job(&mut Rest(record)).map(|job| Record::Job(Box::new(job)))
}

fn decode_done(rest: &mut Rest<'_>) -> Result<Record, RecordError> {
    let ended_ms = time(rest.array()?);
    // The kind, the fingerprint, and the token of the delivery that ended it.
    rest.take(1 + FINGERPRINT + TOKEN)?;
    let done = serde_json::from_slice(rest.0).map_err(undecodable)?;
    Ok(Record::Done { ended_ms, done })
}

/// What stands before the body of a stored job: its due time, and its destination's name.
fn read_to_body<'a>(rest: &mut Rest<'a>) -> Result<(u64, &'a [u8]), RecordError> {
    let (due_ms, _) = read_head(rest)?;
    let merge_key = rest.byte()?;
    rest.take(merge_key.into())?;
    if rest.0.first() != Some(&ELSEWHERE) {
        return Ok((due_ms, Destination::GHL.as_str().as_bytes()));
    }
    rest.byte()?;
    let name = rest.byte()?;
    Ok((due_ms, rest.take(name.into())?))
}

/// Where a stored job's calls go, as its record says; GHL for what says nothing, since that is where all were to go once.
pub(super) fn destination(record: &[u8]) -> Destination {
    let named = read_to_body(&mut Rest(record)).ok();
    let named = named.and_then(|(_, name)| std::str::from_utf8(name).ok()?.parse().ok());
    named.unwrap_or(Destination::GHL)
}

/// A record with a sealed body: all before it, and what is sealed.
pub(super) fn split_sealed(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = Rest(record);
    read_to_body(&mut rest).ok()?;
    let head = record.len() - rest.0.len();
    let sealed = rest.0.strip_prefix(&[SEALED])?;
    Some((&record[..head], sealed))
}

/// The sweep in a record, if it is one.
fn decode_sweep(record: &[u8]) -> Result<Option<Sweep>, RecordError> {
    let mut rest = Rest(record);
    read_to_body(&mut rest)?;
    let Some(sweep) = rest.0.strip_prefix(&[SWEEP]) else {
        return Ok(None);
    };
    let sweep: Sweep = serde_json::from_slice(sweep).map_err(undecodable)?;
    Ok(Some(Sweep {
        fingerprint: fingerprint(record),
        ..sweep
    }))
}

fn check_version(version: u8, body: &[u8]) -> Result<(), RecordError> {
    match version {
        FORGED => Err(SealError::Forged.into()),
        SEALED => Err(match seal::key_of(body) {
            Some(key) => RecordError::Locked(key),
            None => SealError::Malformed.into(),
        }),
        later if later > SEALED => Err(RecordError::Later(later)),
        _ => Ok(()),
    }
}

fn decode_job(rest: &mut Rest<'_>) -> Result<StoredJob, RecordError> {
    let (due_ms, destination) = read_to_body(rest)?;
    let version = rest.byte()?;
    check_version(version, rest.0)?;
    let (code, flags) = (rest.byte()?, rest.byte()?);
    let run_at = match flags & RUN_AT {
        0 => None,
        _ => jiff::Timestamp::from_millisecond(i64::from_be_bytes(rest.array()?)).ok(),
    };
    let max_attempts = match flags & MAX_ATTEMPTS {
        0 => None,
        _ => MaxAttempts::try_from(u32::from_be_bytes(rest.array()?)).ok(),
    };
    let payload = Payload::unpack(code, rest.0).map_err(|faults| undecodable(describe(&faults)))?;
    // It would be called under another's quota.
    if payload.destination().as_str().as_bytes() != destination {
        return Err(undecodable("it is not in the lane of its destination"));
    }
    Ok(StoredJob {
        due_ms,
        priority: priority_of(flags & PRIORITY).ok_or_else(|| undecodable("no such priority"))?,
        max_attempts,
        run_at,
        payload,
    })
}

/// What is stored of a done job, but for the time of its end, which only Redis knows.
pub(super) fn encode_done(
    fingerprint: [u8; FINGERPRINT],
    token: u64,
    done: &DoneRecord,
) -> Vec<u8> {
    let mut stored = vec![b'd'];
    stored.extend(fingerprint);
    stored.extend(&token.to_be_bytes()[2..]);
    // Struct fields and string keys only: there is nothing that JSON could not say.
    stored.extend(serde_json::to_vec(done).unwrap_or_default());
    stored
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
