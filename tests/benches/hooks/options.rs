//! What the load program can be told.

use std::time::Duration;

use clap::Parser;

/// Measures how soon webhooks are answered
#[derive(Debug, Clone, Parser)]
#[command(name = "hooks")]
pub(crate) struct Options {
    /// Webhooks a second
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// For so many seconds
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) seconds: u32,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) connections: u16,
    /// Locations that they come from
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) tenants: u16,
    /// Contacts of each location
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) contacts: u32,
    /// Whether each answer waits for the disk (`PENSTOCK_DURABILITY=always`)
    #[arg(long)]
    pub(crate) always: bool,
    /// Given by cargo when it runs benchmarks
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Options {
    /// How many in all.
    pub(crate) fn count(&self) -> u32 {
        self.rate * self.seconds
    }

    /// When the one of this number is to be sent.
    pub(crate) fn due(&self, number: u32) -> Duration {
        Duration::from_secs_f64(f64::from(number) / f64::from(self.rate))
    }
}
