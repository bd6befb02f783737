//! `penstock-admin`: looks into and repairs a running system.

mod acl;
mod arguments;
mod dead;
mod detail;
mod mask;
mod moment;
mod render;
mod system;
mod target;
mod tenant;
mod twins;
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
    let connect = || Queue::connect(Location::from(&settings), Terms::from(&settings));
    let format = arguments.output.unwrap_or_default();
    match arguments.command {
        Command::Stats(watch) => system::stats(&connect().await?, format, watch).await,
        Command::Tenants(watch) => system::tenants(&connect().await?, format, watch).await,
        Command::Job(JobCommand::Show(show)) => detail::job(&connect().await?, format, &show).await,
        Command::Job(JobCommand::Why(job)) => why::why(&connect().await?, format, &job).await,
        Command::Dead(command) => dead::run(&connect().await?, arguments.output, command).await,
        Command::Twins(wanted) => twins::twins(&connect().await?, format, &wanted).await,
        Command::Tenant(command) => tenant::run(&connect().await?, format, &command).await,
        Command::Acl(acl) => acl::print(&settings, format, &acl),
    }
}
