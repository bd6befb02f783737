//! What all programs share: how they begin (arguments, settings, logging), how they are told to
//! stop, and how they end (exit codes, one printed error).
//!
//! Every program takes `--print-config` and `--completions SHELL` beside its own arguments, in any
//! place and whatever else is missing.

mod arguments;
mod exit;
mod logging;
mod panic;
mod shutdown;

use std::io::IsTerminal;

use clap::Parser;

pub use self::{
    exit::{Exit, Failure, print},
    shutdown::{Shutdown, Signal},
};
use crate::settings::Settings;

/// The version of all programs.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs a program from its arguments to its exit code: reads arguments and settings, starts
/// logging and the runtime, and prints what went wrong, once.
///
/// # Examples
/// ```no_run
/// use penstock_shared::{program::{self, Exit}, settings::Settings};
///
/// /// Says hello.
/// #[derive(clap::Parser)]
/// struct Arguments {}
///
/// fn main() -> Exit {
///     program::run(async |_: Arguments, _: Settings| Ok(Exit::Done))
/// }
/// ```
pub fn run<C: Parser>(main: impl AsyncFnOnce(C, Settings) -> Result<Exit, Failure>) -> Exit {
    panic::tell_less();
    exit::report(begin().and_then(|begun| match begun {
        Begun::Ready(arguments, settings) => drive(main(arguments, *settings)),
        Begun::Answered(exit) => Ok(exit),
    }))
}

/// Whether what is written to this stream may be coloured: only on a terminal, and not where
/// `NO_COLOR` is set (<https://no-color.org>).
pub fn colour(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !unwanted && stream.is_terminal()
}

enum Begun<C> {
    Ready(C, Box<Settings>),
    /// The arguments only asked for something that is now printed.
    Answered(Exit),
}

fn begin<C: Parser>() -> Result<Begun<C>, Failure> {
    let arguments = match arguments::parse::<C>(std::env::args_os().collect()) {
        Ok(arguments::Parsed::Run(arguments)) => Some(arguments),
        Ok(arguments::Parsed::PrintConfig) => None,
        Err(answer) => return answer.print().map(Begun::Answered),
    };
    let settings = Settings::load().map_err(Failure::bad_input)?;
    let Some(arguments) = arguments else {
        warnings(&settings, |text| eprintln!("warning: {text}"));
        print(&settings.render())?;
        return Ok(Begun::Answered(Exit::Done));
    };
    logging::start(&settings.log)?;
    warnings(&settings, |text| tracing::warn!("{text}"));
    Ok(Begun::Ready(arguments, Box::new(settings)))
}

fn warnings(settings: &Settings, tell: impl Fn(String)) {
    settings.warnings().into_iter().for_each(tell);
}

fn drive(main: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(main);
    // A thread that still waits for standard input would keep the process alive.
    runtime.shutdown_background();
    ended
}
