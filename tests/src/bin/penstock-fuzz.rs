//! `penstock-fuzz`: hostile input, for as long as one likes.

use std::process::ExitCode;

use clap::Parser;
use penstock_tests::fuzz::{self, Arguments};

fn main() -> ExitCode {
    fuzz::main(&Arguments::parse())
}
