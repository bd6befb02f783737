//! Where one job stands.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    Queue,
    error::QueueError,
    position::{Ahead, Stands},
    record::{self, DoneRecord, Record, RecordError, StoredJob},
    reference::{Lane, Reference},
    run::{Run, field},
};
use crate::{
    job::{Priority, state::State},
    seal::Purpose,
};

/// How many tenants one round trip asks for an id.
const TENANTS: usize = 500;

/// A job as it stands now.
#[derive(Debug, Clone)]
pub struct JobStatus {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The lane that it waits in.
    pub lane: Lane,
    /// The contact key that its sequence was named by, if it is in one and has not ended.
    pub sequence: Option<String>,
    /// Its payload's fingerprint.
    pub fingerprint: [u8; 8],
    /// Where it stands.
    pub state: State,
    /// The job, while it is not done; `None` also where it cannot be read.
    pub job: Option<Box<StoredJob>>,
    /// Why it, or what was written down of it, cannot be read.
    pub unreadable: Option<RecordError>,
    /// What it came to and when (ms), if it is done.
    pub done: Option<(DoneRecord, u64)>,
    /// What is counted of it, its journal, and its death.
    pub run: Run,
    /// Its deliveries, with the one that runs.
    pub deliveries: u32,
    /// The worker that has it, if it is running.
    pub worker: Option<String>,
    /// When it is due or, if retrying, due again (ms).
    pub due_ms: Option<u64>,
    /// The end of its lease (ms), if it is running.
    pub lease_ms: Option<u64>,
    /// Its place among the due jobs of its lane, from 0.
    pub position: Option<u64>,
    /// What goes before it, if it waits.
    pub ahead: Option<Ahead>,
}

impl JobStatus {
    /// Failed attempts.
    pub fn attempts(&self) -> u32 {
        self.done
            .as_ref()
            .map_or_else(|| self.run.attempts(), |(done, _)| done.attempts)
    }

    /// When it was due first (ms), as far as that is known.
    pub fn life_ms(&self) -> Option<u64> {
        let done = self.done.as_ref().map(|(done, _)| done.life);
        let open = || self.job.as_ref().map(|job| self.run.first_due(job.due_ms));
        done.unwrap_or_else(open)
    }

    /// When it ended (ms), if it has.
    pub fn ended_ms(&self) -> Option<u64> {
        let done = self.done.as_ref().map(|(_, at)| *at);
        let dead = self.run.number(field::DEAD_AT);
        done.or(dead.filter(|_| self.state == State::Dead))
    }

    /// Whether it was enqueued with high priority.
    pub fn is_high(&self) -> bool {
        let priority = self.job.as_ref().map(|job| job.priority);
        priority == Some(Priority::High)
    }

    /// Its type, if it can be told.
    pub fn job_type(&self) -> Option<&str> {
        let done = self.done.as_ref().map(|(done, _)| done.job_type.as_str());
        done.or_else(|| self.job.as_ref().map(|job| job.payload.job_type().as_str()))
    }
}

/// A lane as it stands now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneStatus {
    /// The next moment (ms) at which it may be served; `None`: nothing is due, or it waits for the end of a call or for a person.
    pub moment_ms: Option<u64>,
    /// Until when (ms) it is held.
    pub held_until_ms: Option<u64>,
    /// Why it is held.
    pub why: Option<String>,
    /// Whether a person paused it.
    pub paused: bool,
    /// Whether its breaker is open.
    pub breaker_open: bool,
}

impl LaneStatus {
    /// From the lane's hash and its moment; `set_by`: what Redis' clock was set by since the lane was last written, by which its hold moves.
    pub(super) fn read(
        fields: &HashMap<String, String>,
        moment: Option<f64>,
        set_by: i64,
        now: u64,
    ) -> Self {
        let held_until_ms = fields
            .get("hold")
            .and_then(|until| until.parse::<f64>().ok())
            .map(|until| super::score_ms(until).saturating_add_signed(set_by))
            .filter(|until| *until > now);
        Self {
            moment_ms: moment
                .filter(|moment| moment.is_finite())
                .map(super::score_ms),
            why: fields
                .get("why")
                .filter(|_| held_until_ms.is_some())
                .cloned(),
            held_until_ms,
            paused: fields.contains_key("paused"),
            breaker_open: fields.contains_key("open"),
        }
    }
}

/// What stands before a blocked job.
#[derive(Debug, Clone)]
pub struct Place {
    /// The ids of the jobs that hold the head of its contact's sequence.
    pub heads: Vec<String>,
    /// How many blocked jobs are before it.
    pub before: u64,
}

