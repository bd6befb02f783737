//! `penstock-fuzz`: the long form.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use penstock_shared::span;

use super::{
    session::{Limit, Report, run},
    target::{TARGETS, Target},
};

/// Feeds hostile input to whatever reads what others wrote, and tells how often, and what panicked.
#[derive(Debug, Clone, Parser)]
#[command(name = "penstock-fuzz", version)]
pub struct Arguments {
    /// How long to try, over all targets
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = time)]
    time: Duration,
    /// How many inputs each target is to be given, instead of a time
    #[arg(long, value_name = "COUNT", conflicts_with = "time")]
    executions: Option<u64>,
    /// Only this target
    #[arg(long, value_name = "NAME", value_parser = named)]
    target: Option<Target>,
    /// What inputs are drawn from; the same seed draws the same
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Where inputs that panic are written
    #[arg(long, value_name = "DIRECTORY", default_value = ".dev/fuzz")]
    found: PathBuf,
}

fn time(text: &str) -> Result<Duration, String> {
    span::parse(text).map_err(|error| error.to_string())
}

fn named(text: &str) -> Result<Target, String> {
    let found = TARGETS.iter().find(|target| target.name == text);
    found.copied().ok_or_else(|| {
        let names = TARGETS.map(|target| target.name);
        format!("there are {}", names.join(", "))
    })
}

/// Runs the targets, each on a thread of its own, as many at once as there are processors.
pub fn main(arguments: &Arguments) -> ExitCode {
    // Each panic is told in the report.
    std::panic::set_hook(Box::new(|_| {}));
    let seed = arguments.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let targets = match arguments.target {
        Some(target) => vec![target],
        None => TARGETS.to_vec(),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let rounds = u32::try_from(targets.len().div_ceil(threads)).unwrap_or(1);
    let limit = match arguments.executions {
        Some(executions) => Limit::Executions(executions),
        None => Limit::Time(arguments.time / rounds),
    };
    let mut all = Vec::new();
    for together in targets.chunks(threads) {
        let reports = std::thread::scope(|scope| {
            let spawn = |target| scope.spawn(move || run(target, limit, seed));
            let running: Vec<_> = together.iter().map(spawn).collect();
            let ended = running.into_iter().filter_map(|thread| thread.join().ok());
            ended.collect::<Vec<_>>()
        });
        reports.iter().for_each(tell);
        all.extend(reports);
    }
    conclude(&all, targets.len(), &arguments.found)
}

fn tell(report: &Report) {
    let Report {
        name,
        executions,
        ways,
        panics,
    } = report;
    println!(
        "{name:10} {executions:>12} executions {ways:>7} ways {:>3} panics",
        panics.len()
    );
}

fn conclude(reports: &[Report], expected: usize, found: &PathBuf) -> ExitCode {
    let executions: u64 = reports.iter().map(|report| report.executions).sum();
    let panics: usize = reports.iter().map(|report| report.panics.len()).sum();
    println!(
        "{:10} {executions:>12} executions {:>16} panics",
        "all", panics
    );
    for report in reports {
        for (number, input) in report.panics.iter().enumerate() {
            let path = found.join(format!("{}-{number}", report.name));
            let written = fs::create_dir_all(found).and_then(|()| fs::write(&path, input));
            match written {
                Ok(()) => println!("the input is in {}", path.display()),
                Err(error) => println!("{}: {error}", path.display()),
            }
        }
    }
    if panics == 0 && reports.len() == expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
