//! What the contender is told: what to do by its arguments, and how by the environment.

use clap::{Parser, Subcommand, ValueEnum};
use penstock_shared::settings::{Settings, SettingsError};

/// A quota that holds nothing back, though its ledger works for every job; and the one that the benchmark's server enforces.
const UNLIMITED: [&str; 2] = ["10000000/10s", "10000000/1d"];
const LIMITED: [&str; 2] = ["100/10s", "200000/1d"];

/// Penstock in a benchmark beside other job queues
#[derive(Debug, Clone, Parser)]
#[command(name = "penstock-contender", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) task: Task,
    #[command(flatten)]
    pub(super) options: Options,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Task {
    #[command(flatten)]
    Store(Load),
    /// Work until SIGTERM
    Work,
}

/// Which jobs are stored, and how.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum Load {
    /// Store jobs, one a call
    Enqueue { jobs: u32 },
    /// Store jobs, many a call
    Bulk { jobs: u32 },
    /// Store jobs at a constant rate a second
    Trickle { rate: u32, seconds: u32 },
    /// Store jobs of twenty tenants, of which the first has the most and comes first
    Tenants,
}

/// What a delivery does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Nothing
    Noop,
    /// Nothing, and it is told how long after it was stored
    Lat,
    /// A request
    Http,
    /// A request to a server that enforces a quota
    Limited,
}

impl Mode {
    pub(super) fn calls(self) -> bool {
        matches!(self, Self::Http | Self::Limited)
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Options {
    #[arg(
        long,
        global = true,
        env = "REDIS_URL",
        default_value = "redis://127.0.0.1:7490/0"
    )]
    pub(super) redis_url: String,
    #[arg(
        long,
        global = true,
        env = "API_URL",
        default_value = "http://127.0.0.1:7491/"
    )]
    pub(super) api_url: String,
    #[arg(
        long,
        global = true,
        env = "MODE",
        value_enum,
        default_value = "noop",
        ignore_case = true
    )]
    pub(super) mode: Mode,
    /// How many jobs of one tenant a worker has at once
    #[arg(
        long = "conc",
        value_name = "N",
        global = true,
        env = "CONC",
        default_value_t = 100
    )]
    pub(super) concurrency: u16,
    /// How many contacts the jobs are about; 0: each about its own
    #[arg(
        long,
        value_name = "N",
        global = true,
        env = "CONTACTS",
        default_value_t = 0
    )]
    pub(super) contacts: u32,
    /// 1: the intent of a request is written down before it, as that of a job which may not be repeated
    #[arg(long, value_name = "0|1", global = true, env = "JOURNAL", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=1))]
    pub(super) journal: u8,
}

impl Options {
    /// Penstock's own settings for this.
    pub(super) fn settings(&self) -> Result<Settings, SettingsError> {
        let [burst, daily] = match self.mode {
            Mode::Limited => LIMITED,
            _ => UNLIMITED,
        };
        // A tenant has at most half of a worker's slots, and most of these jobs are one tenant's.
        let slots = 2 * u32::from(self.concurrency);
        Settings::load_from([
            ("PENSTOCK_REDIS_URL", self.redis_url.as_str()),
            ("PENSTOCK_NAMESPACE", "peer"),
            ("PENSTOCK_GHL_TOKEN", "pit-benchmark"),
            ("PENSTOCK_GHL_BURST", burst),
            ("PENSTOCK_GHL_DAILY", daily),
            ("PENSTOCK_CONCURRENCY", &slots.to_string()),
        ])
    }
}