impl Queue {
    /// The jobs with this id: at most one if the tenant is given. Without it every tenant of every shard is asked.
    pub async fn find(&self, id: &str, tenant: Option<&str>) -> Result<Vec<JobStatus>, QueueError> {
        let tenants = match tenant {
            Some(tenant) => vec![tenant.to_owned()],
            None => self.tenants_with(id).await?,
        };
        let mut found = Vec::new();
        for tenant in tenants {
            found.extend(self.job_status(&tenant, id).await?);
        }
        Ok(found)
    }

    /// Every tenant that ever had a job.
    pub async fn tenants(&self) -> Result<Vec<String>, QueueError> {
        let mut all: Vec<String> = Vec::new();
        for shard in 0..self.shards() {
            let members: Vec<String> = self
                .connection()
                .run(redis::cmd("SMEMBERS").arg(self.keys(shard).tenants()))
                .await?;
            all.extend(members);
        }
        all.sort();
        Ok(all)
    }

    /// Whether a tenant ever had a job.
    pub async fn is_known(&self, tenant: &str) -> Result<bool, QueueError> {
        let mut command = redis::cmd("SISMEMBER");
        command.arg(self.keys_of(tenant).tenants()).arg(tenant);
        Ok(self.connection().run(&command).await?)
    }

    async fn tenants_with(&self, id: &str) -> Result<Vec<String>, QueueError> {
        let mut with = Vec::new();
        for shard in 0..self.shards() {
            let keys = self.keys(shard);
            let tenants: Vec<String> = self
                .connection()
                .run(redis::cmd("SMEMBERS").arg(keys.tenants()))
                .await?;
            for page in tenants.chunks(TENANTS) {
                let mut pipeline = redis::pipe();
                for tenant in page {
                    pipeline.cmd("HEXISTS").arg(keys.job(tenant)).arg(id);
                }
                let there: Vec<bool> = self.connection().run_all(&pipeline).await?;
                with.extend(
                    page.iter()
                        .zip(there)
                        .filter(|(_, there)| *there)
                        .map(|(tenant, _)| tenant.clone()),
                );
            }
        }
        Ok(with)
    }

    async fn job_status(&self, tenant: &str, id: &str) -> Result<Option<JobStatus>, QueueError> {
        let mut names = Names::of(Lane::ghl(tenant), id);
        let Some(mut snapshot) = self.look_at(&names).await? else {
            return Ok(None);
        };
        let lane = Lane::of(&record::destination(&snapshot.record), tenant);
        if lane != names.lane {
            names = Names::of(lane, id);
            let Some(there) = self.look_at(&names).await? else {
                return Ok(None);
            };
            snapshot = there;
        }
        let decoded = self.decode(tenant, id, &snapshot.record);
        let state = match &decoded {
            Ok(Record::Done { .. }) => State::Done,
            _ if snapshot.run.text(field::DEAD_AT).is_some() => State::Dead,
            _ if snapshot.holder.is_some() => State::Running,
            _ if snapshot.waits_until.is_some() => State::Scheduled,
            _ if snapshot.is_due => State::Ready,
            _ if self.is_blocked(&names, &snapshot.record).await? => State::Blocked,
            // What is in no other place stands in the line.
            _ => State::Ready,
        };
        let unreadable = decoded.as_ref().err().or(snapshot.run.unreadable());
        let unreadable = unreadable.cloned();
        let (job, done) = match decoded {
            Ok(Record::Job(job)) => (Some(job), None),
            Ok(Record::Done { ended_ms, done }) => (None, Some((done, ended_ms))),
            Ok(Record::Sweep(_)) | Err(_) => (None, None),
        };
        let due_ms = snapshot
            .waits_until
            .or_else(|| job.as_ref().map(|job| job.due_ms));
        let priority = job.as_ref().map(|job| job.priority).unwrap_or_default();
        let waits = matches!(state, State::Ready | State::Scheduled | State::Blocked);
        let (position, ahead) = if waits {
            let stands = Stands {
                due: due_ms.unwrap_or(0),
                priority,
                is_scheduled: state == State::Scheduled,
            };
            let found = self.position(&names.lane, &names.tickets, stands).await?;
            (found.0, Some(found.1))
        } else {
            (None, None)
        };
        let deliveries = snapshot.run.deliveries() + u32::from(state == State::Running);
        Ok(Some(JobStatus {
            id: id.into(),
            tenant: tenant.into(),
            lane: names.lane,
            sequence: record::head(&snapshot.record)
                .first_key()
                .map(str::to_owned),
            fingerprint: record::fingerprint(&snapshot.record),
            state,
            job,
            unreadable,
            done,
            run: snapshot.run,
            deliveries,
            worker: snapshot.holder.as_deref().and_then(worker_of),
            due_ms,
            lease_ms: snapshot.lease_ms,
            position,
            ahead,
        }))
    }

