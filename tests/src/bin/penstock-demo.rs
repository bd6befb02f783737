//! `penstock-demo`: the whole of Penstock at work, before one's eyes.

use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::Parser;
use penstock_tests::demo::{self, Arguments};

#[tokio::main]
async fn main() -> ExitCode {
    // The harness panics where a part is missing or does not come up; here the message is for a person.
    std::panic::set_hook(Box::new(|panic| eprintln!("demo: {}", message(panic))));
    let demo = tokio::spawn(demo::main(Arguments::parse()));
    demo.await.unwrap_or(ExitCode::FAILURE)
}

fn message<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a fault of its own")
}
