//! `penstock-sandbox`: a stand-in for the `GoHighLevel` contacts API, for tests and demonstrations.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use penstock_tests::sandbox::{
    Fault, Latency, OAuthTerms, Options, Pick, Quota, Running, Sandbox, Terms, Unknown, Window,
    parse_span,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

const ABOUT: &str = "A stand-in for the GoHighLevel contacts API: it enforces the quota, can be told to fail, and keeps a ledger of every effect";

const EXAMPLES: &str = "\
Examples:
  penstock-sandbox                                       the documented quotas, on 127.0.0.1:4010
  penstock-sandbox --listen 127.0.0.1:0 --burst 25/10s   a free port (its address goes to stdout), a trial account's quota
  penstock-sandbox --latency 20ms..300ms --fault 503:p=0.05 --fault cut-after:op=create-note:count=1

While it runs (ADDR is what it printed):
  curl ADDR/_sandbox/summary                             calls, effects, duplicates (of one text), calls over the quota
  curl 'ADDR/_sandbox/ledger?after=100&tenant=T'         every call after the 100th, in order, with its effect
  curl ADDR/_sandbox/faults -d '[\"hang:count=3\"]'        replaces the faults; -X DELETE removes them
  curl ADDR/_sandbox/quota -d '{\"burst\":\"10/1s\"}'        burst, daily or window
  curl ADDR/_sandbox/contacts -d '{\"locationId\":\"T\",\"id\":\"c1\",\"email\":\"a@b.example\"}'
  curl ADDR/_sandbox/campaigns -d '{\"locationId\":\"T\",\"id\":\"k1\"}'   and businesses, workflows: once one was seeded,
                                                         others of its kind are unknown
  curl ADDR/_sandbox/appointments -d '{\"contactId\":\"c1\",\"title\":\"Visit\"}'