    /// What stands under a job's id, opened.
    pub(super) fn decode(
        &self,
        tenant: &str,
        id: &str,
        record: &[u8],
    ) -> Result<Record, RecordError> {
        let drawer = self.vault().of(tenant, id);
        let opened = drawer.open_record(record);
        match record::decode(opened.as_deref().unwrap_or(record))? {
            Record::Done { ended_ms, mut done } => {
                done.result = drawer.show_result(done.result);
                Ok(Record::Done { ended_ms, done })
            }
            open @ (Record::Job(_) | Record::Sweep(_)) => Ok(open),
        }
    }

    /// A job's journal, opened.
    pub(super) fn run(&self, tenant: &str, id: &str, fields: HashMap<String, String>) -> Run {
        let mut run = Run::new(fields);
        self.vault().of(tenant, id).open_run(&mut run);
        run
    }

    /// All that one round trip tells of a job; `None` if there is no such job.
    async fn look_at(&self, names: &Names) -> Result<Option<Snapshot>, QueueError> {
        let (keys, tenant) = (self.keys_of(names.lane.tenant()), names.lane.tenant());
        let lane = names.lane.as_str();
        let mut pipeline = redis::pipe();
        pipeline.cmd("HGET").arg(keys.job(tenant)).arg(&names.id);
        pipeline
            .cmd("HGETALL")
            .arg(keys.run(&format!("{tenant}/{}", names.id)));
        pipeline
            .cmd("HMGET")
            .arg(keys.running())
            .arg(&names.references);
        pipeline
            .cmd("ZMSCORE")
            .arg(keys.leases())
            .arg(&names.references);
        for set in [
            keys.wait(lane),
            keys.later(lane),
            keys.due(lane),
            keys.high(lane),
        ] {
            pipeline.cmd("ZMSCORE").arg(set).arg(&names.tickets);
        }
        let (record, run, holders, leases, wait, later, due, high): RawSnapshot =
            self.connection().run_all(&pipeline).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let first = |scores: &[Option<f64>]| {
            let score = scores.iter().flatten().next();
            score.map(|score| super::score_ms(*score))
        };
        Ok(Some(Snapshot {
            record,
            run: self.run(tenant, &names.id, run),
            holder: holders.into_iter().flatten().next(),
            lease_ms: first(&leases),
            waits_until: first(&wait).or(first(&later)),
            is_due: due.iter().chain(&high).any(Option::is_some),
        }))
    }

    /// Whether the job stands behind another one of its contact.
    async fn is_blocked(&self, names: &Names, record: &[u8]) -> Result<bool, QueueError> {
        let tenant = names.lane.tenant();
        let Some(key) = record::head(record).first_key() else {
            return Ok(false);
        };
        let root = self.root(tenant, key).await?;
        let blocked = self.keys_of(tenant).blocked(&format!("{tenant}/{root}"));
        let scores: Vec<Option<f64>> = self
            .connection()
            .run(redis::cmd("ZMSCORE").arg(blocked).arg(&names.places))
            .await?;
        Ok(scores.iter().any(Option::is_some))
    }

    /// The ids of the jobs behind which this one stands in its contact's sequence, by what is stored of it: none if it stands behind none.
    pub(super) async fn heads_before(
        &self,
        tenant: &str,
        id: &str,
        record: &[u8],
    ) -> Result<Vec<String>, QueueError> {
        let names = Names::of(Lane::of(&record::destination(record), tenant), id);
        let Some(key) = record::head(record).first_key() else {
            return Ok(Vec::new());
        };
        if !self.is_blocked(&names, record).await? {
            return Ok(Vec::new());
        }
        let root = self.root(tenant, key).await?;
        let mut command = redis::cmd("HGET");
        command.arg(self.keys_of(tenant).seq(tenant)).arg(root);
        let heads: Option<String> = self.connection().run(&command).await?;
        Ok(ids_of(&heads.unwrap_or_default()))
    }

    /// The failed attempts of a job, oldest first.
    pub async fn history(&self, tenant: &str, id: &str) -> Result<Vec<Value>, QueueError> {
        let key = self.keys_of(tenant).history(&format!("{tenant}/{id}"));
        let lines: Vec<String> = self
            .connection()
            .run(redis::cmd("LRANGE").arg(key).arg(0).arg(-1))
            .await?;
        let drawer = self.vault().of(tenant, id);
        let opened =
            lines
                .into_iter()
                .filter_map(|line| match drawer.open_text(Purpose::History, line) {
                    Ok(line) => serde_json::from_str(&line).ok(),
                    Err(error) => Some(json!({ "error": error.to_string() })),
                });
        Ok(opened.collect())
    }

