//! A lane at a moment: what it has to do, what it may do, and when it will have done it.

use std::collections::HashMap;

use redis::{Pipeline, Value};

use super::{
    Queue,
    claim::quota_name,
    crew::Crew,
    error::QueueError,
    forecast::{Conditions, Forecast, Limit, Turn},
    keys::Keys,
    lapse::Lapses,
    ledger::{self, Ledger},
    pace::Pace,
    reference::Lane,
    score_ms,
    status::LaneStatus,
};
use crate::job::state::NEEDS_AUTHORISATION;

/// A lane at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// When that is (ms).
    pub now_ms: u64,
    /// How it stands.
    pub status: LaneStatus,
    /// Its permits.
    pub ledger: Ledger,
    /// What its jobs have cost lately.
    pub pace: Pace,
    /// Its share among others, if it has one of its own.
    pub weight: Option<u32>,
    /// Due jobs, in all.
    pub ready: u64,
    /// Those of them that count with high priority.
    pub high: u64,
    /// Jobs that wait for another attempt.
    pub retrying: Waiting,
    /// Jobs that are scheduled.
    pub scheduled: Waiting,
    /// When (ms) the last of those that wait for another attempt is due.
    pub last_retry_ms: Option<u64>,
}

/// Jobs that wait for their moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many they are.
    pub count: u64,
    /// How many of them are due by now, and will be moved by the next claim.
    pub due: u64,
}

impl Outlook {
    /// Nothing is sent before this moment (ms): now, or the end of its hold.
    pub fn start_ms(&self) -> u64 {
        self.status.held_until_ms.unwrap_or(0).max(self.now_ms)
    }

    /// When the job is sent that so many others go before, if nothing fails. `None` where that waits for a person, a worker or a quota.
    pub fn turn(&self, crew: &Crew, ahead: u64, high: bool) -> Option<Turn> {
        let first_call = self.pace.first_calls_for(ahead).saturating_add(1);
        let turn = self.forecast(crew, high)?.turn(first_call)?;
        let limit = match turn.limit {
            Some(Limit::Slots) if self.runnable() < self.share(crew) => Some(Limit::Contacts),
            limit => limit,
        };
        Some(Turn { limit, ..turn })
    }

    /// When (ms) all that is due or retrying is done, and so many jobs that are blocked by these; `None` as for a turn, and if there are none.
    pub fn done_ms(&self, crew: &Crew, blocked: u64) -> Option<u64> {
        let jobs = self.ready + self.retrying.count + self.scheduled.due + blocked;
        if jobs == 0 {
            return None;
        }
        let last_call = self.pace.calls_for(jobs).max(1);
        let last_call = self.forecast(crew, self.high == jobs)?.turn(last_call)?;
        let last_call = last_call.at_ms.saturating_add(self.pace.call_ms());
        let last_retry = self.last_retry_ms.unwrap_or(0);
        Some(last_call.max(last_retry.saturating_add(self.pace.jobs_ms(1))))
    }

    fn forecast(&self, crew: &Crew, high: bool) -> Option<Forecast> {
        let waits_for_a_person =
            self.status.paused || self.status.why.as_deref() == Some(NEEDS_AUTHORISATION);
        if waits_for_a_person || crew.workers == 0 {
            return None;
        }
        let conditions = Conditions {
            now_ms: self.now_ms,
            start_ms: self.start_ms(),
            high,
            call_ms: self.pace.call_ms(),
            slots: Some(self.share(crew).min(self.runnable())),
        };
        Forecast::new(&self.ledger, &conditions)
    }

    /// How many slots it gets; infinitely many where that is not known.
    fn share(&self, crew: &Crew) -> f64 {
        let is_due = self.status.moment_ms.is_some_and(|at| at <= self.now_ms);
        let share = crew.share(self.weight.unwrap_or(1), is_due);
        share.unwrap_or(f64::INFINITY)
    }

    /// How many of its jobs could run at once: of a contact's one at a time.
    #[allow(clippy::cast_precision_loss, reason = "far below 2⁵³ jobs")]
    fn runnable(&self) -> f64 {
        let jobs = self.ready + self.retrying.count + self.scheduled.count + self.ledger.flying;
        jobs.max(1) as f64
    }

    /// How many of its jobs could run now, if there were workers enough: the due ones, as far as permits are free.
    pub fn eligible(&self) -> u64 {
        let due = self.ready + self.retrying.due + self.scheduled.due;
        let jobs = match self.ledger.free(false) {
            0 => self.ledger.free(true).min(self.high),
            permits => permits.min(due),
        };
        if self.status.breaker_open {
            jobs.min(1_u64.saturating_sub(self.ledger.flying))
        } else {
            jobs
        }
    }
}

/// How many commands tell of one lane.
const COMMANDS: usize = 14;

/// What Redis' clock was set by in all (ms), and what tells of lapses.
type RawConfig = [Option<String>; 4];

/// The quotas in force for a lane's destination: the first answer.
type RawQuotas = [Option<String>; 2];

/// Whether a person paused the tenant: the second one.
type RawPause = Option<String>;

