//! What the quota comes to: how much of it is used, how fair its use is, and what an outage, a campaign or many tenants do to it. Real workers, a
//! real Redis, and the sandbox, which counts.
//!
//! ```text
//! cargo build --release --locked --workspace --bins
//! cargo bench --locked -p penstock-tests --bench quota
//! cargo bench --locked -p penstock-tests --bench quota -- --only utilisation
//! ```
//!
//! It prints each figure beside what it should be; it asserts nothing about time. A full run takes about a quarter of an hour.

mod campaign;
mod crowd;
mod hot;
mod outage;
mod sheet;
mod stage;
mod twenty;
mod utilisation;

use clap::Parser;
use sheet::Sheet;

/// Measures how the quota is used
#[derive(Debug, Clone, Parser)]
#[command(name = "quota")]
pub(crate) struct Options {
    /// Only scenarios whose name contains this; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// A tenth of the jobs and of the time, to try it out
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
            "nothing is measured without --bench, which `cargo bench -p penstock-tests --bench quota` gives"
        );
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    runtime.block_on(run(&options));
}

async fn run(options: &Options) {
    let mut sheet = Sheet::start();
    if options.wants("utilisation") {
        utilisation::run(options, &mut sheet).await;
    }
    if options.wants("hot") {
        hot::run(options, &mut sheet).await;
    }
    if options.wants("twenty") {
        twenty::run(options, &mut sheet).await;
    }
    if options.wants("crowd") {
        crowd::run(options, &mut sheet).await;
    }
    if options.wants("outage") {
        outage::run(options, &mut sheet).await;
    }
    if options.wants("campaign") {
        campaign::run(options, &mut sheet).await;
    }
}
