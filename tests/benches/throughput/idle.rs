//! What workers cost that have nothing to do.

use std::{pin::pin, time::Duration};

use futures::StreamExt;
use tokio::time::sleep;

use crate::{api::Api, options::Options, process, report::Figures, stage::Stage};

const WORKERS: u32 = 2;
const WATCHED: Duration = Duration::from_secs(10);

/// Every command is looked at, so that those that clients send are told from those that scripts call.
pub(crate) async fn run(options: &Options) -> Figures {
    let api = Api::start(0).await;
    let stage = Stage::start(options).await;
    let workers = stage.workers(WORKERS, options, &api.url()).await;
    let cpu = || -> Option<f64> {
        workers
            .iter()
            .map(|worker| process::cpu_seconds(worker.pid()))
            .sum()
    };
    let client = redis::Client::open(stage.redis.url()).expect("it is a Redis URL");
    let monitor = client.get_async_monitor().await.expect("it monitors");
    let before = cpu();
    let commands = monitor.into_on_message::<String>();
    let mut commands = pin!(commands.take_until(sleep(WATCHED)));
    let mut sent = 0_u32;
    while let Some(command) = commands.next().await {
        sent += u32::from(!is_of_a_script(&command));
    }
    let worker_seconds = WATCHED.as_secs_f64() * f64::from(WORKERS);
    let mut figures = Figures::default();
    figures.push(
        "commands/s of a worker",
        1,
        f64::from(sent) / worker_seconds,
    );
    let used = cpu().zip(before).map(|(after, before)| after - before);
    figures.push_known(
        "worker CPU, ms/s",
        1,
        used.map(|used| used / worker_seconds * 1e3),
    );
    figures
}

/// `1700000000.123456 [0 lua] "zadd" …`
fn is_of_a_script(line: &str) -> bool {
    line.split_once(']')
        .is_some_and(|(source, _)| source.ends_with(" lua"))
}
