//! `penstock-contender`: Penstock in a benchmark beside other job queues.

use std::process::ExitCode;

use clap::Parser;
use penstock_tests::contender::{self, Arguments};

#[tokio::main]
async fn main() -> ExitCode {
    contender::main(Arguments::parse()).await
}
