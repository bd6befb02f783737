//! `penstock-lab`: the long forms of the fault laboratory's runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use penstock_tests::harness::{Appendfsync, RedisOptions};
use penstock_tests::lab::{
    chaos::Chaos,
    check::Violation,
    crash::{self, Cell, Crashed},
    deploy::deploy,
    figures::Figures,
    lapse::lapse,
    page::page,
    stop::{Stopped, stop_all},
    workload::Size,
    world::{LEASE, MARKER_KEY},
};
use penstock_tests::sandbox::parse_span;

/// Kills, stops and cuts off real workers, a real Redis and the API's links, and judges what came of it
#[derive(Debug, Parser)]
#[command(
    name = "penstock-lab",
    version,
    after_help = "Examples:\n  penstock-lab soak --for 30m --jobs 100000 --seed 7\n  penstock-lab crashes 1000\n  penstock-lab deploys 50\n  penstock-lab lapses 50\n  penstock-lab stops 200"
)]
struct Arguments {
    #[command(subcommand)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Run {
    /// Every two seconds something is killed, stopped or cut off, while jobs come in
    Soak(Soak),
    /// A worker crashes at each failpoint with each type of job, in turn
    Crashes {
        /// How many crashes; each kind once if it is not said
        count: Option<usize>,
        /// How many at a time
        #[arg(long, default_value_t = 8)]
        at_once: usize,
    },
    /// Workers are replaced one after the other, under load
    Deploys {
        /// How many restarts
        count: usize,
    },
    /// Redis comes back from older files, again and again, under load
    Lapses {
        /// How often
        count: usize,
        /// What jobs and moments are drawn from
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// A worker stands still between its last check and the send, for longer than anybody waits for it
    Stops {
        /// How many stops
        count: usize,
        /// How many at a time
        #[arg(long, default_value_t = 8)]
        at_once: usize,
        /// With the marker on, so that sweeps look for what is there twice
        #[arg(long)]
        marker: bool,
    },
}

#[derive(Debug, Parser)]
struct Soak {
    /// How long things are broken
    #[arg(long = "for", value_name = "SPAN", default_value = "30m", value_parser = parse_span)]
    span: Duration,
    /// What jobs and faults are drawn from; another one each time if it is not said
    #[arg(long)]
    seed: Option<u64>,
    /// How many jobs, about
    #[arg(long, default_value_t = 100_000)]
    jobs: usize,
    /// How many workers
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// What each tenant may call
    #[arg(long, default_value = "40/1s")]
    burst: String,
    /// When Redis syncs its file; with everysec what it has not written when it is killed is lost, as the README says
    #[arg(long, value_enum, default_value_t = Sync::Always)]
    appendfsync: Sync,
    /// Where the report goes, as soak-SEED.html
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    reports: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sync {
    Always,
    Everysec,
}

#[tokio::main]
async fn main() -> ExitCode {
    // The harness panics where a part is missing or does not come up; here the message is for a person.
    std::panic::set_hook(Box::new(|panic| eprintln!("penstock-lab: {panic}")));
    let run = tokio::spawn(run(Arguments::parse().run));
    run.await.unwrap_or(ExitCode::FAILURE)
}

async fn run(run: Run) -> ExitCode {
    match run {
        Run::Soak(soak) => soak.run().await,
        Run::Crashes { count, at_once } => crashes(count, at_once).await,
        Run::Deploys { count } => deploys(count).await,
        Run::Lapses { count, seed } => lapses(count, seed).await,
        Run::Stops {
            count,
            at_once,
            marker,
        } => stops(count, at_once, marker).await,
    }
}

/// What is wrong is told, and makes the exit code.
fn verdict<'a>(violations: impl IntoIterator<Item = &'a Violation>) -> ExitCode {
    let told = violations
        .into_iter()
        .map(|one| eprintln!("VIOLATED  {one}"));
    if told.count() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Soak {
    async fn run(self) -> ExitCode {
        let seed = self
            .seed
            .unwrap_or_else(|| rand::random_range(0..1_000_000));
        let size = Size::of(self.jobs);
        eprintln!(
            "seed {seed}: about {} jobs of {} tenants, {} workers, {:?} of faults",
            self.jobs, size.tenants, self.workers, self.span
        );
        let chaos = Chaos {
            seed,
            size,
            workers: self.workers,
            over: self.span,
            burst: self.burst,
            redis: RedisOptions {
                appendfsync: match self.appendfsync {
                    Sync::Always => Appendfsync::Always,
                    Sync::Everysec => Appendfsync::Everysec,
                },
                ..RedisOptions::default()
            },
            verbose: true,
        };
        let ran = chaos.run().await;
        let figures = Figures::of(&ran.history, &ran.course);
        println!("seed {seed}\n{figures}");
        let path = self.reports.join(format!("soak-{seed}.html"));
        let title = format!("Penstock under faults, seed {seed}");
        let page = page(&title, &figures, &ran.course, &ran.history.calls);
        let written = std::fs::create_dir_all(&self.reports);
        match written.and_then(|()| std::fs::write(&path, page)) {
            Ok(()) => println!("report: {}", path.display()),
            Err(error) => {
                eprintln!(
                    "penstock-lab: the report cannot be written to {}: {error}",
                    path.display()
                );
                return ExitCode::FAILURE;
            }
        }
        verdict(&figures.violations)
    }
}

async fn crashes(count: Option<usize>, at_once: usize) -> ExitCode {
    let all = crash::every_cell();
    let count = count.unwrap_or(all.len());
    let cells: Vec<Cell> = all.into_iter().cycle().take(count).collect();
    let mut over = 0;
    let crashed = crash::crash_all(cells, at_once, |_| {
        over += 1;
        if over % 20 == 0 || over == count {
            eprintln!("{over:>6} of {count} crashes");
        }
    })
    .await;
    let ended = |how: &str| crashed.iter().filter(|one| one.ended == how).count();
    println!("crashes        {}", crashed.len());
    println!("done           {}", ended("done"));
    println!("ambiguous      {}", ended("ambiguous"));
    for (of, count) in in_doubt(&crashed) {
        println!("               {count} × {of}");
    }
    println!(
        "otherwise      {}",
        crashed.len() - ended("done") - ended("ambiguous")
    );
    println!(
        "with a fault   {}",
        crashed
            .iter()
            .filter(|one| !one.violations.is_empty())
            .count()
    );
    for one in crashed.iter().filter(|one| !one.violations.is_empty()) {
        eprintln!("{} at {} came to {}", one.of, one.point, one.ended);
    }
    verdict(crashed.iter().flat_map(|one| &one.violations))
}

/// What was ambiguous, and how often.
fn in_doubt(crashed: &[Crashed]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for one in crashed.iter().filter(|one| one.ended == "ambiguous") {
        *counts.entry(one.of.as_str()).or_default() += 1;
    }
    counts
}

async fn deploys(count: usize) -> ExitCode {
    let deployed = deploy(count, 1).await;
    let history = &deployed.history;
    let attempts: u32 = history.fates.values().map(|fate| fate.attempts).sum();
    println!("restarts                     {}", deployed.restarts);
    println!("jobs                         {}", history.promises.len());
    println!("attempts used                {attempts}");
    println!(
        "longest time without effect  {:.2?}",
        deployed.longest_pause
    );
    println!("violations                   {}", deployed.violations.len());
    let kept = verdict(&deployed.violations);
    // A deploy stalls if jobs wait for the leases of workers that are gone.
    if deployed.longest_pause >= LEASE {
        eprintln!("penstock-lab: it stood still for as long as a lease");
        return ExitCode::FAILURE;
    }
    kept
}

async fn lapses(count: usize, seed: u64) -> ExitCode {
    let lapsed = lapse(count, seed).await;
    let fates = lapsed.history.fates.values();
    let ambiguous = fates.filter(|fate| fate.death.is_some()).count();
    println!("went back                    {}", lapsed.lapses);
    println!(
        "jobs                         {}",
        lapsed.history.promises.len()
    );
    println!("effects forgotten            {}", lapsed.forgotten);
    println!("dead (ambiguous)             {ambiguous}");
    println!("violations                   {}", lapsed.violations.len());
    verdict(&lapsed.violations)
}

/// A doubled effect is what is expected here; what is judged is whether it was told.
async fn stops(count: usize, at_once: usize, marker: bool) -> ExitCode {
    let on = [
        ("PENSTOCK_MARKER", "on"),
        ("PENSTOCK_MARKER_KEY", MARKER_KEY),
        ("PENSTOCK_TWINS", "remove"),
    ];
    let settings = on.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = if marker { settings.as_slice() } else { &[] };
    let mut over = 0;
    let stopped = stop_all(count, at_once, settings, |_| {
        over += 1;
        if over % 20 == 0 || over == count {
            eprintln!("{over:>6} of {count} stops");
        }
    })
    .await;
    let doubled = stopped.iter().filter(|one| one.effects > 1).count();
    let told = stopped.iter().filter(|one| one.twin_told).count();
    println!("stops      {}", stopped.len());
    println!("doubled    {doubled}");
    println!("told       {told}");
    let unexpected: Vec<_> = stopped
        .iter()
        .flat_map(Stopped::unexpected)
        .cloned()
        .collect();
    println!("violations {}", unexpected.len());
    if told < doubled {
        eprintln!("penstock-lab: {} twins were not told of", doubled - told);
        return ExitCode::FAILURE;
    }
    if doubled == 0 {
        eprintln!("penstock-lab: no stop came between a check and a send: nothing was tried");
        return ExitCode::FAILURE;
    }
    verdict(&unexpected)
}
