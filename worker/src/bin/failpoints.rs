//! `penstock-worker-failpoints`: the worker, made to crash or stand still where `PENSTOCK_FAILPOINT` says. For tests only.

use penstock_shared::{
    program::{self, Exit},
    settings::Settings,
};
use penstock_worker::failpoint;

/// A worker for tests: it crashes or stands still where `PENSTOCK_FAILPOINT` says
#[derive(Debug, clap::Parser)]
#[command(name = "penstock-worker-failpoints")]
struct Arguments {}

fn main() -> Exit {
    failpoint::arm();
    program::run(async |_: Arguments, settings: Settings| {
        penstock_worker::app::run(&settings).await
    })
}
