//! The end of a delivery, and what is written down on the way there.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use redis::Cmd;
use serde::Serialize;
use serde_json::Value;

use super::{
    Policy, Queue,
    error::QueueError,
    pace,
    record::{self, DoneRecord},
    reference::Reference,
    report::{self, BELIEVED_FOR, Report},
    run::field,
    vault::Drawer,
};
use crate::{
    job::state::{Api, Ending, Transition},
    outcome::{Cause, Fault, Permit},
    seal::{Purpose, SealError},
    span::millis,
};

/// How many failures in a row open a lane's breaker, and how far apart its probes are.
const BREAKER_AFTER: u32 = 5;
const PROBE_EVERY: Duration = Duration::from_secs(5);

/// The most deliveries that one script call ends, and of how many lanes: each of these is read and written whole.
pub const MOST_ENDS: usize = 48;
const LANES: usize = 12;
/// The most jobs that one call ends, those included that rode in others' calls.
const JOBS: usize = 256;

/// What is written into a job's journal: names and values.
pub type Fields = BTreeMap<&'static str, String>;

/// How a delivery ended, for the script.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The job.
    pub reference: Reference,
    /// The delivery's fencing token.
    pub token: u64,
    /// The job's type, kept with what it came to.
    pub job_type: String,
    /// Failed attempts before this delivery.
    pub attempts: u32,
    /// What becomes of it.
    pub transition: Transition,
    /// What is written into its journal.
    pub fields: Fields,
    /// A line for its history, where something failed.
    pub history: Option<String>,
    /// The job as it was claimed.
    pub record: Arc<[u8]>,
    /// Whether anything may stand in its journal, written by this delivery or one before.
    pub has_run: bool,
    /// When the job was due first (ms).
    pub life_ms: u64,
    /// Whether it was not certain at any time that the lease was the delivery's: another may have had the job meanwhile.
    pub stale: bool,
    /// The contact keys of its sequence, where its record cannot tell them.
    pub keys: Option<Vec<String>>,
    /// What its last response said of the quota.
    pub report: Option<Report>,
    /// How the jobs ended that rode in its call. Those that are missing come back as if they had not been taken.
    pub riders: Vec<Settlement>,
    /// Calls made, as far as no step has told of them.
    pub calls: u32,
    /// The time that these took.
    pub took: Duration,
}

/// What the script said of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is written.
    Ok,
    /// The job is another worker's by now: nothing was written.
    Lost,
    /// There is no such job.
    Missing,
    /// It is not certain that it is done by the effect that it says, and it goes back to find out what it has come to: that is known as another
    /// job's, or Redis has forgotten what others may have done meanwhile.
    Refused,
}

/// What a journal entry between two calls came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It is written, and the next call may be sent.
    Granted,
    /// It is written, but no permit is free, or Redis may have forgotten that the call was made: the job is back at the front of its lane.
    Later,
    /// The job is another worker's by now: nothing was written.
    Lost,
}

/// A step from one call of a job to its next.
#[derive(Debug, Clone)]
pub struct Step {
    /// The number of the step within this delivery, from 1: repeated, it has no second effect.
    pub number: u32,
    /// Whether a call has been answered since the last step: its permit is given back.
    pub answered: bool,
    /// What is written into the journal.
    pub fields: Fields,
    /// The intent of the next call, if that is not idempotent: written only if it may be sent.
    pub intent: Option<String>,
    /// What the last response said of the quota.
    pub report: Option<Report>,
    /// Calls made since the last step.
    pub calls: u32,
    /// The time that these took.
    pub took: Duration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettleArguments<'a> {
    late: u64,
    silence: u64,
    #[serde(flatten)]
    known: super::Knowledge,
    #[serde(flatten)]
    policy: Policy,
    breaker_after: u32,
    probe_every: u64,
    reports: BTreeMap<&'a str, Vec<report::Words>>,
    report_for: u64,
    paces: BTreeMap<&'a str, [u64; 4]>,
    lanes: Vec<(&'a str, usize)>,
}

/// How a delivery ended, where it did not end as most do.
#[derive(Serialize, Default)]
struct Item<'a> {
    permit: &'static str,
    to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    at: u64,
    attempt: u8,
    delivery: u8,
    fields: Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'a str>,
    #[serde(rename = "readOnly", skip_serializing_if = "std::ops::Not::not")]
    read_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Cow<'a, str>>,
}

impl Item<'_> {
    fn seal(&mut self, drawer: Drawer<'_>) -> Result<(), SealError> {
        drawer.seal_fields(&mut self.fields)?;
        let history = self.history.take();
        self.history = history
            .map(|line| drawer.seal_text(Purpose::History, line))
            .transpose()?;
        Ok(())
    }
}

/// A settlement in the script's words.
struct Words {
    /// What is kept of a job that is done.
    outcome: Vec<u8>,
    /// All else; empty for how most end.
    rest: Vec<u8>,
}

