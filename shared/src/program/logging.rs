//! Log lines: to standard error, as text for people or as JSON for machines.

use std::io;

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::colour;
use crate::settings::{Log, LogFormat};

/// Crates that handle addresses, headers and bodies. Below `info` their lines hold emails, phones
/// and tokens, so no filter brings those lines out.
const WIRE: [&str; 7] = [
    "h2",
    "hyper",
    "hyper_util",
    "redis",
    "reqwest",
    "rustls",
    "tower_http",
];

/// Starts logging for the whole process.
pub(super) fn start(log: &Log) -> anyhow::Result<()> {
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(colour(&io::stderr())).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(EnvFilter::try_new(&log.filter)?)
        .with(filter_fn(|line| is_safe(*line.level(), line.target())))
        .with(lines)
        .try_init()?;
    Ok(())
}

fn is_safe(level: Level, target: &str) -> bool {
    let owner = target.split("::").next().unwrap_or_default();
    // Redis' client tries on by itself, with a line each time; what that comes to is said by whoever asked.
    let most = match owner {
        "redis" => Level::ERROR,
        owner if WIRE.contains(&owner) => Level::INFO,
        _ => Level::TRACE,
    };
    level <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_is_never_logged() {
        assert!(!is_safe(Level::DEBUG, "hyper_util::client::legacy"));
        assert!(!is_safe(Level::TRACE, "reqwest"));
        assert!(is_safe(Level::WARN, "hyper::proto"));
        assert!(!is_safe(Level::WARN, "redis::cluster_handling"));
        assert!(is_safe(Level::TRACE, "penstock_worker::deliver"));
    }
}
