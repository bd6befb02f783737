//! How soon webhooks are answered in a burst: signed as GHL signs them, over real connections, each stored in a real Redis before its answer.
//!
//! ```text
//! cargo build --release --locked -p penstock-producer
//! cargo bench --locked -p penstock-tests --bench hooks
//! cargo bench --locked -p penstock-tests --bench hooks -- --rate 8000 --seconds 30
//! ```
//!
//! They are sent by the clock, whether those before are answered or not, and each is timed from the moment at which it was to be sent: a
//! program that falls behind cannot hide it. The senders, the program and Redis share the machine. It asserts nothing about time.

mod answer;
mod burst;
mod figures;
mod options;
mod sender;
mod stage;

use clap::Parser;

use self::{options::Options, stage::Stage};

fn main() {
    let options = Options::parse();
    if !options.bench {
        eprintln!(
            "nothing is measured without --bench, which `cargo bench -p penstock-tests --bench hooks` gives"
        );
        return;
    }
    // As few threads as there can be: the program that is measured needs the processors.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(run(&options));
}

async fn run(options: &Options) {
    for round in 1..=options.rounds {
        let stage = Stage::start(options).await;
        let figures = burst::run(options, &stage).await;
        println!("round {round} of {}: {figures}", options.rounds);
        println!("  {}", stage.costs());
        stage.check(&figures).await;
    }
}
