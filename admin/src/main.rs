//! `penstock-admin`: looks into and repairs a running system.

mod arguments;
mod dead;
mod detail;
mod mask;
mod moment;
mod render;
mod system;
mod target;
mod tenant;
mod why;

use penstock_shared::{
    program::{self, Exit, Failure},
    queue::{Location, Queue, Terms},
    settings::Settings,
};

use self::arguments::{Arguments, Command, JobCommand};

fn main() -> Exit {
    program::run(admin)
}

async fn admin(arguments: Arguments, settings: Settings) -> Result<Exit, Failure> {
    let queue = Queue::connect(Location::from(&settings), Terms::from(&settings)).await?;
    let format = arguments.output.unwrap_or_default();
    match arguments.command {
        Command::Stats(watch) => system::stats(&queue, format, watch).await,
        Command::Tenants(watch) => system::tenants(&queue, format, watch).await,
        Command::Job(JobCommand::Show(show)) => detail::job(&queue, format, &show).await,
        Command::Job(JobCommand::Why(job)) => why::why(&queue, format, &job).await,
        Command::Dead(command) => dead::run(&queue, arguments.output, command).await,
        Command::Tenant(command) => tenant::run(&queue, format, &command).await,
    }
}
