//! Dead letters: looked at, repaired, sent again, deleted.

mod bulk;
mod difference;
mod edit;
mod export;
mod list;
pub(crate) mod pace;
mod pages;
mod resolve;
mod tally;

use penstock_shared::{
    program::{Exit, Failure},
    queue::Queue,
};

use crate::{arguments::DeadCommand, detail, render::Format};

/// Runs one of the commands. Without a format given, most print a table.
pub(crate) async fn run(
    queue: &Queue,
    given: Option<Format>,
    command: DeadCommand,
) -> Result<Exit, Failure> {
    let format = given.unwrap_or_default();
    match command {
        DeadCommand::List(list) => list::list(queue, format, &list).await,
        DeadCommand::Show(show) => detail::dead(queue, format, &show).await,
        DeadCommand::Causes => list::causes(queue, format).await,
        DeadCommand::Export(wanted) => export::export(queue, given, &wanted).await,
        DeadCommand::Retry(retry) => bulk::retry(queue, format, &retry).await,
        DeadCommand::Delete(selection) => bulk::delete(queue, format, &selection).await,
        DeadCommand::Edit(edit) => edit::edit(queue, format, &edit).await,
        DeadCommand::Resolve(decision) => resolve::resolve(queue, format, &decision).await,
    }
}
