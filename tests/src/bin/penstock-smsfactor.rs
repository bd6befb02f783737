//! `penstock-smsfactor`: a stand-in for the `SMSFactor` API, for tests and demonstrations.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap_complete::Shell;
use penstock_tests::sandbox::{Fault, Latency, Quota, Window, parse_span};
use penstock_tests::smsfactor::{Options, SmsFactor, fault};
use penstock_tests::stand::{self, Scheme, program};
use secrecy::SecretString;
use serde_json::json;

const ABOUT: &str = "A stand-in for the SMSFactor API: it sends nothing, keeps lists and blacklist, sends webhooks, can be told to fail, and keeps a ledger of every effect";

const EXAMPLES: &str = "\
Examples:
  penstock-smsfactor                                     10 calls a second, on 127.0.0.1:4020
  penstock-smsfactor --listen 127.0.0.1:0 --credits 2    a free port (its address goes to stdout), and few credits
  penstock-smsfactor --scheme literal --retries 1s,5s    webhooks signed with the secret itself, and tried three times
  penstock-smsfactor --fault code=-8:effect=yes:op=send  every SMS is accepted and under moderation

While it runs (ADDR is what it printed):
  curl ADDR/_sandbox/summary                             calls, effects, duplicates, calls over the quota
  curl 'ADDR/_sandbox/ledger?after=100'                  every call after the 100th, in order, with its effects
  curl ADDR/_sandbox/messages                            every SMS that was sent
  curl ADDR/_sandbox/replies -d '{\"from\":\"33612345678\",\"message\":\"call me\"}'   a reply (STOP also blacklists)
  curl ADDR/_sandbox/reports -d '{\"to\":\"33612345678\",\"status\":5}'               a delivery report
  curl ADDR/_sandbox/lists -d '{\"name\":\"L\",\"contacts\":[{\"value\":\"33612345678\"}]}'
  curl ADDR/_sandbox/account -d '{\"credits\":0}'          other credits
  curl ADDR/_sandbox/deliveries                          every webhook that was sent; -d '{\"again\":3}' repeats the third
  curl ADDR/_sandbox/faults -d '[\"hang:count=3\"]'        replaces the faults; -X DELETE removes them
  curl ADDR/_sandbox/quota -d '{\"burst\":\"10/1s\"}'        burst or window
";

/// A stand-in for the `SMSFactor` API.
#[derive(Debug, Parser)]
#[command(name = "penstock-smsfactor", version, about = ABOUT, after_help = format!("{EXAMPLES}\n{}\n  code=-3      an answer whose body has that status; effect=yes", program::FAULTS))]
struct Flags {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4020")]
    listen: SocketAddr,
    /// The most calls in any such window
    #[arg(long, value_name = "CALLS/SPAN", default_value_t = Options::default().burst)]
    burst: Quota,
    /// How the windows lie in time
    #[arg(long, value_enum, default_value_t = Window::Sliding)]
    window: Window,
    /// How long an answer takes, half of it before the effect: 20ms, or 5ms..50ms drawn evenly
    #[arg(long, value_name = "SPAN[..SPAN]", default_value_t = Latency::default())]
    latency: Latency,
    /// A bearer token to accept; repeat it for more. With none given any is accepted
    #[arg(long, value_name = "TOKEN")]
    token: Vec<SecretString>,
    /// How many credits the account has
    #[arg(long, value_name = "N", default_value_t = Options::default().credits)]
    credits: u64,
    /// How webhooks are signed
    #[arg(long, value_enum, default_value_t = Scheme::HmacHex)]
    scheme: Scheme,
    /// How long after each failure a webhook is sent again
    #[arg(long, value_name = "SPAN,...", value_delimiter = ',', value_parser = parse_span)]
    retries: Vec<Duration>,
    /// The HTTP status of an answer whose body refuses
    #[arg(long, value_name = "STATUS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    error_status: u16,
    /// What ids and random choices are drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What shall go wrong (see below); repeat it for more
    #[arg(long, value_name = "SPEC", value_parser = fault)]
    fault: Vec<Fault>,
    /// How many calls the ledger keeps
    #[arg(long, value_name = "CALLS", default_value_t = stand::Options::default().ledger_cap)]
    ledger_cap: usize,
    /// Print the effective settings, secrets redacted, and exit
    #[arg(long)]
    print_config: bool,
    /// Print a completion script for this shell, and exit
    #[arg(long, value_enum, value_name = "SHELL")]
    completions: Option<Shell>,
}

impl Flags {
    fn options(self) -> Options {
        Options {
            stand: stand::Options {
                listen: self.listen,
                window: self.window,
                latency: self.latency,
                seed: self.seed,
                faults: self.fault,
                ledger_cap: self.ledger_cap,
            },
            burst: self.burst,
            tokens: self.token,
            credits: self.credits,
            scheme: self.scheme,
            retries: self.retries,
            error_status: self.error_status,
            ..Options::default()
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let done = match flags.completions {
        Some(shell) => program::completions::<Flags>(shell).map_err(Into::into),
        None if flags.print_config => print_config(&flags.options()),
        None => program::serve(SmsFactor::start(flags.options())).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("penstock-smsfactor: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_config(options: &Options) -> anyhow::Result<()> {
    let retries = options.retries.iter().map(|span| format!("{span:?}"));
    let shown = json!({
        "listen": options.stand.listen.to_string(),
        "burst": options.burst,
        "window": options.stand.window,
        "latency": options.stand.latency.to_string(),
        "tokens": options.tokens.iter().map(|_| "[redacted]").collect::<Vec<_>>(),
        "credits": options.credits,
        "scheme": options.scheme,
        "retries": retries.collect::<Vec<_>>(),
        "errorStatus": options.error_status,
        "seed": options.stand.seed,
        "faults": options.stand.faults,
        "ledgerCap": options.stand.ledger_cap,
    });
    Ok(writeln!(io::stdout(), "{shown:#}")?)
}
