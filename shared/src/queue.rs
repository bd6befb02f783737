//! The queue on Redis, in the verbs of a job's life: enqueue, claim, renew, advance, settle, redrive. Each is one script and one round trip;
//! what the scripts decide and what they return stands on top of each file in `scripts/`.

pub mod access;
pub mod acl;
pub mod awaited;
mod batch;
mod cadence;
pub mod circle;
pub mod claim;
mod confirmation;
mod connection;
pub mod contacts;
pub mod crew;
pub mod dead;
pub mod demand;
pub mod enqueue;
pub mod error;
pub mod eta;
mod fate;
pub mod forecast;
pub mod gone;
pub mod govern;
pub mod grants;
pub mod install;
pub mod keys;
pub mod lapse;
pub mod late_effect;
pub mod lateness;
pub mod ledger;
pub mod links;
mod memory;
pub mod outlook;
pub mod pace;
pub mod parent;
pub mod permit;
pub mod polls;
pub mod position;
pub mod record;
pub mod reference;
pub mod refresher;
pub mod repair;
pub mod report;
pub mod run;
mod scripts;
pub mod server;
pub mod settle;
pub mod sms_report;
pub mod spread;
pub mod stats;
pub mod status;
pub mod storms;
pub mod sweep;
pub mod twins;
mod vault;
pub mod wake;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use redis::{Cmd, FromRedisValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::{
    confirmation::Confirmation,
    connection::{Connection, Server},
    error::QueueError,
    keys::Keys,
    memory::Memory,
    scripts::{Script, Scripts},
    server::Errand,
    vault::Vault,
};
use crate::{
    settings::{DailyPacing, Durability, Encryption, Settings, without_password},
    span::millis,
};

/// How far ahead of a normal job of the same due time a high one goes, and how far behind it a low one. It bounds how long low can wait.
pub const HEAD_START: Duration = Duration::from_secs(60);

// Nothing else runs in Redis while a script does: the bounds of each are such that it takes some milliseconds at the most.

/// How many jobs one script moves as they come due, over all lanes.
const MOVES: usize = 48;

/// Where the queue is, and how it is laid out.
#[derive(Debug, Clone)]
pub struct Location {
    /// One server, the nodes of a cluster separated by commas, or Sentinels.
    pub url: SecretString,
    /// The certificates (PEM) that Redis' own must go back to; else it must go back to one of the system's.
    pub roots: Option<Arc<[u8]>>,
    /// The prefix of every key.
    pub namespace: String,
    /// How many hash tags the tenants are spread over; fixed at the first start.
    pub shards: u16,
    /// What "stored" means.
    pub durability: Durability,
    /// What is sealed before it is stored, and with what.
    pub encryption: Encryption,
}

/// The limits and delays that the scripts are given.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// A silent worker's jobs are taken over after this.
    pub lease: Duration,
    /// How long one API call may take.
    pub http_timeout: Duration,
    /// How long after its end a call without an answer may still be applied.
    pub quarantine: Duration,
    /// The share of the day that is kept for high priority, 0 to 1.
    pub reserve: f64,
    /// The most jobs that one call delivers; 1: each has a call of its own.
    pub coalesce: u32,
    /// Whether what is not of high priority is spread evenly over the day.
    pub spread: bool,
    /// Unfinished jobs per tenant.
    pub max_backlog: u64,
    /// The share of Redis' memory, in percent, beyond which new jobs are refused.
    pub memory: u8,
    /// How long what is done is remembered.
    pub retention: Duration,
}

/// What this program was told of a shard last.
#[derive(Debug, Default)]
struct Told {
    /// The number of a command.
    tick: AtomicU64,
    /// The latest time that Redis' clock has shown.
    seen_ms: AtomicU64,
    /// What this program's own clock makes of Redis'.
    watched: Mutex<Option<Watched>>,
    /// How long, ms, the last command took.
    took_ms: AtomicU64,
}

/// How a program's own clock and Redis' compare. In ms, less what Redis' clock was set by.
#[derive(Debug, Clone, Copy)]
struct Watched {
    /// Since when they have been compared.
    since_ms: u64,
    /// What time it was at the latest, as it was compared last.
    latest_ms: u64,
    /// When that was.
    at: Instant,
}

/// The same as the scripts take it.
#[derive(Debug, Clone, Copy, Serialize)]
struct Knowledge {
    known: u64,
    seen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<u64>,
    /// As of when.
    #[serde(skip)]
    at: Instant,
}

