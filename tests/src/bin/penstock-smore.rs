//! `penstock-smore`: a stand-in for the Smore API and for a CRM beside it, for tests and demonstrations.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap_complete::Shell;
use penstock_tests::sandbox::{Fault, Latency, Quota, Window, parse_span};
use penstock_tests::smore::{Options, Paths, Smore, fault};
use penstock_tests::stand::{self, Scheme, program};
use secrecy::SecretString;
use serde_json::json;

const ABOUT: &str = "A stand-in for the Smore API (forms, responses, OAuth, webhooks) and for a CRM beside it (profiles, tags, notes, records, milestones, a timeline), under /crm/v1";

const EXAMPLES: &str = "\
Examples:
  penstock-smore                                         20 calls a minute with OAuth, 3 with a key, on 127.0.0.1:4030
  penstock-smore --listen 127.0.0.1:0 --hurry 1000       a free port (its address goes to stdout); webhooks are retried after 0.3 s instead of 5 min
  penstock-smore --oauth 1000/1m --client-id me --client-secret-file /run/secrets/smore

While it runs (ADDR is what it printed):
  curl ADDR/_sandbox/summary                             calls, effects, duplicates, calls over the quota
  curl 'ADDR/_sandbox/ledger?after=100'                  every call after the 100th, in order, with its effects
  curl ADDR/_sandbox/forms -d '{\"id\":\"f1\",\"title\":\"Win a boat\"}'
  curl ADDR/_sandbox/responses -d '{\"formId\":\"f1\",\"answers\":[{\"question\":\"Email?\",\"questionType\":\"input-email\",\"answerType\":\"email\",\"email\":\"a@b.example\"}]}'
  curl ADDR/_sandbox/revoke -d '{}'                      every access token has expired
  curl ADDR/_sandbox/hooks -d '{\"url\":\"http://127.0.0.1:8080/hooks/crm\",\"secret\":\"s\"}'   a webhook of the CRM
  curl ADDR/_sandbox/profiles -d '{\"id\":\"p1\",\"email\":\"a@b.example\"}'       makes or changes a profile
  curl ADDR/_sandbox/tags -d '{\"profileId\":\"p1\",\"add\":[\"vip\"]}'            and notes -d '{\"profileId\":\"p1\",\"body\":\"Called\"}'
  curl ADDR/_sandbox/deliveries                          every webhook that was sent; -d '{\"again\":3}' repeats the third
  curl ADDR/_sandbox/faults -d '[\"hang:count=3\"]'        replaces the faults; -X DELETE removes them
  curl ADDR/_sandbox/quota -d '{\"crm\":\"10/1s\"}'          oauth, personal, crm or window
";

