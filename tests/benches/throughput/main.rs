//! How fast the queue is, and what it costs: a load program with a real Redis, real workers and an HTTP server that answers after 5 ms.
//!
//! ```text
//! cargo build --release --locked -p penstock-worker
//! cargo bench --locked -p penstock-tests --bench throughput
//! cargo bench --locked -p penstock-tests --bench throughput -- --only drain --rounds 3 --jobs 20000
//! ```
//!
//! It prints a table of medians, with the least and the most of all rounds; it asserts nothing about time. Each round visits every
//! measure, so that a disturbance spreads over all of them. Quota, order and fencing are on wherever jobs are claimed. Machines differ:
//! compare ratios, for which plain `LPUSH` and `RPOP` on the same Redis are measured too.
//!
//! Where one task waits for one answer at a time (1 conn, 1 task, 1 job a claim) most of the time is the waking of sleeping processors,
//! and Redis' CPU has its share of that: on a machine that others keep busy these figures are several times better. Look at the CPU of
//! others beside them, and compare runs only where it is alike. It is the difference of coarse counts, so it may come out below zero.

mod api;
mod backlog;
mod client;
mod consumer;
mod delivery;
mod drain;
mod enqueue;
mod idle;
mod measure;
mod meter;
mod options;
mod pickup;
mod process;
mod reference;
mod report;
mod shards;
mod stage;
mod workload;

use clap::Parser;

use measure::Measure;
use options::Options;
use report::Report;

fn main() {
    let options = Options::parse();
    if !options.bench {
        eprintln!(
            "nothing is measured without --bench, which `cargo bench -p penstock-tests --bench throughput` gives"
        );
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let report = runtime.block_on(run(&options));
    println!("{report}");
}

async fn run(options: &Options) -> Report {
    let chosen: Vec<Measure> = Measure::all(options.backlog)
        .filter(|measure| options.wants(&measure.name()))
        .collect();
    let mut report = Report::new(options);
    for round in 1..=options.rounds {
        for measure in &chosen {
            let name = measure.name();
            eprint!("round {round} of {}: {name} … ", options.rounds);
            let figures = measure.run(options).await;
            eprintln!("{}", figures.headline());
            report.add(&name, figures);
        }
    }
    report
}