impl Location {
    /// Where it is, without what may be a password.
    fn address(&self) -> String {
        without_password(self.url.expose_secret())
    }
}

impl From<&Settings> for Location {
    fn from(settings: &Settings) -> Self {
        Self {
            url: settings.redis.url.clone(),
            roots: settings.redis.ca.clone(),
            namespace: settings.redis.namespace.clone(),
            shards: settings.redis.shards,
            durability: settings.redis.durability,
            encryption: settings.encryption.clone(),
        }
    }
}

impl From<&Settings> for Terms {
    fn from(settings: &Settings) -> Self {
        Self {
            lease: settings.delivery.lease,
            http_timeout: settings.ghl.http_timeout,
            quarantine: settings.delivery.longest_quarantine(),
            reserve: f64::from(settings.ghl.daily_reserve) / 100.0,
            spread: settings.ghl.daily_pacing == DailyPacing::Spread,
            coalesce: if settings.delivery.coalesce {
                settings.delivery.coalesce_max
            } else {
                1
            },
            max_backlog: settings.intake.max_backlog,
            memory: settings.redis.memory,
            retention: settings.redis.retention,
        }
    }
}

/// A handle to the queue: cheap to clone, shared by all tasks of a program.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
    clock: Option<u64>,
}

struct Inner {
    server: Server,
    connection: Connection,
    confirmation: Option<Confirmation>,
    location: Location,
    shards: Vec<Keys>,
    vault: Vault,
    scripts: Scripts,
    memory: Memory,
    terms: Terms,
    /// Per shard: what it was told by the answers to a worker's commands (`scripts/part/era.lua`).
    told: Vec<Told>,
    /// The longest quarantine in force, ms, where it is longer than the terms'.
    quarantine: AtomicU64,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("location", &self.inner.location)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Connects for a program that runs on, and makes sure that this Redis can be used and was laid out with the same number of shards.
    pub async fn connect(location: Location, terms: Terms) -> Result<Self, QueueError> {
        Self::connect_for(Errand::Service, location, terms).await
    }

    /// Connects, and makes sure of what the errand needs.
    pub async fn connect_for(
        errand: Errand,
        location: Location,
        terms: Terms,
    ) -> Result<Self, QueueError> {
        let opened = Self::open(&location).await;
        let (server, connection) =
            opened.map_err(|error| QueueError::at(&location.address(), error))?;
        let shards: Vec<_> = (0..location.shards.max(1))
            .map(|shard| Keys::new(&location.namespace, shard))
            .collect();
        let told = shards.iter().map(|_| Told::default()).collect();
        let confirmation = match errand {
            Errand::Look => None,
            _ => Confirmation::open(&server, location.durability).await?,
        };
        let inner = Inner {
            vault: Vault::new(&location.namespace, &location.encryption),
            server,
            connection,
            confirmation,
            memory: Memory::new(location.shards.max(1)),
            location,
            shards,
            scripts: Scripts::new(),
            terms,
            told,
            quarantine: AtomicU64::new(0),
        };
        let queue = Self {
            inner: Arc::new(inner),
            clock: None,
        };
        queue.check_server(errand).await?;
        queue.check_layout(errand).await?;
        Ok(queue)
    }

    async fn open(location: &Location) -> redis::RedisResult<(Server, Connection)> {
        let server = Server::find(location.url.expose_secret(), &location.roots).await?;
        let connection = server.connect().await?;
        Ok((server, connection))
    }