impl Settlement {
    /// The settlement in the script's words; `None` for a job that is back in its lane already.
    fn words(&self, drawer: Drawer<'_>) -> Result<Option<Words>, QueueError> {
        let mut words = Words {
            outcome: Vec::new(),
            rest: Vec::new(),
        };
        match &self.transition.ending {
            Ending::None => return Ok(None),
            Ending::Done { result, effect } => {
                words.outcome = self.outcome(result, effect.as_deref(), drawer)?;
                if effect.is_none() && self.is_plain() {
                    return Ok(Some(words));
                }
            }
            // Whoever has the job by now need not find it out again.
            Ending::Deferred { ending, .. } => {
                if let Ending::Done { result, effect } = ending.as_ref() {
                    words.outcome = self.outcome(result, effect.as_deref(), drawer)?;
                }
            }
            _ => {}
        }
        let mut ended = self.ended()?;
        ended.seal(drawer)?;
        words.rest = rmp_serde::to_vec_named(&ended)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        Ok(Some(words))
    }

    /// Whether it is done as most are, if it has no effect: at its first delivery, with its call answered.
    fn is_plain(&self) -> bool {
        let transition = &self.transition;
        transition.permit == Permit::Answered
            && transition.api == Some(Api::Up)
            && transition.hold.is_none()
            && !self.has_run
    }

    fn ended(&self) -> Result<Item<'_>, QueueError> {
        Ok(match &self.transition.ending {
            Ending::None => self.item(),
            Ending::Done { effect, .. } => Item {
                to: "done",
                effect: effect.as_deref(),
                ..self.item()
            },
            Ending::Dead {
                cause,
                fault,
                evidence,
            } => self.dead(*cause, fault, evidence.as_ref())?,
            Ending::Back {
                after,
                attempt,
                delivery,
            } => Item {
                to: "back",
                at: millis(*after),
                attempt: u8::from(*attempt),
                delivery: u8::from(*delivery),
                ..self.item()
            },
            Ending::Aside { after } => Item {
                to: "aside",
                at: millis(*after),
                ..self.item()
            },
            Ending::Deferred { after, ending } => {
                let mut item = Item {
                    to: "back",
                    at: millis(*after),
                    effect: ending.effect(),
                    attempt: self.attempt(ending),
                    ..self.item()
                };
                item.fields.insert(field::ENDING, json(ending)?);
                item
            }
        })
    }

    /// What is the same whatever becomes of the job.
    fn item(&self) -> Item<'_> {
        let hold = self.transition.hold.as_ref();
        Item {
            permit: self.transition.permit.as_str(),
            stale: self.stale,
            fields: self.fields.clone(),
            hold: hold.map(|hold| millis(hold.wait)),
            why: hold.map(|hold| hold.why),
            auth: hold.and_then(|hold| hold.token.as_deref()),
            read_only: self.transition.read_only,
            api: self.transition.api.map(Api::as_str),
            history: self.history.as_deref().map(Cow::from),
            ..Item::default()
        }
    }

    /// Whether the death that is decided now is of a failed attempt; what only had to wait for its end was counted as that was decided.
    fn attempt(&self, ending: &Ending) -> u8 {
        let of_attempt = matches!(
            ending,
            Ending::Dead {
                cause: Cause::Exhausted | Cause::Rejected,
                ..
            }
        );
        u8::from(of_attempt && self.transition.fault.is_some())
    }

    fn outcome(
        &self,
        result: &Value,
        effect: Option<&str>,
        drawer: Drawer<'_>,
    ) -> Result<Vec<u8>, QueueError> {
        let done = DoneRecord {
            job_type: self.job_type.clone(),
            attempts: self.attempts,
            result: drawer.seal_result(result)?,
            effect: effect.map(str::to_owned),
            life: (effect.is_some() || !self.is_plain()).then_some(self.life_ms),
        };
        let fingerprint = record::fingerprint(&self.record);
        Ok(record::encode_done(fingerprint, self.token, &done))
    }

    fn dead(
        &self,
        cause: Cause,
        fault: &Fault,
        evidence: Option<&Value>,
    ) -> Result<Item<'_>, QueueError> {
        let mut item = Item {
            to: "dead",
            cause: Some(cause.as_str()),
            attempt: self.attempt(&self.transition.ending),
            delivery: 1,
            ..self.item()
        };
        item.fields.insert(field::ERROR, fault.message.clone());
        if let Some(status) = fault.status {
            item.fields.insert(field::HTTP_STATUS, status.to_string());
        }
        if let Some(evidence) = evidence {
            item.fields.insert(field::EVIDENCE, json(evidence)?);
        }
        Ok(item)
    }

    /// The contact keys of its sequence, one behind the other.
    fn contact_keys(&self) -> Cow<'_, [u8]> {
        match &self.keys {
            Some(keys) => keys.concat().into_bytes().into(),
            None => record::head(&self.record).contact_keys.into(),
        }
    }
}

fn json(value: &impl Serialize) -> Result<String, QueueError> {
    serde_json::to_string(value).map_err(|error| QueueError::Unexpected(error.to_string()))
}

