//! One of our programs, run to its end.

use std::ffi::OsStr;
use std::io::Write;
use std::process::Stdio;

use super::program::clean_command;

/// What a program that has ended left behind.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote on standard output.
    pub stdout: String,
    /// What it wrote on standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "no JSON ({error}): {}\nstandard error: {}",
                self.stdout, self.stderr
            )
        })
    }
}

/// Runs the program `name` with these arguments, variables and standard input (which ends after it) to its end. If
/// the test dies first, the program meets the end of its input.
///
/// # Panics
/// When it cannot be started.
pub async fn run(
    name: &str,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    env: &[(&str, &str)],
    stdin: impl Into<Vec<u8>>,
) -> Finished {
    let mut command = clean_command(name);
    command.args(args).envs(env.iter().copied());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let input = stdin.into();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let mut pipe = child.stdin.take().expect("standard input is piped");
        // A program that refuses its arguments does not read its input.
        let feeder = std::thread::spawn(move || drop(pipe.write_all(&input)));
        let output = child
            .wait_with_output()
            .expect("our own child can be waited for");
        feeder.join().expect("writing does not panic");
        output
    });
    let output = output.await.expect("waiting does not panic");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
