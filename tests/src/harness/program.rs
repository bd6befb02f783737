//! One of our programs, running as a process of its own.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::guard::Guarded;
use super::lines::Lines;
use super::wait_until;

/// What a failed test prints of each program's last words.
const LAST_WORDS: usize = 60;

/// The path of one of our programs, beside which the test was built.
///
/// # Panics
/// When it has not been built: cargo builds another package's programs only when asked to.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a process knows its own program");
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{name} has not been built: run `cargo build --workspace --bins`, or ./test, which does it first")
    })
}

/// A command without the settings of whoever runs the tests.
pub(super) fn clean_command(program: &str) -> Command {
    let mut command = Command::new(binary(program));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PENSTOCK_") {
            command.env_remove(name);
        }
    }
    command
}

/// A program about to be started.
#[derive(Debug)]
pub struct ProgramBuilder {
    name: String,
    command: Command,
}

impl ProgramBuilder {
    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of its environment. None of the caller's own `PENSTOCK_…` variables are passed on.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use = "the program is killed when this is dropped"]
    pub fn start(self) -> Program {
        let mut guarded = Guarded::spawn(&self.command, None);
        let stdout = guarded
            .child()
            .stdout
            .take()
            .expect("standard output is piped");
        let stderr = guarded
            .child()
            .stderr
            .take()
            .expect("standard error is piped");
        Program {
            name: self.name,
            guarded,
            stdout: Lines::of(stdout),
            stderr: Lines::of(stderr),
        }
    }
}

/// A running program. Dropping it kills it; where the test has failed, its last lines are printed first.
#[derive(Debug)]
pub struct Program {
    name: String,
    guarded: Guarded,
    stdout: Lines,
    stderr: Lines,
}

impl Program {
    /// Prepares `name`, e.g. `penstock-worker`, from the directory in which the test itself was built.
    ///
    /// # Panics
    /// When it has not been built.
    #[allow(clippy::new_ret_no_self)] // Reads as the standard library's Command does.
    pub fn new(name: &str) -> ProgramBuilder {
        ProgramBuilder {
            name: name.to_owned(),
            command: clean_command(name),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.guarded.pid()
    }

    /// Every line of standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.all()
    }

    /// Every line of standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// The first line of standard error that contains `pattern`, waited for.
    ///
    /// # Panics
    /// When none comes within `timeout`, or the program ends without it.
    pub async fn wait_for_line(&self, pattern: &str, timeout: Duration) -> String {
        self.wait_for_line_from(0, pattern, timeout).await
    }

    /// As [`Self::wait_for_line`], leaving out the first `from` lines: for a line that comes more than once.
    ///
    /// # Panics
    /// When none comes within `timeout`, or the program ends without it.
    pub async fn wait_for_line_from(
        &self,
        from: usize,
        pattern: &str,
        timeout: Duration,
    ) -> String {
        found(
            &self.name,
            pattern,
            timeout,
            self.stderr.wait_for(pattern, from, timeout).await,
        )
    }

    /// The first line of standard output that contains `pattern`, waited for.
    ///
    /// # Panics
    /// When none comes within `timeout`, or the program ends without it.
    pub async fn wait_for_output(&self, pattern: &str, timeout: Duration) -> String {
        found(
            &self.name,
            pattern,
            timeout,
            self.stdout.wait_for(pattern, 0, timeout).await,
        )
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&mut self) {
        self.guarded.kill9();
    }

    /// SIGTERM: the program is asked to drain and end.
    pub fn sigterm(&mut self) {
        self.guarded.signal(Signal::SIGTERM);
    }

    /// SIGINT: as Ctrl-C does.
    pub fn sigint(&mut self) {
        self.guarded.signal(Signal::SIGINT);
    }

    /// SIGSTOP: the program stands still until [`Self::sigcont`].
    pub fn sigstop(&mut self) {
        self.guarded.signal(Signal::SIGSTOP);
    }

    /// SIGCONT: the program goes on.
    pub fn sigcont(&mut self) {
        self.guarded.signal(Signal::SIGCONT);
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.guarded.exited()
    }

    /// Waits for its end, and until all its output is there.
    ///
    /// # Panics
    /// When it has not ended within `timeout`.
    pub async fn wait_exit(&mut self, timeout: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        let guarded = &mut self.guarded;
        let status = wait_until(&what, timeout, || std::future::ready(guarded.exited())).await;
        self.stdout.ended().await;
        self.stderr.ended().await;
        status
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = self.stderr.all();
            let shown = &lines[lines.len().saturating_sub(LAST_WORDS)..];
            eprintln!(
                "--- {} ({}), last lines:\n{}\n---",
                self.name,
                self.guarded.pid(),
                shown.join("\n")
            );
        }
    }
}

fn found(
    name: &str,
    pattern: &str,
    timeout: Duration,
    line: Result<String, &'static str>,
) -> String {
    line.unwrap_or_else(|why| {
        panic!("{name} wrote no line with {pattern:?} within {timeout:?}: {why}")
    })
}
