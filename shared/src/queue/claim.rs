//! Taking jobs to run, and keeping them while they run.

use std::{collections::HashMap, sync::Arc, time::Duration};

use redis::{Cmd, FromRedisValue, ParsingError, Value};
use serde::Serialize;

use super::{
    Policy, Queue, error::QueueError, lapse::Lapses, record, reference::Reference, run::Run,
};
use crate::{
    job::Destination,
    quota::{Quota, Quotas},
    span::millis,
};

/// The most calls that one claim gives; who has more slots claims again.
pub const MOST_CALLS: usize = 48;
/// Of how many lanes one claim gives; it looks at some more. And about how many jobs it takes back whose leases have ended.
const LANES: usize = 6;
const TAKEBACKS: usize = 16;
/// How many jobs one claim gives, those that ride in others' calls included: a bound on its reply, too.
const JOBS: usize = 256;

/// About how many lanes one script call looks at again when the quotas change.
const REINDEXED: usize = 100;

/// A job is suspected once it has ended this many deliveries in a row with its lease: from then on it runs alone in its worker, and one more
/// that ends so makes it poisonous.
pub const SUSPECT: u32 = 2;

/// GHL's quotas in force in a shard: what keeps the quota of every living worker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InForce {
    /// Calls per burst window.
    pub burst: Quota,
    /// Calls per daily window.
    pub daily: Quota,
    /// Whether not all living workers have the same.
    pub differ: bool,
}

/// What a worker asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The number of the request, counted by the worker: repeated, the same jobs come again.
    pub number: u64,
    /// How many slots it has free: a tenant may hold as many as are left then. One claim fills [`MOST_CALLS`] at the most.
    pub slots: usize,
    /// The slots that each lane holds in this worker already.
    pub held: Vec<(String, usize)>,
}

/// What a claim gave.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Redis' clock, ms.
    pub now_ms: u64,
    /// How long until a lane may next be served; `None` if nothing waits for a moment.
    pub next: Option<Duration>,
    /// What Redis' clock was set by in all, ms, as far as workers have noticed.
    pub shift_ms: i64,
    /// What Redis has forgotten.
    pub lapses: Lapses,
    tick: u64,
    /// Whether it has come to a bound of one claim, so that more may be due for this worker.
    pub bounded: bool,
    /// The jobs, leased to the worker.
    pub jobs: Vec<Claimed>,
}

/// A job that is leased to this worker.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its name.
    pub reference: Reference,
    /// The fencing token, which is its claim's: every write for this delivery proves itself with it and its name.
    pub token: u64,
    /// Which delivery this is, from 1.
    pub deliveries: u32,
    /// The stored job, opened if it was sealed.
    pub record: Arc<[u8]>,
    /// Whether it is the one call that an open breaker lets through.
    pub probe: bool,
    /// What earlier deliveries wrote down.
    pub run: Run,
    /// What Redis has forgotten: maybe a call of this job, too.
    pub lapses: Lapses,
    /// The quotas of its lane, burst and daily.
    pub quotas: (Quota, Quota),
    /// The jobs that may become one call with it: they run under its token, and end with it.
    pub riders: Vec<Rider>,
}

impl Claimed {
    /// When it was due first (ms).
    pub fn life_ms(&self) -> u64 {
        self.run.first_due(record::due_ms(&self.record))
    }
}

/// A job that is delivered by another one's call.
#[derive(Debug, Clone)]
pub struct Rider {
    /// Its name.
    pub reference: Reference,
    /// The stored job, opened if it was sealed.
    pub record: Arc<[u8]>,
    /// The API's id of its contact, where that was remembered.
    pub contact: Option<String>,
    /// Whether it stands behind the leader in its contact's sequence; else it is about another contact.
    pub behind: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClaimArguments<'a> {
    worker: &'a str,
    #[serde(flatten)]
    known: super::Knowledge,
    claim: u64,
    slots: usize,
    free: usize,
    lease: u64,
    silence: u64,
    late: u64,
    #[serde(flatten)]
    policy: Policy,
    lanes: usize,
    moves: usize,
    takebacks: usize,
    jobs: usize,
    coalesce: u32,
    suspect: u32,
    worker_ttl: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RenewArguments<'a> {
    worker: &'a str,
    #[serde(flatten)]
    known: super::Knowledge,
    lease: u64,
    silence: u64,
    worker_ttl: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegisterArguments<'a> {
    worker: &'a str,
    worker_ttl: u64,
    silence: u64,
    quotas: HashMap<String, String>,
    about: &'a HashMap<String, String>,
}

