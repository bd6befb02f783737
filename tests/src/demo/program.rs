//! Our programs, as the demo starts and ends them.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::harness::{Program, free_port};

const START: Duration = Duration::from_secs(30);
/// More than `PENSTOCK_GRACE`.
const END: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(10);

/// Starts one with these settings.
pub(super) fn start(name: &str, args: &[&str], settings: &[(String, String)]) -> Program {
    let builder = Program::new(name).args(args);
    settings
        .iter()
        .fold(builder, |builder, (name, value)| builder.env(name, value))
        .start()
}

/// Waits until it answers at `url`.
pub(super) async fn up(
    http: &reqwest::Client,
    mut program: Program,
    url: &str,
) -> anyhow::Result<Program> {
    let began = Instant::now();
    loop {
        let answer = http.get(url).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(program);
        }
        if program.exited().is_some() || began.elapsed() > START {
            bail!(
                "{} does not answer at {url}:\n{}",
                program.name(),
                program.stderr().join("\n")
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Asks them to end, and waits until they have.
pub(super) async fn end(programs: impl IntoIterator<Item = &mut Program>) {
    let ends = programs.into_iter().map(|program| {
        program.sigterm();
        program.wait_exit(END)
    });
    futures::future::join_all(ends).await;
}

/// Where one may listen.
pub(super) fn loopback() -> String {
    format!("127.0.0.1:{}", free_port())
}