/// A stand-in for the Smore API, and for a CRM beside it.
#[derive(Debug, Parser)]
#[command(name = "penstock-smore", version, about = ABOUT, after_help = format!("{EXAMPLES}\n{}", program::FAULTS))]
struct Flags {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4030")]
    listen: SocketAddr,
    /// The most calls with OAuth in any such window
    #[arg(long, value_name = "CALLS/SPAN", default_value_t = Options::default().oauth)]
    oauth: Quota,
    /// The most calls with a personal key in any such window
    #[arg(long, value_name = "CALLS/SPAN", default_value_t = Options::default().personal)]
    personal: Quota,
    /// The most calls to the CRM in any such window
    #[arg(long, value_name = "CALLS/SPAN", default_value_t = Options::default().crm)]
    crm: Quota,
    /// How the windows lie in time
    #[arg(long, value_enum, default_value_t = Window::Sliding)]
    window: Window,
    /// How long an answer takes, half of it before the effect: 20ms, or 5ms..50ms drawn evenly
    #[arg(long, value_name = "SPAN[..SPAN]", default_value_t = Latency::default())]
    latency: Latency,
    /// The page where a user allows access
    #[arg(long, value_name = "PATH", default_value_t = Options::default().paths.authorize)]
    authorize_path: String,
    /// Where tokens are given out
    #[arg(long, value_name = "PATH", default_value_t = Options::default().paths.token)]
    token_path: String,
    /// What the API's resources are under
    #[arg(long, value_name = "PATH", default_value_t = Options::default().paths.api)]
    api_path: String,
    /// The OAuth client
    #[arg(long, value_name = "ID", default_value_t = Options::default().client_id)]
    client_id: String,
    /// The file with its secret; with none given it is smore-client-secret
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<std::path::PathBuf>,
    /// Where the client may be redirected to; anywhere if not given
    #[arg(long, value_name = "URL")]
    redirect_uri: Option<String>,
    /// How long an access token is good
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = parse_span)]
    access_ttl: Duration,
    /// A personal key to accept; repeat it for more
    #[arg(long, value_name = "KEY")]
    personal_key: Vec<SecretString>,
    /// A bearer token that the CRM accepts; repeat it for more. With none given any is accepted
    #[arg(long, value_name = "TOKEN")]
    crm_token: Vec<SecretString>,
    /// How many times faster than documented webhooks are sent again
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    hurry: u32,
    /// How the CRM's webhooks are signed, where nothing else is ordered
    #[arg(long, value_enum, default_value_t = Scheme::HmacHex)]
    crm_scheme: Scheme,
    /// The CRM's webhooks do not tell what was changed by calls
    #[arg(long)]
    no_crm_echo: bool,
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
    fn options(self) -> anyhow::Result<Options> {
        let defaults = Options::default();
        let secret = match &self.client_secret_file {
            Some(file) => SecretString::from(std::fs::read_to_string(file)?.trim()),
            None => defaults.client_secret.clone(),
        };
        Ok(Options {
            stand: stand::Options {
                listen: self.listen,
                window: self.window,
                latency: self.latency,
                seed: self.seed,
                faults: self.fault,
                ledger_cap: self.ledger_cap,
            },
            oauth: self.oauth,
            personal: self.personal,
            crm: self.crm,
            paths: Paths {
                authorize: self.authorize_path,
                token: self.token_path,
                api: self.api_path,
            },
            client_id: self.client_id,
            client_secret: secret,
            redirect_uri: self.redirect_uri,
            access_ttl: self.access_ttl,
            personal_keys: self.personal_key,
            crm_tokens: self.crm_token,
            hurry: self.hurry,
            crm_scheme: self.crm_scheme,
            crm_echo: !self.no_crm_echo,
            ..defaults
        })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("penstock-smore: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> anyhow::Result<()> {
    match flags.completions {
        Some(shell) => Ok(program::completions::<Flags>(shell)?),
        None if flags.print_config => print_config(&flags.options()?),
        None => program::serve(Smore::start(flags.options()?)).await,
    }
}

fn print_config(options: &Options) -> anyhow::Result<()> {
    let redacted = |secrets: &[SecretString]| vec!["[redacted]"; secrets.len()];
    let shown = json!({
        "listen": options.stand.listen.to_string(),
        "quota": {"oauth": options.oauth, "personal": options.personal, "crm": options.crm, "window": options.stand.window},
        "latency": options.stand.latency.to_string(),
        "paths": {"authorize": options.paths.authorize, "token": options.paths.token, "api": options.paths.api},
        "clientId": options.client_id,
        "clientSecret": "[redacted]",
        "redirectUri": options.redirect_uri,
        "accessTtlSeconds": options.access_ttl.as_secs(),
        "personalKeys": redacted(&options.personal_keys),
        "crmTokens": redacted(&options.crm_tokens),
        "hurry": options.hurry,
        "crmScheme": options.crm_scheme,
        "crmEcho": options.crm_echo,
        "seed": options.stand.seed,
        "faults": options.stand.faults,
        "ledgerCap": options.stand.ledger_cap,
    });
    Ok(writeln!(io::stdout(), "{shown:#}")?)
}