#[derive(Serialize)]
struct StepArguments {
    by: i64,
    known: i64,
    lease: u64,
    late: u64,
    silence: u64,
}

#[derive(Serialize)]
struct ReindexArguments<'a> {
    cursor: &'a str,
    limit: usize,
    quotas: &'a str,
}

/// What became of leases that were to be prolonged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renewed {
    /// The jobs that are another's by now, or nobody's.
    pub lost: Vec<Reference>,
    /// Redis may have forgotten that others had the jobs of no greater token: a lease of those that has ended stays so.
    pub uncertain: u64,
}

impl Queue {
    pub(super) fn silence(&self) -> u64 {
        millis(self.terms().lease) * 2 / 3
    }

    /// A worker that has said nothing for this long is forgotten.
    fn worker_ttl(&self) -> u64 {
        millis(self.terms().lease) * 6
    }

    /// Takes up to `slots` jobs that may be called now. Safe to repeat with the same number.
    pub async fn claim(
        &self,
        shard: u16,
        worker: &str,
        request: &ClaimRequest,
    ) -> Result<Claim, QueueError> {
        let terms = self.terms();
        let arguments = ClaimArguments {
            worker,
            known: self.known(shard),
            claim: request.number,
            slots: request.slots.min(MOST_CALLS),
            free: request.slots,
            lease: millis(terms.lease),
            silence: self.silence(),
            late: millis(self.late()),
            policy: terms.policy(),
            lanes: LANES,
            moves: super::MOVES,
            takebacks: TAKEBACKS,
            jobs: JOBS,
            coalesce: terms.coalesce,
            suspect: SUSPECT,
            worker_ttl: self.worker_ttl(),
        };
        let tail = |command: &mut Cmd| {
            for (lane, held) in &request.held {
                command.arg(lane).arg(*held);
            }
        };
        let mut claim: Claim = self
            .call(shard, &self.scripts().claim, &arguments, tail)
            .await?;
        self.learn_tick(shard, arguments.known, claim.tick);
        self.learn_time(shard, claim.now_ms);
        claim.jobs.iter_mut().for_each(|job| self.open_claimed(job));
        Ok(claim)
    }

    /// Prolongs leases and tells that the worker lives.
    pub async fn renew(
        &self,
        shard: u16,
        worker: &str,
        jobs: &[(Reference, u64)],
    ) -> Result<Renewed, QueueError> {
        let arguments = RenewArguments {
            worker,
            known: self.known(shard),
            lease: millis(self.terms().lease),
            silence: self.silence(),
            worker_ttl: self.worker_ttl(),
        };
        let tail = |command: &mut Cmd| {
            for (reference, token) in jobs {
                command.arg(reference.as_str()).arg(*token);
            }
        };
        let answer: Vec<Value> = self
            .call(shard, &self.scripts().renew, &arguments, tail)
            .await?;
        let mut answer = answer.into_iter();
        let mut number = || redis::from_redis_value::<u64>(answer.next()?).ok();
        let (Some(now_ms), Some(tick), Some(uncertain)) = (number(), number(), number()) else {
            return Err(QueueError::Unexpected("renew: no number".into()));
        };
        self.learn_tick(shard, arguments.known, tick);
        self.learn_time(shard, now_ms);
        let lost = answer.filter_map(|name| redis::from_redis_value::<String>(name).ok());
        Ok(Renewed {
            lost: lost.filter_map(|name| Reference::parse(&name)).collect(),
            uncertain,
        })
    }