/// What the others answer: its hash; its two rings; how many are due, due and high, in the line, retrying, scheduled; how many of the latter two are due;
/// the last retry with its moment; the lane's own moment.
type RawLane = (
    HashMap<String, String>,
    Vec<String>,
    Vec<String>,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    u64,
    Vec<(String, f64)>,
    Option<f64>,
);

impl Queue {
    /// A lane, now.
    pub async fn outlook(&self, lane: &Lane) -> Result<Outlook, QueueError> {
        let keys = self.keys_of(lane.tenant());
        let now = self.now().await?;
        let outlooks = self.outlooks(keys, std::slice::from_ref(lane), now).await?;
        let only = outlooks.into_iter().next();
        only.ok_or_else(|| QueueError::Unexpected("outlook: no lane".into()))
    }

    /// Lanes of one shard, in one round trip.
    pub(super) async fn outlooks(
        &self,
        keys: &Keys,
        lanes: &[Lane],
        now: u64,
    ) -> Result<Vec<Outlook>, QueueError> {
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("HMGET")
            .arg(keys.config())
            .arg("shift")
            .arg("slack")
            .arg("travel")
            .arg("filled");
        for lane in lanes {
            ask(&mut pipeline, keys, lane, now);
        }
        let answers: Vec<Value> = self.connection().run_all(&pipeline).await?;
        let (config, answers) = answers
            .split_first()
            .ok_or_else(|| QueueError::Unexpected("outlook: no answer".into()))?;
        let config = read(config.clone())?;
        let lanes = answers.chunks(COMMANDS);
        let lanes = lanes.map(|lane| {
            let (first, lane) = lane.split_at(2);
            let (quotas, paused) = read::<(RawQuotas, RawPause)>(Value::Array(first.to_vec()))?;
            let lane = read::<RawLane>(Value::Array(lane.to_vec()))?;
            let mut outlook = self.look(lane, &quotas, &config, now);
            outlook.status.paused |= paused.is_some();
            Ok(outlook)
        });
        lanes.collect()
    }

    fn look(&self, raw: RawLane, in_force: &RawQuotas, config: &RawConfig, now: u64) -> Outlook {
        let (fields, burst, day, due, high, line, wait, later, wait_due, later_due, last, moment) =
            raw;
        let text = |name: &str| fields.get(name).map(String::as_str);
        let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
        let [shift, slack, travel, filled] = config.each_ref().map(Option::as_deref);
        let signed = |number: Option<&str>| number.and_then(|number| number.parse().ok());
        let set_by: i64 = signed(shift).unwrap_or(0) - signed(text("shift")).unwrap_or(0);
        let raw = ledger::Raw {
            fields: &fields,
            in_force: in_force.each_ref().map(Option::as_deref),
            rings: [&burst, &day],
            set_by,
            slack: slack.and_then(|slack| slack.parse().ok()),
            lapses: &Lapses::read(travel.unwrap_or_default()),
            filled: filled.and_then(|filled| filled.parse().ok()),
        };
        Outlook {
            now_ms: now,
            ledger: raw.read(&self.terms().policy(), now),
            pace: Pace::read(text("pace").unwrap_or_default()),
            weight: number("weight").and_then(|weight| weight.try_into().ok()),
            ready: (due + high + line).saturating_sub(number("ghosts").unwrap_or(0)),
            high,
            retrying: Waiting {
                count: wait,
                due: wait_due,
            },
            scheduled: Waiting {
                count: later,
                due: later_due,
            },
            last_retry_ms: last.first().map(|(_, due)| score_ms(*due)),
            status: LaneStatus::read(&fields, moment, set_by, now),
        }
    }
}

fn ask(pipeline: &mut Pipeline, keys: &Keys, lane: &Lane, now: u64) {
    let in_force = ["burst", "daily"].map(|window| quota_name(window, lane.destination()));
    pipeline.cmd("HMGET").arg(keys.config()).arg(&in_force);
    let whole = keys.lane(Lane::ghl(lane.tenant()).as_str());
    pipeline.cmd("HGET").arg(whole).arg("paused");
    let lane = lane.as_str();
    pipeline.cmd("HGETALL").arg(keys.lane(lane));
    for ring in [keys.burst(lane), keys.day(lane)] {
        pipeline.cmd("ZRANGE").arg(ring).arg(0).arg(-1);
    }
    let (wait, later) = (keys.wait(lane), keys.later(lane));
    pipeline.cmd("ZCARD").arg(keys.due(lane));
    pipeline.cmd("ZCARD").arg(keys.high(lane));
    pipeline.cmd("LLEN").arg(keys.line(lane));
    for set in [&wait, &later] {
        pipeline.cmd("ZCARD").arg(set);
    }
    for set in [&wait, &later] {
        pipeline.cmd("ZCOUNT").arg(set).arg("-inf").arg(now);
    }
    let last = pipeline.cmd("ZRANGE").arg(wait).arg(-1).arg(-1);
    last.arg("WITHSCORES");
    pipeline.cmd("ZSCORE").arg(keys.lanes()).arg(lane);
}

fn read<T: redis::FromRedisValue>(answer: Value) -> Result<T, QueueError> {
    redis::from_redis_value(answer).map_err(|error| QueueError::Unexpected(error.to_string()))
}