    /// How a lane stands.
    pub async fn lane_status(&self, lane: &Lane) -> Result<LaneStatus, QueueError> {
        Ok(self.outlook(lane).await?.status)
    }

    /// What stands before a blocked job in its contact's sequence.
    pub async fn place(&self, status: &JobStatus) -> Result<Option<Place>, QueueError> {
        let Some(key) = &status.sequence else {
            return Ok(None);
        };
        let keys = self.keys_of(&status.tenant);
        let root = self.root(&status.tenant, key).await?;
        let blocked = keys.blocked(&format!("{}/{root}", status.tenant));
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("HGET")
            .arg(keys.seq(&status.tenant))
            .arg(&root);
        for digit in ["0", "1", "2"] {
            let place = format!("{}/{digit}{}", status.lane.destination(), status.id);
            pipeline.cmd("ZRANK").arg(&blocked).arg(place);
        }
        let (heads, low, normal, high): (Option<String>, Option<u64>, Option<u64>, Option<u64>) =
            self.connection().run_all(&pipeline).await?;
        Ok(Some(Place {
            heads: ids_of(&heads.unwrap_or_default()),
            before: low.or(normal).or(high).unwrap_or(0),
        }))
    }

    /// The sequence that a job heads, looked for among all of its tenant's: only for a job whose record cannot tell.
    pub async fn headed_by(&self, reference: &Reference) -> Result<Vec<String>, QueueError> {
        let key = self.keys_of(reference.tenant()).seq(reference.tenant());
        let place = format!("/{}/{}", reference.lane().destination(), reference.ticket());
        let mut cursor = "0".to_owned();
        loop {
            let mut command = redis::cmd("HSCAN");
            command.arg(&key).arg(&cursor).arg("COUNT").arg(1000);
            let (next, page): (String, Vec<(String, String)>) =
                self.connection().run(&command).await?;
            let heads = |heads: &str| heads.lines().any(|head| head.ends_with(&place));
            if let Some((root, _)) = page.into_iter().find(|(_, stored)| heads(stored)) {
                return Ok(vec![root]);
            }
            if next == "0" {
                return Ok(Vec::new());
            }
            cursor = next;
        }
    }

    /// The contact key that names the sequence of this one, after all that was learnt.
    async fn root(&self, tenant: &str, key: &str) -> Result<String, QueueError> {
        let aliases = self.keys_of(tenant).alias(tenant);
        let mut key = key.to_owned();
        for _ in 0..1000 {
            let alias: Option<String> = self
                .connection()
                .run(redis::cmd("HGET").arg(&aliases).arg(&key))
                .await?;
            match alias.as_deref().and_then(|alias| alias.split_once('/')) {
                Some((_, next)) => next.clone_into(&mut key),
                None => break,
            }
        }
        Ok(key)
    }
}

/// The jobs that head a sequence: each `<order>/<destination>/<priority><id>`, a line.
fn ids_of(heads: &str) -> Vec<String> {
    let tickets = heads.lines().filter_map(|head| head.splitn(3, '/').nth(2));
    let ids = tickets.filter_map(|ticket| ticket.get(1..));
    ids.map(str::to_owned).collect()
}

/// The names that a job may have, since its priority is not known.
struct Names {
    id: String,
    lane: Lane,
    tickets: [String; 3],
    references: [String; 3],
    places: [String; 3],
}

impl Names {
    fn of(lane: Lane, id: &str) -> Self {
        let tickets = ["0", "1", "2"].map(|digit| format!("{digit}{id}"));
        Self {
            id: id.to_owned(),
            references: tickets.clone().map(|ticket| format!("{lane}/{ticket}")),
            places: tickets
                .clone()
                .map(|ticket| format!("{}/{ticket}", lane.destination())),
            tickets,
            lane,
        }
    }
}

/// What one round trip tells of a job.
struct Snapshot {
    record: Vec<u8>,
    run: Run,
    /// Who has it: `<token>/<worker>`.
    holder: Option<String>,
    lease_ms: Option<u64>,
    waits_until: Option<u64>,
    /// Whether it is in one of the sets of due jobs; if not, it may stand in the line.
    is_due: bool,
}

fn worker_of(holder: &str) -> Option<String> {
    holder.split('/').nth(1).map(str::to_owned)
}

/// Record, run, holders, and its scores in the leases and the lane's four sets.
type RawSnapshot = (
    Option<Vec<u8>>,
    HashMap<String, String>,
    Vec<Option<String>>,
    Vec<Option<f64>>,
    Vec<Option<f64>>,
    Vec<Option<f64>>,
    Vec<Option<f64>>,
    Vec<Option<f64>>,
);
