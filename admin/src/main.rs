//! `penstock-admin`: looks into and repairs a running system.

mod acl;
mod arguments;
mod check;
mod dead;
mod detail;
mod ghl;
mod link;
mod mask;
mod moment;
mod quarantine;
mod render;
mod system;
mod target;
mod tenant;
mod tokens;
mod twins;
mod why;

use penstock_shared::{
    program::{self, Exit, Failure},
    queue::{Location, Queue, Terms, server::Errand},
    settings::Settings,
};

use self::arguments::{
    Arguments, Command, DeadCommand, GhlCommand, JobCommand, QuarantineCommand, TokensCommand,
};

fn main() -> Exit {
    program::run(admin)
}

async fn admin(arguments: Arguments, settings: Settings) -> Result<Exit, Failure> {
    let errand = errand(&arguments.command);
    let connect = || Queue::connect_for(errand, Location::from(&settings), Terms::from(&settings));
    let format = arguments.output.unwrap_or_default();
    match arguments.command {
        Command::Stats(watch) => system::stats(&connect().await?, format, watch).await,
        Command::Tenants(watch) => system::tenants(&connect().await?, format, watch).await,
        Command::Job(JobCommand::Show(show)) => detail::job(&connect().await?, format, &show).await,
        Command::Job(JobCommand::Why(job)) => why::why(&connect().await?, format, &job).await,
        Command::Dead(command) => dead::run(&connect().await?, arguments.output, command).await,
        Command::Twins(wanted) => twins::twins(&connect().await?, format, &wanted).await,
        Command::Link(command) => link::run(&connect().await?, format, &command).await,
        Command::Quarantine(wanted) => {
            quarantine::run(&connect().await?, format, wanted.command.as_ref()).await
        }
        Command::Tenant(command) => tenant::run(&connect().await?, format, &command).await,
        Command::Ghl(GhlCommand::Get(get)) => {
            ghl::get(&connect().await?, &settings, format, get).await
        }
        Command::Tokens(command) => {
            tokens::run(&connect().await?, &settings, format, &command).await
        }
        Command::Check { tenant } => {
            check::check(&connect().await?, &settings, format, &tenant).await
        }
        Command::Acl(acl) => acl::print(&settings, format, &acl),
    }
}

/// A Redis that cannot keep what it promises can be looked into all the same.
fn errand(command: &Command) -> Errand {
    let changes = match command {
        Command::Stats(_)
        | Command::Tenants(_)
        | Command::Job(_)
        | Command::Twins(_)
        | Command::Link(_)
        | Command::Acl(_) => false,
        Command::Dead(command) => !matches!(
            command,
            DeadCommand::List(_)
                | DeadCommand::Show(_)
                | DeadCommand::Causes
                | DeadCommand::Export(_)
        ),
        Command::Quarantine(wanted) => {
            matches!(wanted.command, Some(QuarantineCommand::Reset { .. }))
        }
        Command::Tokens(command) => !matches!(command, TokensCommand::List { .. }),
        // Calls are counted.
        Command::Check { .. } | Command::Ghl(_) | Command::Tenant(_) => true,
    };
    if changes {
        Errand::Change
    } else {
        Errand::Look
    }
}
