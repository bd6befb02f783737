//! The end of a delivery, and what is written down on the way there.

use std::{collections::BTreeMap, time::Duration};

use redis::Cmd;
use serde::Serialize;

use super::{
    Queue, error::QueueError, head_starts, record::DoneRecord, reference::Reference, run::field,
};
use crate::{
    job::state::{Api, Ending, Transition},
    outcome::Cause,
    span::millis,
};

/// How many failures in a row open a lane's breaker, and how far apart its probes are.
const BREAKER_AFTER: u32 = 5;
const PROBE_EVERY: Duration = Duration::from_secs(5);

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
    /// The contact keys of its sequence, where its record cannot tell them.
    pub keys: Option<Vec<String>>,
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
}

/// What a journal entry between two calls came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It is written, and the next call may be sent.
    Granted,
    /// It is written, but no permit is free: the job is back at the front of its lane.
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
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettleArguments {
    late: u64,
    head_start: [i64; 3],
    reserve: f64,
    breaker_after: u32,
    probe_every: u64,
}

#[derive(Serialize, Default)]
struct Item<'a> {
    reference: &'a str,
    token: u64,
    permit: &'static str,
    to: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'a str>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<&'a [String]>,
}

impl<'a> Item<'a> {
    /// The settlement in the script's words; `None` for a job that is back in its lane already.
    fn of(settlement: &'a Settlement) -> Result<Option<Self>, QueueError> {
        let transition = &settlement.transition;
        let mut item = Self {
            reference: settlement.reference.as_str(),
            token: settlement.token,
            permit: transition.permit.as_str(),
            fields: settlement.fields.clone(),
            hold: transition.hold.as_ref().map(|hold| millis(hold.wait)),
            why: transition.hold.as_ref().map(|hold| hold.why),
            auth: transition
                .hold
                .as_ref()
                .and_then(|hold| hold.token.as_deref()),
            api: transition
                .api
                .map(|api| if api == Api::Up { "up" } else { "down" }),
            history: settlement.history.as_deref(),
            keys: settlement.keys.as_deref(),
            ..Self::default()
        };
        match &transition.ending {
            Ending::Done { result, effect } => {
                let done = DoneRecord {
                    job_type: settlement.job_type.clone(),
                    attempts: settlement.attempts,
                    result: result.clone(),
                    effect: effect.clone(),
                };
                item.to = "done";
                item.result = Some(json(&done)?);
                item.effect = effect.as_deref();
            }
            Ending::Dead {
                cause,
                fault,
                evidence,
            } => {
                item.to = "dead";
                item.cause = Some(cause.as_str());
                item.attempt = u8::from(matches!(cause, Cause::Exhausted | Cause::Rejected));
                item.fields.insert(field::ERROR, fault.message.clone());
                if let Some(status) = fault.status {
                    item.fields.insert(field::HTTP_STATUS, status.to_string());
                }
                if let Some(evidence) = evidence {
                    item.fields.insert(field::EVIDENCE, json(evidence)?);
                }
            }
            Ending::Back {
                after,
                attempt,
                delivery,
            } => {
                item.to = "back";
                item.at = millis(*after);
                item.attempt = u8::from(*attempt);
                item.delivery = u8::from(*delivery);
            }
            Ending::Deferred { after, ending } => {
                item.to = "back";
                item.at = millis(*after);
                item.fields.insert(field::ENDING, json(ending)?);
            }
            Ending::None => return Ok(None),
        }
        Ok(Some(item))
    }
}

fn json(value: &impl Serialize) -> Result<String, QueueError> {
    serde_json::to_string(value).map_err(|error| QueueError::Unexpected(error.to_string()))
}

fn settled(code: &str) -> Result<Settled, QueueError> {
    match code {
        "ok" => Ok(Settled::Ok),
        "lost" => Ok(Settled::Lost),
        "missing" => Ok(Settled::Missing),
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
    head_start: [i64; 3],
    reserve: f64,
}

impl Queue {
    /// Ends deliveries of one shard. Safe to repeat.
    pub async fn settle(
        &self,
        shard: u16,
        settlements: &[Settlement],
    ) -> Result<Vec<Settled>, QueueError> {
        let arguments = SettleArguments {
            late: millis(self.terms().quarantine),
            head_start: head_starts(),
            reserve: self.terms().reserve,
            breaker_after: BREAKER_AFTER,
            probe_every: millis(PROBE_EVERY),
        };
        let mut results = vec![Settled::Ok; settlements.len()];
        let mut packed = Vec::new();
        for (at, settlement) in settlements.iter().enumerate() {
            if let Some(item) = Item::of(settlement)? {
                let bytes = rmp_serde::to_vec_named(&item)
                    .map_err(|error| QueueError::Unexpected(error.to_string()))?;
                packed.push((at, bytes));
            }
        }
        if packed.is_empty() {
            return Ok(results);
        }
        let tail = |command: &mut Cmd| {
            for (_, bytes) in &packed {
                command.arg(bytes);
            }
        };
        let codes: Vec<String> = self
            .call(shard, &self.scripts().settle, &arguments, tail)
            .await?;
        for ((at, _), code) in packed.iter().zip(codes) {
            results[*at] = settled(&code)?;
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
        let arguments = AdvanceArguments {
            reference: reference.as_str(),
            token,
            step: step.number,
            answered: step.answered,
            fields: &step.fields,
            intent: step.intent.as_deref(),
            head_start: head_starts(),
            reserve: self.terms().reserve,
        };
        let shard = self.shard_of(reference.tenant());
        let code: String = self
            .call(shard, &self.scripts().advance, &arguments, super::no_tail)
            .await?;
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
