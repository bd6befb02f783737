//! What the demo can be told.

use clap::Parser;

const KEY_VARIABLE: &str = "PENSTOCK_DEMO_KEY";

const EXAMPLES: &str = "\
Examples:
  penstock-demo          starts all it needs, plays, and leaves nothing running
  penstock-demo --keep   leaves it running until Ctrl-C, to look around
  penstock-demo --two-way
                         tells of one contact in GHL, SMSFactor and a CRM, as it happens
  penstock-demo --sandbox http://sandbox:8085 --intake http://producer:8080
                         plays on a system that is running already

Environment:
  PENSTOCK_REDIS_URL     a Redis to use, under a namespace of the demo's own,
                         removed at the end; without it, a private one is started
  PENSTOCK_TEST_REDIS    the program of the private one, else the first on the PATH
  PENSTOCK_…             with --sandbox: the settings of the system that is running

Exit codes:
  0 every promise was kept; 1 one was not, or a part is missing;
  2 the arguments were wrong; 130 it was interrupted";

/// The whole of Penstock at work: jobs from a file and over HTTP, through Redis and two workers, to a sandbox of the API.
#[derive(Debug, Clone, Parser)]
#[command(name = "penstock-demo", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// One contact's life in three systems, by the ready-made flows
    #[arg(long, conflicts_with_all = ["sandbox", "intake"])]
    pub two_way: bool,
    /// Leave it running until Ctrl-C, and print the addresses
    #[arg(long)]
    pub keep: bool,
    /// A Redis to use instead of a private one
    #[arg(
        long,
        value_name = "URL",
        env = "PENSTOCK_REDIS_URL",
        hide_env_values = true
    )]
    pub redis: Option<String>,
    /// The sandbox of a system that is running already; its Redis and namespace are taken from the environment
    #[arg(long, value_name = "URL", requires = "intake")]
    pub sandbox: Option<String>,
    /// The HTTP intake of that system
    #[arg(long, value_name = "URL", requires = "sandbox")]
    pub intake: Option<String>,
    /// The bearer key of that intake
    #[arg(
        long,
        requires = "intake",
        hide_env_values = true,
        env = KEY_VARIABLE
    )]
    pub key: Option<String>,
}

impl Arguments {
    /// The Redis that was named; an empty variable names none.
    pub(super) fn redis(&self) -> Option<&str> {
        self.redis.as_deref().filter(|url| !url.is_empty())
    }

    /// The settings that the environment has for our programs.
    pub(super) fn settings() -> Vec<(String, String)> {
        let ours = |name: &String| name.starts_with("PENSTOCK_") && name != KEY_VARIABLE;
        std::env::vars().filter(|(name, _)| ours(name)).collect()
    }
}
