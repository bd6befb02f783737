//! `penstock-producer schema`: what a job may look like.

use clap::Args;
use penstock_shared::{
    job::{JobType, schemas},
    program::{Exit, Failure, print},
};

/// Whose schema to print.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The job type; without one, the schema of them all
    #[arg(value_name = "TYPE", value_parser = |name: &str| name.parse::<JobType>())]
    job_type: Option<JobType>,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let name = arguments.job_type.map_or("Job", JobType::as_str);
    for (_, schema) in schemas().into_iter().filter(|(given, _)| given == name) {
        print(&format!("{schema:#}\n"))?;
    }
    Ok(Exit::Done)
}
