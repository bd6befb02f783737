//! Taking webhooks in: proved over the raw bytes, then read, then stored as jobs, and only then answered.

mod refusal;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    http::header,
};
use futures::future::join_all;
use jiff::Timestamp;
use penstock_shared::event::Event;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use self::refusal::Refusals;
use self::refusal::{Refusal, Sender};
use super::{Intake, metrics, problem::Problem, server::Peer};
use crate::{
    client::{Client, Receipt, Refusal as NotStored, Status},
    hooks::{Hook, Place},
};

const SMORE: &str = "smore";

/// What hooks are called that are not there.
const UNKNOWN: &str = "unknown";

/// What a webhook has told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(super) struct Told {
    /// `accepted`, or `duplicate` if all of it was known already.
    #[schema(value_type = String)]
    status: Answer,
    /// Events that are stored now.
    accepted: usize,
    /// Events that were stored before.
    duplicates: usize,
    /// Events that are too old (`PENSTOCK_HOOK_WINDOW`), and were left out.
    late: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    #[default]
    Accepted,
    Duplicate,
}

type Received = Result<Json<Told>, Problem>;

macro_rules! webhook {
    (
        $(#[doc = $doc:literal])+
        $name:ident at $path:literal as $operation:literal, of $sender:ident, for now $for_now:literal, unknown $unknown:literal;
        $place:expr $(, $parameter:ident)?
    ) => {
        $(#[doc = $doc])+
        #[utoipa::path(
            post, path = $path, operation_id = $operation,
            $(params(("name" = String, Path, description = concat!("The ", stringify!($parameter), " that the configuration gives it"))),)?
            request_body(content = Object, description = "As its sender sends it", content_type = "application/json"),
            responses(
                (status = 200, description = "All of it is stored", body = Told),
                (status = 400, description = "Not what this sender sends", body = Problem, content_type = "application/problem+json"),
                (status = 401, description = "Its sender has not proved itself", body = Problem, content_type = "application/problem+json"),
                (status = 403, description = "From another address, by a web page, or for another application", body = Problem, content_type = "application/problem+json"),
                (status = $unknown, description = "No such hook is configured", body = Problem, content_type = "application/problem+json"),
                (status = 413, description = "Beyond 1 MiB", body = Problem, content_type = "application/problem+json"),
                (status = 415, description = "The body is compressed", body = Problem, content_type = "application/problem+json"),
                (status = 422, description = "Too old", body = Problem, content_type = "application/problem+json"),
                (status = $for_now, description = "It cannot be stored now, or came too slowly", body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
            ),
        )]
        pub(super) async fn $name(
            State(intake): State<Arc<Intake>>,
            $($parameter: Result<Path<String>, PathRejection>,)?
            request: Request,
        ) -> Received {
            $(let $parameter = $parameter.map(|Path(name)| name).unwrap_or_default();)?
            receive(&intake, $place, Sender::$sender, request).await
        }
    };
}

webhook! {
    /// Events of GHL
    ghl at "/hooks/ghl" as "receiveGhl", of Ghl, for now 429, unknown 404;
    Place::Ghl
}
webhook! {
    /// Events of `SMSFactor`, where one hook is configured
    ///
    /// `?type=MO`, `STOP`, `DLR` … says of which type the webhook is.
    smsfactor at "/hooks/smsfactor" as "receiveSmsfactor", of Smsfactor, for now 503, unknown 404;
    Place::Smsfactor(None)
}
webhook! {
    /// Events of `SMSFactor`, of one hook of several
    ///
    /// `?type=MO`, `STOP`, `DLR` … says of which type the webhook is.
    smsfactor_named at "/hooks/smsfactor/{name}" as "receiveSmsfactorNamed", of Smsfactor, for now 503, unknown 404;
    Place::Smsfactor(Some(&name)), name
}
webhook! {
    /// Events of Smore, where one hook is configured
    smore at "/hooks/smore" as "receiveSmore", of Smore, for now 503, unknown 503;
    Place::Smore(None)
}
webhook! {
    /// Events of Smore, of one hook of several
    smore_named at "/hooks/smore/{name}" as "receiveSmoreNamed", of Smore, for now 503, unknown 503;
    Place::Smore(Some(&name)), name
}
webhook! {
    /// Events of another system
    generic at "/hooks/{name}" as "receiveGeneric", of Generic, for now 503, unknown 404;
    Place::Generic(&name), name
}

/// There is nothing at this address. Smore, whose webhooks end for good where it is told so, may have been given it with a slip.
pub(super) fn nothing_at(path: &str) -> Problem {
    match path.trim_start_matches('/').split_once('/') {
        Some((hooks, name)) if hooks.eq_ignore_ascii_case("hooks") && is_meant_for_smore(name) => {
            Refusal::Unconfigured.told_to(Sender::Smore)
        }
        _ => Problem::not_found("there is nothing here; see /openapi.json"),
    }
}

fn is_meant_for_smore(name: &str) -> bool {
    let name = name.trim_start_matches('/').get(..SMORE.len());
    name.is_some_and(|name| name.eq_ignore_ascii_case(SMORE))
}

/// A webhook's way, from its arrival to its answer.
async fn receive(intake: &Intake, place: Place<'_>, sender: Sender, request: Request) -> Received {
    let sender = match place {
        Place::Generic(name) if is_meant_for_smore(name) => Sender::Smore,
        _ => sender,
    };
    let hook = intake.hooks.at(place);
    let source = hook.map_or(UNKNOWN, |hook| hook.name.as_str());
    metrics::hook_received(source);
    let taken = match hook {
        Some(hook) => take(intake, hook, request).await,
        None => Err(Refusal::Unconfigured),
    };
    taken.map(Json).map_err(|refusal| {
        metrics::hook_refused(source, refusal.reason());
        intake.refusals.tell(source, &refusal);
        refusal.told_to(sender)
    })
}

async fn take(intake: &Intake, hook: &Hook, request: Request) -> Result<Told, Refusal> {
    check_sender(intake, hook, &request)?;
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    // Held to the end: the events take as much memory as their text.
    let (body, _memory) = intake.hook_budget.read(request).await?;
    if !hook.believes(&headers, &body) {
        return Err(Refusal::Unproved);
    }
    metrics::hook_verified(&hook.name);
    let events = hook.reader.read(&body, &headers, &uri)?;
    let (events, late) = timely(intake, events)?;
    let truncated = events.iter().filter(|event| event.truncated).count();
    if truncated > 0 {
        tracing::warn!(hook = %hook.name, truncated, "events are larger than a job may be: some of what they say is left out");
        metrics::hook_events(&hook.name, "truncated", truncated);
    }
    let stored = store(intake.client()?, events).await?;
    let told = Told { late, ..stored };
    for (status, count) in [
        ("accepted", told.accepted),
        ("duplicate", told.duplicates),
        ("late", told.late),
    ] {
        if count > 0 {
            metrics::hook_events(&hook.name, status, count);
        }
    }
    Ok(told)
}

/// Where it comes from. What proves nothing could be sent by any page in a browser on this machine; those say so.
fn check_sender(intake: &Intake, hook: &Hook, request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    if !hook.is_proved() && headers.contains_key(header::ORIGIN) {
        return Err(Refusal::Page);
    }
    let Some(Peer(peer)) = request.extensions().get() else {
        return Err(Refusal::Address);
    };
    if !hook.admits(intake.hooks.sender(*peer, headers)) {
        return Err(Refusal::Address);
    }
    Ok(())
}

/// Those that are not too old, and how many are.
fn timely(intake: &Intake, events: Vec<Event>) -> Result<(Vec<Event>, usize), Refusal> {
    let (all, now) = (events.len(), Timestamp::now());
    let is_timely = |event: &Event| intake.window.admits(event.occurred_at, now);
    let timely: Vec<_> = events.into_iter().filter(is_timely).collect();
    let late = all - timely.len();
    if timely.is_empty() && late > 0 {
        return Err(Refusal::Late);
    }
    Ok((timely, late))
}

/// In their order. What they say of messages is stored first: who is answered counts on all of it.
async fn store(client: &Client, events: Vec<Event>) -> Result<Told, Refusal> {
    let words = events.iter().filter_map(Event::word);
    Told::of(join_all(words.map(|word| client.enqueue(word))).await)?;
    Told::of(join_all(events.into_iter().map(|event| store_one(client, event))).await)
}

impl Told {
    fn of(stored: Vec<Result<Receipt, NotStored>>) -> Result<Self, Refusal> {
        let mut told = Self::default();
        for stored in stored {
            match stored {
                Ok(receipt) if receipt.status == Status::Accepted => told.accepted += 1,
                Ok(_) | Err(NotStored::Conflict(_)) => told.duplicates += 1,
                // Told once in a while, not with each: they come in bursts.
                Err(NotStored::Unavailable { error, .. }) => {
                    return Err(Problem::away(&error).into());
                }
                Err(refusal) => return Err(Problem::not_stored(refusal.into(), false).into()),
            }
        }
        if told.accepted == 0 && told.duplicates > 0 {
            told.status = Answer::Duplicate;
        }
        Ok(told)
    }
}

/// Another event under the same id is the same one, told in other words; but of other systems nobody knows whether their ids are an event's or a
/// record's, and nothing that such a record tells later may be lost.
async fn store_one(client: &Client, event: Event) -> Result<Receipt, NotStored> {
    let otherwise = event.is_told_otherwise();
    match (client.enqueue(event.into_job()).await, otherwise) {
        (Err(NotStored::Conflict(_)), Some(event)) => client.enqueue(event.into_job()).await,
        (stored, _) => stored,
    }
}
