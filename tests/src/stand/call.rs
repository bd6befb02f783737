//! One call, from its arrival to its reply.

use std::sync::Arc;

use http::{Request as HttpRequest, Response};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api::{Api, Trouble};
use super::courier::{self, Courier};
use super::desk::{Desk, Ticket};
use super::request::Request;
use super::{control, reply};
use crate::sandbox::fault::FaultKind;
use crate::sandbox::reply::{Body, Reply};
use crate::sandbox::request::Cut;

/// Where calls are served: what a call needs beside itself.
#[derive(Debug)]
pub(super) struct House<A> {
    pub(super) desk: Arc<Desk<A>>,
    pub(super) courier: Courier,
    /// Cancelled when the stand-in is to stop.
    pub(super) stop: CancellationToken,
    /// What must end before it has stopped.
    pub(super) tasks: TaskTracker,
}

impl<A> Clone for House<A> {
    fn clone(&self) -> Self {
        Self {
            desk: Arc::clone(&self.desk),
            courier: self.courier.clone(),
            stop: self.stop.clone(),
            tasks: self.tasks.clone(),
        }
    }
}

/// Answers whatever comes in.
pub(super) async fn answer<A: Api>(
    house: House<A>,
    request: HttpRequest<Incoming>,
) -> Result<Response<Body>, Cut> {
    if control::is_for(request.uri().path()) {
        return control::answer(&house, request).await;
    }
    let request = Request::read(request).await?;
    // On a task of its own: what has arrived takes effect even when its client goes away.
    let reply = house.tasks.spawn(run(house.clone(), request)).await;
    match reply {
        Ok(Reply::Send(response)) => Ok(*response),
        Ok(Reply::Cut) | Err(_) => Err(Cut),
        Ok(Reply::Hang) => {
            house.stop.cancelled().await;
            Err(Cut)
        }
    }
}

/// Counts the call, waits as long as it takes, lets it take effect, and says how it ends.
async fn run<A: Api>(house: House<A>, request: Request) -> Reply {
    let ticket = house.desk.admit(&request);
    if ticket.refused_for.is_some() {
        let refusal = A::trouble(&Trouble::Status(429, None));
        return house.ended(&request, &ticket, reply::plain(refusal));
    }
    if let Some(FaultKind::Late(_)) = ticket.plan.strike {
        let cut = house.ended(&request, &ticket, reply::Ending::Cut);
        let tasks = house.tasks.clone();
        tasks.spawn(take_effect_late(house, request, ticket));
        return cut;
    }
    tokio::time::sleep(ticket.halves.0 + ticket.plan.delay).await;
    let answer = ticket
        .plan
        .takes_effect()
        .then(|| house.perform(&request, &ticket));
    tokio::time::sleep(ticket.halves.1).await;
    let ending = reply::to::<A>(ticket.plan.strike.as_ref(), answer);
    house.ended(&request, &ticket, ending)
}

impl<A: Api> House<A> {
    fn perform(&self, request: &Request, ticket: &Ticket<A>) -> super::Answer {
        let (answer, posts) = self.desk.perform(request, ticket);
        courier::send(self, posts);
        answer
    }

    fn ended(&self, request: &Request, ticket: &Ticket<A>, ending: reply::Ending) -> Reply {
        let written = |answer| self.desk.state().api.written(request, answer);
        let (reply, code) = ending.reply(ticket.plan.strike.as_ref(), written);
        if !matches!(reply, Reply::Hang) {
            self.desk.close(ticket, reply.status(), code);
        }
        reply
    }
}

/// What is not yet due when the stand-in stops, never happens.
async fn take_effect_late<A: Api>(house: House<A>, request: Request, ticket: Ticket<A>) {
    if let Some(FaultKind::Late(span)) = ticket.plan.strike {
        tokio::select! {
            () = tokio::time::sleep(span) => drop(house.perform(&request, &ticket)),
            () = house.stop.cancelled() => {}
        }
    }
}
