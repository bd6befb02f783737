//! `penstock-producer`: jobs into the queue, from files, pipes and over HTTP.

use clap::{Parser, Subcommand};
use penstock_producer::{catalogue, enqueue, flows, http, schema};
use penstock_shared::{
    program::{self, Exit, Failure},
    settings::Settings,
};

/// Takes jobs in: each is checked, stored durably, and delivered by the workers.
#[derive(Debug, Parser)]
#[command(name = "penstock-producer", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  penstock-producer enqueue jobs.ndjson
  generate-jobs | penstock-producer enqueue
  penstock-producer enqueue --batch 2026-12-01 jobs.ndjson
  penstock-producer serve --listen 127.0.0.1:8080
  penstock-producer schema CreateTask
  penstock-producer flows test call-back --file flows.toml
  penstock-producer catalogue

Exit codes: 0 done; 1 it could not be done (Redis away …); 2 the input, the arguments or the settings were wrong.";

const ENQUEUE: &str = "\
Examples:
  penstock-producer enqueue jobs.ndjson
  generate-jobs | penstock-producer enqueue
  penstock-producer enqueue --batch 2026-12-01 jobs.ndjson

Exit codes: 0 every line is stored; 1 it could not be done (Redis away …); 2 lines were refused, or the arguments or settings were wrong.";

const SERVE: &str = "\
Examples:
  penstock-producer serve --listen 127.0.0.1:8080
  PENSTOCK_API_KEYS_FILE=keys penstock-producer serve --listen 0.0.0.0:8080

Exit codes: 0 ended by SIGTERM or SIGINT; 1 it could not go on (Redis cannot be used …); 2 the arguments or settings were wrong.";

const SCHEMA: &str = "\
Examples:
  penstock-producer schema
  penstock-producer schema CreateTask";

const FLOWS: &str = "\
Examples:
  penstock-producer flows check --file flows.toml
  penstock-producer flows test call-back --file flows.toml
  penstock-producer flows test call-back --event reply.json";

const CATALOGUE: &str = "\
Examples:
  penstock-producer catalogue
  penstock-producer catalogue sms.reply
  penstock-producer catalogue --json";

#[derive(Debug, Subcommand)]
enum Command {
    /// Enqueue jobs from a file or standard input, one JSON object per line
    #[command(after_help = ENQUEUE)]
    Enqueue(enqueue::Arguments),
    /// Take jobs over HTTP
    #[command(after_help = SERVE)]
    Serve(http::Arguments),
    /// Print the JSON Schema of a job type, or of all of them
    #[command(after_help = SCHEMA)]
    Schema(schema::Arguments),
    /// Check a file of flows, or try a flow out with an event
    #[command(after_help = FLOWS)]
    Flows(flows::Arguments),
    /// Print every trigger and every action of flows with its fields
    #[command(after_help = CATALOGUE)]
    Catalogue(catalogue::Arguments),
}

fn main() -> Exit {
    program::run(run)
}

async fn run(cli: Cli, settings: Settings) -> Result<Exit, Failure> {
    match cli.command {
        Command::Enqueue(arguments) => enqueue::run(arguments, settings).await,
        Command::Serve(arguments) => http::run(arguments, settings).await,
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Flows(arguments) => flows::run(&arguments, &settings),
        Command::Catalogue(arguments) => catalogue::run(&arguments),
    }
}
