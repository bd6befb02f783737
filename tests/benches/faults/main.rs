//! What faults come to, in figures. Real workers, a real Redis, and the sandbox, which tells when what happened.
//!
//! ```text
//! cargo build --release --locked --workspace --bins
//! cargo bench --locked -p penstock-tests --bench faults
//! cargo bench --locked -p penstock-tests --bench faults -- --only takeover
//! ```
//!
//! It prints each figure beside what it should be; it asserts nothing about time. A full run takes some minutes.

mod power;
mod redis;
mod takeover;
mod volume;

use clap::Parser;

/// Measures what faults come to
#[derive(Debug, Clone, Parser)]
#[command(name = "faults")]
pub(crate) struct Options {
    /// Only scenarios whose name contains this; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// A tenth of the repetitions, to try it out
    #[arg(long)]
    pub(crate) quick: bool,
    /// Given by cargo when it runs benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// So many, or a tenth of it.
    pub(crate) fn scaled(&self, count: u32) -> u32 {
        if self.quick {
            count.div_ceil(10)
        } else {
            count
        }
    }
}

fn main() {
    let options = Options::parse();
    if !options.bench {
        eprintln!(
            "nothing is measured without --bench, which `cargo bench -p penstock-tests --bench faults` gives"
        );
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(run(&options));
}

async fn run(options: &Options) {
    if options.wants("takeover") {
        takeover::run(options).await;
    }
    if options.wants("power") {
        power::run(options).await;
    }
    if options.wants("volume") {
        volume::run(options).await;
    }
    if options.wants("restart") {
        redis::restart(options).await;
    }
    if options.wants("failover") {
        redis::failover(options).await;
    }
}