    /// The same queue with Redis' clock standing at `ms`: how tests make time an input.
    #[must_use]
    pub fn at(&self, ms: u64) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            clock: Some(ms),
        }
    }

    /// The limits and delays in use.
    pub fn terms(&self) -> &Terms {
        &self.inner.terms
    }

    /// The longest quarantine in force.
    pub fn quarantine(&self) -> Duration {
        let raised = self.inner.quarantine.load(Ordering::Relaxed);
        self.terms().quarantine.max(Duration::from_millis(raised))
    }

    /// The longest quarantine in force has become this.
    pub fn lengthen_quarantine(&self, to: Duration) {
        self.inner
            .quarantine
            .fetch_max(millis(to), Ordering::Relaxed);
    }

    /// A person has set quarantines back: the longest in force is no more than this.
    pub fn shorten_quarantine(&self, to: Duration) {
        self.inner.quarantine.store(millis(to), Ordering::Relaxed);
    }

    /// How long after a dead worker's lease, or a delivery's end, a call without an answer can still arrive at the API: it may have been cut off as it
    /// began.
    fn late(&self) -> Duration {
        self.terms().http_timeout + self.quarantine()
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        u16::try_from(self.inner.shards.len()).unwrap_or(u16::MAX)
    }

    /// The shard that a tenant's jobs are in: a hash that no version may change.
    pub fn shard_of(&self, tenant: &str) -> u16 {
        let digest = Sha256::digest(tenant.as_bytes());
        let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        u16::try_from(number % u32::from(self.shards())).unwrap_or_default()
    }

    /// Does something on all shards, one after the other: one that is away holds up no other. Returns the first error.
    pub async fn on_each_shard<F>(&self, act: impl Fn(u16) -> F) -> Result<(), QueueError>
    where
        F: Future<Output = Result<(), QueueError>>,
    {
        let mut all = Ok(());
        for shard in 0..self.shards() {
            all = all.and(act(shard).await);
        }
        all
    }

    /// The keys of a shard.
    pub fn keys(&self, shard: u16) -> &Keys {
        &self.inner.shards[usize::from(shard) % self.inner.shards.len()]
    }

    fn keys_of(&self, tenant: &str) -> &Keys {
        self.keys(self.shard_of(tenant))
    }

    /// What of this shard's memory was told to this program: every command of a worker says it, so that a Redis that has forgotten is found out.
    fn known(&self, shard: u16) -> Knowledge {
        let told = self.told_of(shard);
        let watched = *told.watched.lock();
        let at = Instant::now();
        let latest = |watched: Watched| watched.latest_ms + millis(at - watched.at);
        Knowledge {
            known: told.tick.load(Ordering::SeqCst),
            seen: told.seen_ms.load(Ordering::SeqCst),
            since: watched.map(|watched| watched.since_ms),
            latest: watched.map(latest),
            slow: watched.map(|_| told.took_ms.load(Ordering::Relaxed)),
            at,
        }
    }

    /// By this program's own clock it is `latest_ms` now at the latest, as far as it has watched the shard's since `since_ms` (both less what that was
    /// set by in all): no permit comes back by a later time, and while the shard's is far ahead, no claim gives anything, for it was set.
    pub fn watch_clock(&self, shard: u16, since_ms: u64, latest_ms: u64) {
        *self.told_of(shard).watched.lock() = Some(Watched {
            since_ms,
            latest_ms,
            at: Instant::now(),
        });
    }

    /// A command of a worker, which brought what was known, was answered with its number.
    fn learn_tick(&self, shard: u16, known: Knowledge, tick: u64) {
        let told = self.told_of(shard);
        told.tick.fetch_max(tick, Ordering::SeqCst);
        told.took_ms
            .store(millis(known.at.elapsed()), Ordering::Relaxed);
    }

    /// What time it was as a claim or a renewal was answered: the latest counts, for what was due by then may have been sent.
    fn learn_time(&self, shard: u16, now_ms: u64) {
        self.told_of(shard)
            .seen_ms
            .fetch_max(now_ms, Ordering::SeqCst);
    }

    fn told_of(&self, shard: u16) -> &Told {
        &self.inner.told[usize::from(shard) % self.inner.told.len()]
    }

    fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    fn scripts(&self) -> &Scripts {
        &self.inner.scripts
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), QueueError> {
        let pong: String = self.connection().run(&redis::cmd("PING")).await?;
        if pong == "PONG" {
            Ok(())
        } else {
            Err(QueueError::Unexpected(pong))
        }
    }

    /// Redis' clock, in milliseconds.
    pub async fn now(&self) -> Result<u64, QueueError> {
        if let Some(now) = self.clock {
            return Ok(now);
        }
        let (seconds, micros): (u64, u64) = self.connection().run(&redis::cmd("TIME")).await?;
        Ok(seconds * 1000 + micros / 1000)
    }

    /// Calls a transition on a shard: `arg` becomes its table of named arguments, `tail` adds `ARGV[3…]`.
    async fn call<A: Serialize, T: FromRedisValue>(
        &self,
        shard: u16,
        script: &Script,
        arg: &A,
        tail: impl Fn(&mut Cmd),
    ) -> Result<T, QueueError> {
        let arg = rmp_serde::to_vec_named(arg)
            .map_err(|error| QueueError::Unexpected(error.to_string()))?;
        let transition = |form| {
            let mut command = self.command(form, script, shard, &arg);
            tail(&mut command);
            command
        };
        let answer = match self
            .transact(Form::Function, shard, script, &transition)
            .await
        {
            Err(error) if error::is_denied_within(&error) => Err(QueueError::Denied(format!(
                "NOPERM in the script {}",
                script.name
            ))),
            // What has no code of its own may be that it does not know the function: a Redis without persistence forgets them.
            Err(error) if error::code(&error) == "ERR" => {
                self.load_and_transact(shard, script, &transition).await
            }
            answer => answer.map_err(QueueError::from),
        };
        let (answer, replicas) = answer.map_err(|error| error.in_script(script.name))?;
        match &self.inner.confirmation {
            Some(confirmation) if script.confirmed => confirmation.check(replicas)?,
            _ => {}
        }
        Ok(answer)
    }

    /// The same, once Redis has been given the transitions.
    async fn load_and_transact<T: FromRedisValue>(
        &self,
        shard: u16,
        script: &Script,
        transition: &impl Fn(Form) -> Cmd,
    ) -> Result<(T, u64), QueueError> {
        let refusal = match self.load().await {
            Ok(()) => {
                let answer = self.transact(Form::Function, shard, script, transition);
                return Ok(answer.await?);
            }
            Err(error) => error,
        };
        let refusal = match error::code(&refusal) {
            // It could not be asked.
            code if code.is_empty() => return Err(refusal.into()),
            code => code,
        };
        // Full, or not allowed: what stands in a library may be sent as a script too.
        let answer = self.transact(Form::Alone, shard, script, transition).await;
        answer.map_err(|error| match error::code(&error).as_str() {
            "NOPERM" if refusal == "NOPERM" => QueueError::NotLoaded,
            _ => error.into(),
        })
    }

    /// Runs a transition; where it must be confirmed, the number of replicas that have it comes with its answer.
    async fn transact<T: FromRedisValue>(
        &self,
        form: Form,
        shard: u16,
        script: &Script,
        transition: &impl Fn(Form) -> Cmd,
    ) -> redis::RedisResult<(T, u64)> {
        let transition = transition(form);
        match &self.inner.confirmation {
            Some(confirmation) if script.confirmed => {
                let mark = self.command(form, &self.scripts().confirm, shard, &NO_ARGUMENTS);
                confirmation.run(&transition, &mark).await
            }
            _ => Ok((self.connection().run(&transition).await?, 0)),
        }
    }

    /// Gives Redis the transitions. It keeps them, but not over a restart without persistence.
    async fn load(&self) -> Result<(), redis::RedisError> {
        let mut load = redis::cmd("FUNCTION");
        load.arg("LOAD").arg("REPLACE").arg(&self.scripts().library);
        let _: redis::Value = self.connection().run(&load).await?;
        Ok(())
    }

    fn command(&self, form: Form, script: &Script, shard: u16, arg: &[u8]) -> Cmd {
        let mut command = match form {
            Form::Function => redis::cmd("FCALL").arg(&script.function).take(),
            Form::Alone => redis::cmd("EVAL").arg(&script.alone).take(),
        };
        let keys = self.keys(shard);
        // One that is always there and one that never is: while a cluster moves the shard from node to node, neither has both, and both refuse
        // (TRYAGAIN). A script that ran on one of them would take the half that it has for all there is.
        command.arg(2).arg(keys.prefix()).arg(keys.config());
        let clock = self.clock.map(|ms| ms.to_string()).unwrap_or_default();
        command.arg(clock).arg(arg);
        command
    }
}

/// How a transition is sent.
#[derive(Clone, Copy)]
enum Form {
    /// By the name that it has in the library.
    Function,
    /// As a script of its own.
    Alone,
}

/// An empty table of named arguments, as `MessagePack`.
const NO_ARGUMENTS: [u8; 1] = [0xc0];

/// How lanes are served: what every transition needs that looks at one.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    /// In milliseconds: low, normal, high.
    head_start: [i64; 3],
    /// The share of the day that is kept for high priority.
    reserve: f64,
    /// Whether all but high priority is spread over the day.
    spread: bool,
}

impl Terms {
    fn policy(&self) -> Policy {
        let lead = i64::try_from(HEAD_START.as_millis()).unwrap_or(60_000);
        Policy {
            head_start: [-lead, 0, lead],
            reserve: self.reserve,
            spread: self.spread,
        }
    }
}

fn no_tail(_: &mut Cmd) {}

/// A score as milliseconds: the scripts store whole numbers far below 2⁵³, or infinity for "no moment", which becomes the largest number.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, which is what is wanted"
)]
fn score_ms(score: f64) -> u64 {
    score as u64
}