    /// Tells a shard of this worker and its quotas; returns those in force.
    pub async fn register(
        &self,
        shard: u16,
        worker: &str,
        quotas: impl Into<Quotas>,
        about: &HashMap<String, String>,
    ) -> Result<InForce, QueueError> {
        let arguments = RegisterArguments {
            worker,
            worker_ttl: self.worker_ttl(),
            silence: self.silence(),
            quotas: by_name(&quotas.into()),
            about,
        };
        let (burst, daily, differ, stale): (String, String, bool, String) = self
            .call(shard, &self.scripts().register, &arguments, super::no_tail)
            .await?;
        if !stale.is_empty() {
            self.reindex(shard, &stale).await?;
        }
        match (read_quota(&burst), read_quota(&daily)) {
            (Some(burst), Some(daily)) => Ok(InForce {
                burst,
                daily,
                differ,
            }),
            _ => Err(QueueError::Unexpected(format!(
                "quotas in force: {burst} {daily}"
            ))),
        }
    }

    /// Tells that Redis' clock was set by so many milliseconds, of which nobody knew; `known` is what it was set by in all as far as the
    /// teller knew; every lane is looked at again. Returns what it was set by in all.
    pub async fn step(&self, shard: u16, by: i64, known: i64) -> Result<i64, QueueError> {
        let arguments = StepArguments {
            by,
            known,
            lease: millis(self.terms().lease),
            late: millis(self.late()),
            silence: self.silence(),
        };
        let (all, quotas): (i64, String) = self
            .call(shard, &self.scripts().step, &arguments, super::no_tail)
            .await?;
        if !quotas.is_empty() {
            self.reindex(shard, &quotas).await?;
        }
        Ok(all)
    }

