//! One call, from its arrival to its reply.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::desk::{Desk, Ticket};
use super::fault::FaultKind;
use super::reply::Reply;
use super::request::Request;

/// Where calls are served: what a call needs beside itself.
#[derive(Clone, Debug)]
pub(super) struct House {
    pub(super) desk: Arc<Desk>,
    /// Cancelled when the sandbox is to stop.
    pub(super) stop: CancellationToken,
    /// What must end before it has stopped.
    pub(super) tasks: TaskTracker,
}

/// Counts the call, waits as long as it takes, lets it take effect, and says how it ends.
pub(super) async fn run(house: House, request: Request) -> Reply {
    let ticket = house.desk.admit(&request);
    if let Some(wait) = ticket.refused_for() {
        return ended(&house.desk, &ticket, Reply::throttled(&ticket, wait));
    }
    if let Some(FaultKind::Late(_)) = ticket.plan.strike {
        let cut = ended(&house.desk, &ticket, Reply::Cut);
        house
            .tasks
            .clone()
            .spawn(take_effect_late(house, request, ticket));
        return cut;
    }
    tokio::time::sleep(ticket.halves.0 + ticket.plan.delay).await;
    let answer = ticket
        .plan
        .takes_effect()
        .then(|| house.desk.perform(&request, &ticket));
    tokio::time::sleep(ticket.halves.1).await;
    ended(&house.desk, &ticket, Reply::to(&ticket, answer))
}

fn ended(desk: &Desk, ticket: &Ticket, reply: Reply) -> Reply {
    if !matches!(reply, Reply::Hang) {
        desk.close(ticket, reply.status());
    }
    reply
}

/// What is not yet due when the sandbox stops, never happens.
async fn take_effect_late(house: House, request: Request, ticket: Ticket) {
    if let Some(FaultKind::Late(span)) = ticket.plan.strike {
        tokio::select! {
            () = tokio::time::sleep(span) => drop(house.desk.perform(&request, &ticket)),
            () = house.stop.cancelled() => {}
        }
    }
}
