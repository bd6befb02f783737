//! What the programs around the stand-ins have in common.

use std::io::{self, IsTerminal, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::api::Api;
use super::running::{Running, StartError};
use crate::sandbox::Fault;
use crate::sandbox::fault::{Dialect, FaultKind};

/// How faults are written, for `--help`.
pub const FAULTS: &str = "\
Faults: KIND[=VALUE][:KEY=VALUE]...  (write `\\:` for a colon inside a value)
  400..599     an error; retry-after=, message=, effect=yes     html         a page; status= (502), effect=yes
  cut-before   connection closed, no effect                     cut-after    closed after the effect
  cut-body     closed in the middle of the answer               late=5s      closed at once, effect that much later
  hang         no effect, no answer                             hang-after   effect, no answer
  garbage      an answer that ends in its middle                slow-body    one byte a second
  huge-body    an endless string; size= bytes (1 GiB)           delay=3s     effect and answer come later
  Which calls: op=OPERATION, tenant=, contact=, after=N spared first, p=CHANCE, count=N at most";

const KINDS: &str = "a status from 400 to 599, html, cut-before, cut-after, cut-body, hang, hang-after, late=SPAN, garbage, slow-body, huge-body, delay=SPAN";
const CODED_KINDS: &str = "a status from 400 to 599, code=STATUS, html, cut-before, cut-after, cut-body, hang, hang-after, late=SPAN, garbage, slow-body, huge-body, delay=SPAN";

/// Reads a fault of the stand-in for this API.
pub(crate) fn fault<A: Api>(text: &str) -> Result<Fault, String> {
    let operations: Vec<_> = A::operations().iter().map(|known| known.id).collect();
    Fault::read(text, &dialect(A::CODED), &operations)
}

fn dialect(coded: bool) -> Dialect {
    if coded {
        Dialect {
            kinds: CODED_KINDS,
            has: is_general,
        }
    } else {
        Dialect {
            kinds: KINDS,
            has: |kind| is_general(kind) && !matches!(kind, FaultKind::Code { .. }),
        }
    }
}

/// Whether it is a fault of any API: the others are of contacts, and of lists that lag behind.
const fn is_general(kind: &FaultKind) -> bool {
    !matches!(
        kind,
        FaultKind::Duplicate(_) | FaultKind::ListLag(_) | FaultKind::SearchLag(_)
    )
}

/// Prints a completion script for this shell.
pub fn completions<C: CommandFactory>(shell: Shell) -> io::Result<()> {
    let mut command = C::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    io::stdout().write_all(&script)
}

/// Runs a stand-in until a signal ends it; a second one ends it at once.
pub async fn serve<A: Api>(
    started: impl Future<Output = Result<Running<A>, StartError>>,
) -> anyhow::Result<()> {
    log();
    // Before the address is told: whoever knows it may end the program.
    let mut ends = [
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    ];
    let running = started.await?;
    eprintln!("listening on {}", running.url());
    writeln!(io::stdout(), "{}", running.addr())?;
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

async fn signalled([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
