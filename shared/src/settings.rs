//! Every setting of every program, typed: read from the environment, over `penstock.toml`, over
//! the defaults in [`SETTINGS`]; checked one by one and against each other.
//!
//! Settings are read only where programs start. Everything else takes values.
//!
//! The settings file is the one that `PENSTOCK_CONFIG` names (then it must exist), else
//! `penstock.toml` in the working directory if there is one. Its keys are the variables' names
//! without `PENSTOCK_`, in lower case. An empty variable counts as unset, and `none` is written
//! for "no value".

mod check;
mod error;
mod read;
mod render;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod value;

use std::{net::SocketAddr, num::NonZeroU8, path::PathBuf, sync::Arc, time::Duration};

use secrecy::SecretString;

pub use self::{
    error::SettingsError,
    table::{SETTINGS, Setting},
    value::namespace,
};
pub(crate) use self::{render::without_password, value::base_url};
use crate::{
    ghl::App, job::PerType, outcome::AmbiguousPolicy, quota::Quota, retry::Backoff, seal::Keyring,
};

/// The effective settings of a program.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the queue is kept.
    pub redis: Redis,
    /// The API, and how much of it there is.
    pub ghl: Ghl,
    /// The other systems.
    pub elsewhere: Elsewhere,
    /// How jobs are delivered.
    pub delivery: Delivery,
    /// How jobs come in.
    pub intake: Intake,
    /// What is encrypted at rest.
    pub encryption: Encryption,
    /// What is logged, and how.
    pub log: Log,
    /// Where a worker answers for its metrics and its health.
    pub metrics_listen: Option<SocketAddr>,
    /// Each setting's text and origin, for [`Settings::render`].
    sources: source::Sources,
}

/// Where the queue is kept.
#[derive(Debug, Clone)]
pub struct Redis {
    /// The address, with its password. Only its scheme was checked.
    pub url: SecretString,
    /// The certificates (PEM) that Redis' own must go back to, in the place of the system's.
    pub ca: Option<Arc<[u8]>>,
    /// The share of Redis' memory, in percent, beyond which intake refuses: 10 to 100.
    pub memory: u8,
    /// The prefix of every key: 1 to 64 characters of `[A-Za-z0-9._-]`.
    pub namespace: String,
    /// The number of hash tags that tenants are spread over: 1 to 1024.
    pub shards: u16,
    /// What "stored" means.
    pub durability: Durability,
    /// How long ids, states and results are kept after `done`.
    pub retention: Duration,
}

/// When a write counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When Redis has it; its append-only file is synced every second.
    Everysec,
    /// When the append-only file was synced.
    Always,
    /// When that many replicas have it.
    Replicated(NonZeroU8),
}

/// The API, and how much of it there is.
#[derive(Debug, Clone)]
pub struct Ghl {
    /// The API's address: http or https, without a slash at its end, a query or credentials.
    pub base_url: String,
    /// The token for tenants without credentials of their own.
    pub token: Option<SecretString>,
    /// The app by which accounts are connected.
    pub app: Option<App>,
    /// How long before its end a token is renewed.
    pub refresh_ahead: Duration,
    /// Whether every tenant that is connected by OAuth may write, without being allowed to one by one.
    pub all_may_write: bool,
    /// The most calls per tenant in a short window.
    pub burst: Quota,
    /// The most calls per tenant in a longer window.
    pub daily: Quota,
    /// How the longer window's calls are spent.
    pub daily_pacing: DailyPacing,
    /// The share of the longer window kept for high priority, in percent: 0 to 90.
    pub daily_reserve: u8,
    /// The longest that one call may take.
    pub http_timeout: Duration,
}

/// The other systems.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// The file of connections.
    pub connections: Option<PathBuf>,
    /// How long a message of which nobody knows whether it was sent waits for a report or a reply.
    pub sms_report_wait: Duration,
}

/// How the day's calls are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DailyPacing {
    /// As soon as there are jobs.
    Asap,
    /// Evenly over the day.
    Spread,
}

/// How jobs are delivered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Calls in flight in one worker: 1 to 10,000.
    pub concurrency: u16,
    /// A worker silent for this long loses its jobs; renewed at a third of it.
    pub lease: Duration,
    /// Q: how long after the end of a call without an answer the API may still apply it.
    pub quarantine: PerType<Duration>,
    /// How long after the end of a call without an answer the API's search may not find what it created.
    pub search_lag: Duration,
    /// Failed attempts before a job is dead: 1 to 1,000.
    pub max_attempts: u32,
    /// The delays between attempts.
    pub backoff: Backoff,
    /// How long after it became due an unfinished job is dead.
    pub max_age: Option<Duration>,
    /// Whether waiting jobs are merged into fewer calls.
    pub coalesce: bool,
    /// The most jobs of one merged call.
    pub coalesce_max: u32,
    /// What becomes of a call whose outcome cannot be told.
    pub ambiguous: PerType<AmbiguousPolicy>,
    /// Whether notes and tasks carry a marker.
    pub marker: bool,
    /// The marker's keys.
    pub marker_keys: Vec<SecretString>,
    /// Whether an effect that turns out to be there twice is removed, all but one.
    pub remove_twins: bool,
    /// How long calls in flight may still take after the worker was told to stop.
    pub grace: Duration,
}

impl Delivery {
    /// The longest quarantine of any job type: what holds where the type is not known.
    pub fn longest_quarantine(&self) -> Duration {
        let all = self.quarantine.iter().map(|(_, quarantine)| quarantine);
        all.max().unwrap_or_default()
    }
}

/// How jobs come in.
#[derive(Debug, Clone)]
pub struct Intake {
    /// Unfinished jobs per tenant, beyond which intake refuses: at least 1.
    pub max_backlog: u64,
    /// The bearer keys of the HTTP intake; with none it listens on loopback only.
    pub api_keys: Vec<SecretString>,
    /// The file that says what follows from which event.
    pub flows: Option<PathBuf>,
    /// How many events of one kind about one record may lead to jobs: at least one quota, and all of them hold.
    pub storm: Vec<Quota>,
    /// The file that says which webhooks are taken in.
    pub hooks: Option<PathBuf>,
    /// How old an event may be that a webhook tells of.
    pub hook_window: Duration,
}

/// What is encrypted at rest, and with what.
#[derive(Debug, Clone, Default)]
pub struct Encryption {
    /// The first seals, all open.
    pub keys: Keyring,
    /// Whether what jobs are to do, and what they came to, is sealed.
    pub payloads: bool,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A valid filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// The form of a line.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
