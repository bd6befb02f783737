//! `penstock-worker`: consumes jobs until SIGTERM or SIGINT, then drains. Run as many as you like.

use clap::Parser;
use penstock_shared::{
    program::{self, Exit},
    settings::Settings,
};

/// Delivers jobs to the API under the shared quota, each once, in order per contact, until SIGTERM or SIGINT; then drains.
///
/// It is configured by PENSTOCK_* variables and penstock.toml: see --print-config.
#[derive(Debug, Parser)]
#[command(
    name = "penstock-worker",
    after_help = "Examples:\n  PENSTOCK_GHL_TOKEN=pit-… penstock-worker\n  PENSTOCK_GHL_BASE_URL=http://127.0.0.1:4010 PENSTOCK_GHL_TOKEN=any penstock-worker\n  PENSTOCK_METRICS_LISTEN=127.0.0.1:9100 PENSTOCK_CONCURRENCY=128 penstock-worker\n\nExit codes: 0 drained after SIGTERM or SIGINT; 1 it could not work (Redis cannot be used …), or a second signal ended it at once; 2 the settings or arguments were wrong."
)]
struct Arguments {}

fn main() -> Exit {
    program::run(async |_: Arguments, settings: Settings| {
        penstock_worker::app::run(&settings).await
    })
}