OAuth (--client-id ID --client-secret SECRET; then a token must come from it, or be a --token):
  GET /oauth/chooselocation answers as the page would once a user had picked --location (or ?locationId=) there
  POST /oauth/token, POST /oauth/locationToken, GET /oauth/installedLocations
  curl ADDR/_sandbox/oauth                               locations and grants, never a token
  curl ADDR/_sandbox/oauth -d '{\"expiresIn\":5}'          or pick: {\"location\":\"T\"}, \"company\", \"refuse\"; or location: one more
  curl ADDR/_sandbox/oauth/install -d '{\"locationId\":\"T\",\"scope\":\"contacts.readonly\"}'   a code; uninstall takes it back
  curl ADDR/_sandbox/oauth/expire -d '{\"locationId\":\"T\"}'   ends its access tokens; revoke (token) ends one

Faults: KIND[=VALUE][:KEY=VALUE]...  (write `\\:` for a colon inside a value)
  400..599     an error; retry-after=, message=, effect=yes     html         a page; status= (502), effect=yes
  duplicate=ID the refusal of a contact that exists already, as the one with this id
  cut-before   connection closed, no effect                     cut-after    closed after the effect
  cut-body     closed in the middle of the answer               late=5s      closed at once, effect that much later
  hang         no effect, no answer                             hang-after   effect, no answer
  garbage      JSON that ends in its middle                     slow-body    one byte a second
  huge-body    an endless string; size= bytes (1 GiB)           delay=3s     effect and answer come later
  list-lag=2s  note and task lists do not show what is younger
  search-lag=60s  searches and lists of contacts do not show what is younger
  Which calls: op=OPERATIONID, tenant=, contact= (id, email or phone), after=N spared first, p=CHANCE, count=N at most

Emails on the domain rejected.example are refused with 422, for jobs that the API shall reject.";

/// A stand-in for the `GoHighLevel` contacts API: it enforces the quota, can be told to fail, and keeps a ledger of every effect.
#[derive(Debug, Parser)]
#[command(name = "penstock-sandbox", version, about = ABOUT, after_help = EXAMPLES)]
struct Flags {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// The most calls per tenant in any such window
    #[arg(long, value_name = "CALLS/SPAN", default_value_t = Terms::default().burst)]
    burst: Quota,
    /// The most calls per tenant and day (or CALLS/SPAN)
    #[arg(long, value_name = "N", default_value_t = Terms::default().daily, value_parser = Quota::daily)]
    daily: Quota,
    /// How the windows lie in time
    #[arg(long, value_enum, default_value_t = Window::Sliding)]
    window: Window,
    /// How long an answer takes, half of it before the effect: 20ms, or 5ms..50ms drawn evenly
    #[arg(long, value_name = "SPAN[..SPAN]", default_value_t = Latency::default())]
    latency: Latency,
    /// A bearer token to accept; repeat it for more. With none given any is accepted, unless OAuth is on
    #[arg(long, value_name = "TOKEN")]
    token: Vec<SecretString>,
    /// Switch OAuth on, for the app with this client id
    #[arg(long, value_name = "ID", requires = "client_secret")]
    client_id: Option<String>,
    /// The app's secret
    #[arg(long, value_name = "SECRET", requires = "client_id")]
    client_secret: Option<SecretString>,
    /// How long an access token lives, in whole seconds (the documented life if not given)
    #[arg(long, value_name = "SPAN", value_parser = parse_span, requires = "client_id")]
    token_life: Option<Duration>,
    /// The location that a user picks who is sent to /oauth/chooselocation
    #[arg(long, value_name = "ID", requires = "client_id")]
    location: Option<String>,
    /// What ids and random choices are drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What shall go wrong (see below); repeat it for more
    #[arg(long, value_name = "SPEC")]
    fault: Vec<Fault>,
    /// The locations allow duplicate contacts
    #[arg(long)]
    allow_duplicates: bool,
    /// The status for a contact, note, task, business, campaign or workflow that does not exist
    #[arg(long, value_enum, default_value_t = Unknown::BadRequest)]
    unknown: Unknown,
    /// How many calls the ledger keeps
    #[arg(long, value_name = "CALLS", default_value_t = 1_000_000)]
    ledger_cap: usize,
    /// Print the effective settings, secrets redacted, and exit
    #[arg(long)]
    print_config: bool,
    /// Print a completion script for this shell, and exit
    #[arg(long, value_enum, value_name = "SHELL")]
    completions: Option<Shell>,
}

impl Flags {
    fn oauth(&self) -> Option<OAuthTerms> {
        let (id, secret) = self.client_id.as_ref().zip(self.client_secret.clone())?;
        let terms = OAuthTerms::new(id, secret);
        Some(OAuthTerms {
            token_life: self.token_life.unwrap_or(terms.token_life),
            pick: self.location.clone().map(Pick::Location),
            ..terms
        })
    }

    fn options(self) -> Options {
        Options {
            oauth: self.oauth(),
            listen: self.listen,
            quota: Terms {
                burst: self.burst,
                daily: self.daily,
                window: self.window,
            },
            latency: self.latency,
            tokens: self.token,
            seed: self.seed,
            faults: self.fault,
            allow_duplicates: self.allow_duplicates,
            unknown: self.unknown,
            ledger_cap: self.ledger_cap,
            ..Options::default()
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    let done = match flags.completions {
        Some(shell) => completions(shell),
        None if flags.print_config => print_config(&flags.options()),
        None => serve(flags.options()).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("penstock-sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn completions(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Flags::command(),
        "penstock-sandbox",
        &mut script,
    );
    Ok(io::stdout().write_all(&script)?)
}

fn print_config(options: &Options) -> anyhow::Result<()> {
    let shown = json!({
        "listen": options.listen.to_string(),
        "quota": options.quota,
        "latency": options.latency.to_string(),
        "tokens": options.tokens.iter().map(|_| "[redacted]").collect::<Vec<_>>(),
        "oauth": options.oauth.as_ref().map(oauth_shown),
        "seed": options.seed,
        "faults": options.faults,
        "allowDuplicates": options.allow_duplicates,
        "unknown": options.unknown.status(),
        "ledgerCap": options.ledger_cap,
    });
    Ok(writeln!(io::stdout(), "{shown:#}")?)
}

fn oauth_shown(terms: &OAuthTerms) -> Value {
    json!({
        "clientId": terms.client_id,
        "clientSecret": "[redacted]",
        "companyId": terms.company_id,
        "tokenLife": format!("{}s", terms.token_life.as_secs()),
        "pick": terms.pick,
    })
}

async fn serve(options: Options) -> anyhow::Result<()> {
    log();
    // Before the address is told: whoever knows it may end the program.
    let mut ends = [
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ];
    let running = Sandbox::start(options).await?;
    announce(&running)?;
    signalled(&mut ends).await;
    tokio::select! {
        () = running.stop() => Ok(()),
        () = signalled(&mut ends) => anyhow::bail!("ended at once by a second signal"),
    }
}

fn log() {
    let filter = EnvFilter::try_from_env("PENSTOCK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(io::stderr)
        .init();
}

fn announce(running: &Running) -> io::Result<()> {
    eprintln!("listening on {}", running.url());
    writeln!(io::stdout(), "{}", running.addr())
}

async fn signalled([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