    /// Looks at every lane again, a page at a time: they stand where other quotas have put them.
    async fn reindex(&self, shard: u16, quotas: &str) -> Result<(), QueueError> {
        let mut cursor = "0".to_owned();
        loop {
            let arguments = ReindexArguments {
                cursor: &cursor,
                limit: REINDEXED,
                quotas,
            };
            cursor = self
                .call(shard, &self.scripts().reindex, &arguments, super::no_tail)
                .await?;
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    /// A worker has ended in order: it is no longer counted, and its quotas no longer hold the others down. A shard that is away holds up no other.
    pub async fn retire(&self, worker: &str) -> Result<(), QueueError> {
        self.on_each_shard(|shard| self.retire_from(shard, worker))
            .await
    }

    async fn retire_from(&self, shard: u16, worker: &str) -> Result<(), QueueError> {
        // What it was told it says once more: nobody waits for it any longer.
        self.renew(shard, worker, &[]).await?;
        let keys = self.keys(shard);
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("ZREM")
            .arg(keys.workers())
            .arg(worker)
            .ignore();
        pipeline.cmd("DEL").arg(keys.worker(worker)).ignore();
        Ok(self.connection().run_all(&pipeline).await?)
    }
}

/// The quotas by the names under which they are stored.
fn by_name(quotas: &Quotas) -> HashMap<String, String> {
    let elsewhere = quotas.elsewhere.iter();
    let elsewhere = elsewhere.map(|(destination, quotas)| (destination.as_str(), *quotas));
    let all = elsewhere.chain([(Destination::GHL.as_str(), quotas.ghl)]);
    all.flat_map(|(of, (burst, daily))| {
        [
            (quota_name("burst", of), stored_quota(burst)),
            (quota_name("daily", of), stored_quota(daily)),
        ]
    })
    .collect()
}

/// Under which name a destination's quota for a window is stored, among those in force and among a worker's.
pub(super) fn quota_name(window: &str, destination: &str) -> String {
    if destination == Destination::GHL.as_str() {
        return window.to_owned();
    }
    format!("{window}@{destination}")
}

/// A quota as the scripts read it: calls, and the window in milliseconds.
pub(super) fn stored_quota(quota: Quota) -> String {
    format!("{}/{}", quota.calls(), millis(quota.window()))
}

pub(super) fn read_quota(text: &str) -> Option<Quota> {
    let (calls, window) = text.split_once('/')?;
    Quota::new(
        calls.parse().ok()?,
        Duration::from_millis(window.parse().ok()?),
    )
    .ok()
}

/// A claim's answer as the script gives it: the time, the command's number, the next moment, what the clock was set by, what it has forgotten
/// (`travel`), the token, the lanes, the jobs, what some of these have besides, and whether it has come to a bound.
type RawClaim = (
    u64,
    u64,
    i64,
    i64,
    String,
    u64,
    Vec<RawLane>,
    Vec<RawJob>,
    Vec<RawMore>,
    bool,
);
/// Name, burst, daily, whether its breaker is open.
type RawLane = (String, String, String, bool);
/// Reference, record.
type RawJob = (String, Vec<u8>);
/// The place of the job, its run, its riders.
type RawMore = (usize, HashMap<String, String>, Vec<RawRider>);
/// Reference, record, contact, whether it stands behind the leader.
type RawRider = (String, Vec<u8>, String, bool);

/// What the jobs of a lane have in common.
struct LaneTerms {
    quotas: (Quota, Quota),
    probe: bool,
}

impl FromRedisValue for Claim {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (now_ms, tick, next, shift_ms, travel, token, lanes, jobs, more, bounded): RawClaim =
            redis::from_redis_value(value)?;
        let lapses = Lapses::read(&travel);
        let next = u64::try_from(next)
            .ok()
            .map(|at| Duration::from_millis(at.saturating_sub(now_ms)));
        let lanes = lanes
            .into_iter()
            .map(lane_terms)
            .collect::<Result<HashMap<_, _>, _>>()?;
        let jobs = jobs
            .into_iter()
            .map(|job| claimed(job, token, &lapses, &lanes));
        let mut jobs = jobs.collect::<Result<Vec<_>, _>>()?;
        for (place, run, riders) in more {
            let job = jobs
                .get_mut(place)
                .ok_or_else(|| ParsingError::from(format!("no such job: {place}")))?;
            job.run = Run::new(run);
            job.deliveries = job.run.deliveries() + 1;
            job.riders = riders.into_iter().map(rider).collect::<Result<_, _>>()?;
        }
        Ok(Self {
            now_ms,
            next,
            shift_ms,
            lapses,
            tick,
            bounded,
            jobs,
        })
    }
}

fn lane_terms((name, burst, daily, probe): RawLane) -> Result<(String, LaneTerms), ParsingError> {
    let quotas = read_quota(&burst)
        .zip(read_quota(&daily))
        .ok_or_else(|| ParsingError::from(format!("not quotas: {burst} {daily}")))?;
    Ok((name, LaneTerms { quotas, probe }))
}

fn claimed(
    (name, record): RawJob,
    token: u64,
    lapses: &Lapses,
    lanes: &HashMap<String, LaneTerms>,
) -> Result<Claimed, ParsingError> {
    let reference = parse_reference(&name)?;
    let terms = lanes
        .get(reference.lane().as_str())
        .ok_or_else(|| ParsingError::from(format!("no such lane: {name}")))?;
    // Most were never claimed before, and most have no riders.
    Ok(Claimed {
        token,
        deliveries: 1,
        record: record.into(),
        probe: terms.probe,
        quotas: terms.quotas,
        reference,
        run: Run::default(),
        lapses: lapses.clone(),
        riders: Vec::new(),
    })
}

fn rider((name, record, contact, behind): RawRider) -> Result<Rider, ParsingError> {
    Ok(Rider {
        reference: parse_reference(&name)?,
        record: record.into(),
        contact: Some(contact).filter(|id| !id.is_empty()),
        behind,
    })
}

fn parse_reference(name: &str) -> Result<Reference, ParsingError> {
    Reference::parse(name).ok_or_else(|| ParsingError::from(format!("not a reference: {name}")))
}