fn settled(code: u8) -> Result<Settled, QueueError> {
    match code {
        b'o' => Ok(Settled::Ok),
        b'l' => Ok(Settled::Lost),
        b'm' => Ok(Settled::Missing),
        b'r' => Ok(Settled::Refused),
        other => Err(QueueError::Unexpected(format!("settle: {other}"))),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdvanceArguments<'a> {
    reference: &'a str,
    token: u64,
    step: u32,
    answered: bool,
    fields: &'a Fields,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<report::Words>,
    report_for: u64,
    calls: u32,
    took: u64,
    silence: u64,
    #[serde(flatten)]
    known: super::Knowledge,
    #[serde(flatten)]
    policy: Policy,
}

/// How many of these, the first of them, one call of the script ends in a short time: at least one.
pub fn fitting<'a>(settlements: impl IntoIterator<Item = &'a Settlement>) -> usize {
    let (mut jobs, mut lanes) = (0, HashSet::new());
    let fits = settlements
        .into_iter()
        .take(MOST_ENDS)
        .take_while(|settlement| {
            jobs += 1 + settlement.riders.len();
            lanes.insert(settlement.reference.lane());
            jobs <= JOBS && lanes.len() <= LANES
        });
    fits.count().max(1)
}

impl Queue {
    /// Ends deliveries of one shard, as many as are [`fitting`]. Safe to repeat.
    pub async fn settle(
        &self,
        shard: u16,
        settlements: &[Settlement],
    ) -> Result<Vec<Settled>, QueueError> {
        let mut results = vec![Settled::Ok; settlements.len()];
        let mut said = Vec::with_capacity(settlements.len());
        for (at, settlement) in settlements.iter().enumerate() {
            for each in settlement.riders.iter().chain([settlement]) {
                let words = each.words(self.drawer(&each.reference))?;
                said.extend(words.map(|words| (at, each, words)));
            }
        }
        if said.is_empty() {
            return Ok(results);
        }
        said.sort_by_key(|(_, settlement, _)| settlement.reference.lane());
        let lanes = said.chunk_by(|(_, a, _), (_, b, _)| a.reference.lane() == b.reference.lane());
        let arguments = SettleArguments {
            late: millis(self.late()),
            silence: self.silence(),
            known: self.known(shard),
            policy: self.terms().policy(),
            breaker_after: BREAKER_AFTER,
            probe_every: millis(PROBE_EVERY),
            reports: report::telling(settlements),
            report_for: millis(BELIEVED_FOR),
            paces: pace::of_lanes(settlements),
            lanes: lanes
                .map(|group| (group[0].1.reference.lane().as_str(), group.len()))
                .collect(),
        };
        let tail = |command: &mut Cmd| {
            for (_, settlement, words) in &said {
                command
                    .arg(settlement.reference.ticket())
                    .arg(settlement.token)
                    .arg(&*settlement.contact_keys())
                    .arg(&words.outcome)
                    .arg(&words.rest);
            }
        };
        let (tick, codes): (u64, Vec<u8>) = self
            .call(shard, &self.scripts().settle, &arguments, tail)
            .await?;
        self.learn_tick(shard, arguments.known, tick);
        // The last of a group is its leader.
        for ((at, ..), code) in said.iter().zip(codes) {
            results[*at] = settled(code)?;
        }
        Ok(results)
    }

    /// Writes a step of a running job into its journal, and asks for the permit of its next call. Safe to repeat.
    pub async fn advance(
        &self,
        reference: &Reference,
        token: u64,
        step: &Step,
    ) -> Result<Advance, QueueError> {
        let shard = self.shard_of(reference.tenant());
        let mut fields = step.fields.clone();
        self.drawer(reference).seal_fields(&mut fields)?;
        let arguments = AdvanceArguments {
            reference: reference.as_str(),
            token,
            step: step.number,
            answered: step.answered,
            fields: &fields,
            intent: step.intent.as_deref(),
            report: step.report.as_ref().and_then(Report::words),
            report_for: millis(BELIEVED_FOR),
            calls: step.calls,
            took: millis(step.took),
            silence: self.silence(),
            known: self.known(shard),
            policy: self.terms().policy(),
        };
        let (tick, code): (u64, String) = self
            .call(shard, &self.scripts().advance, &arguments, super::no_tail)
            .await?;
        self.learn_tick(shard, arguments.known, tick);
        match code.as_str() {
            "granted" => Ok(Advance::Granted),
            "later" => Ok(Advance::Later),
            "lost" => Ok(Advance::Lost),
            other => Err(QueueError::Unexpected(format!("advance: {other}"))),
        }
    }

    /// The job that made a note or task, if one of ours did.
    pub async fn maker_of(&self, tenant: &str, effect: &str) -> Result<Option<String>, QueueError> {
        Ok(self
            .connection()
            .run(
                redis::cmd("HGET")
                    .arg(self.keys_of(tenant).effects(tenant))
                    .arg(effect),
            )
            .await?)
    }
}
