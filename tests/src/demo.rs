//! The demonstration: typed jobs go from a producer through Redis to two workers and on to the sandbox; what dies is
//! looked at, repaired and retried; and at the end the sandbox's ledger says whether every promise was kept.

mod admin;
mod arguments;
mod ledger;
mod life;
mod people;
mod program;
mod progress;
mod promise;
mod scene;
mod stage;
mod store;
mod submit;
mod verdict;
mod workload;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::signal::unix::{SignalKind, signal};

pub use arguments::Arguments;
use ledger::Books;
use promise::Promises;
use scene::Scene;
use stage::Stage;
use workload::Workload;

/// Everything is to be done within this; it takes about a sixth of it.
const PATIENCE: Duration = Duration::from_secs(90);
/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs the demonstration. Exit code 0 means that every promise was kept, 1 that one was not.
pub async fn main(arguments: Arguments) -> ExitCode {
    let performed = if arguments.two_way {
        life::perform(&arguments).await
    } else {
        perform(&arguments).await
    };
    performed.unwrap_or_else(|error| {
        eprintln!("demo: {error:#}");
        ExitCode::FAILURE
    })
}

/// Sets the stage, plays, and clears it, however the play ended.
async fn perform(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut stage = tokio::select! {
        stage = Stage::set(arguments) => stage?,
        () = interruption() => return Ok(ExitCode::from(INTERRUPTED)),
    };
    let played = tokio::select! {
        played = play(stage.scene()) => played.map(|()| ExitCode::SUCCESS),
        () = interruption() => Ok(ExitCode::from(INTERRUPTED)),
    };
    if arguments.keep && played.is_ok() {
        stage.show_addresses();
        interruption().await;
    }
    stage.clear().await?;
    played
}

/// The story, in its order.
async fn play(scene: &Scene) -> anyhow::Result<()> {
    let began = Instant::now();
    let workload = Workload::new(scene.suffix());
    let before = Books::read(scene).await?;

    heading("Jobs come in: from a file, and over HTTP");
    submit::from_file(scene, &workload).await?;
    submit::over_http(scene, &workload).await?;

    heading("Two workers deliver them, each tenant at the rate that it may have");
    let patience = tokio::time::timeout(PATIENCE, progress::until_done(scene, &workload));
    patience.await.context("the jobs are not done in time")??;

    heading("What could not be delivered is kept, with its cause");
    admin::show(scene, &["dead", "causes"]).await?;
    admin::show(scene, &["dead", "list", "--limit", "10"]).await?;

    heading("One of them is repaired and retried");
    let repaired = tokio::time::timeout(PATIENCE, admin::repair_one(scene, &workload));
    repaired
        .await
        .context("the repaired job is not done in time")??;

    heading("What the sandbox's ledger says");
    let after = Books::read(scene).await?;
    tell(&verdict::judge(&workload, &before, &after), began)
}

/// Tells what became of the promises. That one was not kept is an error.
fn tell(promises: &Promises, began: Instant) -> anyhow::Result<()> {
    println!("{promises}");
    if !promises.are_kept() {
        bail!("not every promise was kept: see above");
    }
    println!(
        "\nAll of it came true, in {:.1} s.",
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

/// Returns when somebody wants the demo to end.
async fn interruption() {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let signals = kinds.into_iter().filter_map(|kind| signal(kind).ok());
    let mut waits: FuturesUnordered<_> = signals
        .map(|mut signal| async move { signal.recv().await })
        .collect();
    if waits.next().await.is_none() {
        // Signals cannot be listened to: they end the process, and its children with it.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::promise::promise;
    use super::*;

    #[test]
    fn one_promise_that_is_broken_is_an_error() {
        let told = |kept: [bool; 2]| {
            let promises = kept.map(|kept| promise(kept, "it works".to_owned()));
            tell(&promises.into_iter().collect(), Instant::now())
        };
        assert!(told([true, true]).is_ok());
        assert!(told([true, false]).is_err());
    }
}
