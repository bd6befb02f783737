//! What the load program can be told.

use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  cargo bench -p penstock-tests --bench throughput
  cargo bench -p penstock-tests --bench throughput -- --only drain --rounds 3
  cargo bench -p penstock-tests --bench throughput -- --only pickup --only idle
  cargo bench -p penstock-tests --bench throughput -- --only backlog --backlog 1000000

Environment:
  PENSTOCK_TEST_REDIS  the Redis program, else the first on the PATH

The workers must have been built: cargo build --release --locked -p penstock-worker";

/// Measures the queue's throughput and its costs
#[derive(Debug, Clone, Parser)]
#[command(name = "throughput", after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Jobs per run of the quickest measures; slower ones take a part of it
    #[arg(long, value_name = "N", default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(100..))]
    pub(crate) jobs: u32,
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// The largest backlog that is built, of 1,000, 10,000, 100,000 and 1,000,000 jobs
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) backlog: u32,
    /// Only measures whose name contains this; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Calls in flight in one worker, and jobs that a no-op consumer claims at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) slots: u16,
    /// Whether Redis syncs before it answers: each measure says so
    #[arg(skip)]
    pub(crate) always: bool,
    /// Given by cargo when it runs benchmarks
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

impl Options {
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}
