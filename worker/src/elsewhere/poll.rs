//! `PollSms`: what no webhook has told of becomes events. Nothing of it is lost or doubled whenever its worker dies: events are stored before it is
//! written down that they were, under ids that are made of what they say.

mod list;
mod replies;

use std::time::Duration;

use penstock_shared::{
    event::Event,
    job::{PollSms, Polled},
    outcome::Outcome,
    queue::{
        enqueue::{Admission, Enqueued},
        record::NewJob,
        run::field,
        settle::Fields,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use super::{NOT_UNDERSTOOD, refused, smsfactor};
use crate::{
    assignment::Assignment,
    deliver::Courier,
    gate::{Stop, Turn},
    room,
};

/// How many pages one delivery reads, since it may take only so long.
const PAGES: usize = 3;
/// Why replies are not asked for: those of other tenants would become this one's contacts.
const NOT_ITS_OWN: &str = "others may have the token by which this tenant calls smsfactor, and their replies would be taken for its own: give it one of \
     its own, in [smsfactor.tenants] of the file that PENSTOCK_CONNECTIONS names";
/// When Redis is asked again.
const AGAIN: Duration = Duration::from_secs(2);

/// Asks for what is wanted.
pub(super) async fn poll(
    courier: &Courier,
    job: &Assignment,
    wanted: &PollSms,
    turn: &mut Turn<'_>,
) -> Result<Outcome, Stop> {
    room::wait(courier, job, turn).await?;
    let way = smsfactor(courier, job, turn)?;
    match (wanted.what, &wanted.list_id) {
        (Polled::Replies, _) if !courier.elsewhere.is_own_account(job.reference().tenant()) => {
            Err(refused(NOT_ITS_OWN, turn))
        }
        (Polled::Replies, _) => replies::poll(courier, job, wanted, way, turn).await,
        (Polled::List, Some(list)) => {
            let list = list::List {
                courier,
                job,
                id: list.as_str(),
                way,
            };
            list.poll(wanted.initial, turn).await
        }
        (Polled::List, None) => Err(refused("it names no list", turn)),
    }
}

/// Stores events, and returns how many of them were new. Before they were asked for there was room.
async fn tell(courier: &Courier, events: Vec<Event>, turn: &Turn<'_>) -> Result<usize, Stop> {
    let new: Vec<_> = events
        .into_iter()
        .map(|event| NewJob {
            id: event.id.clone(),
            job: event.into_job(),
        })
        .collect();
    let stored = courier.queue.enqueue(&new, Admission::Following).await;
    let stored = stored.map_err(|interrupted| {
        tracing::warn!(error = %interrupted.error, "what a poll has found cannot be stored yet");
        turn.postponed(AGAIN, "waits until what it has found can be stored")
    })?;
    // One of the same id that says something else was told by a webhook, in its words.
    let is_new = |code: &&Enqueued| **code == Enqueued::Accepted;
    Ok(stored.iter().filter(is_new).count())
}

/// How far the deliveries before have come.
fn progress<T: DeserializeOwned>(job: &Assignment) -> Option<T> {
    serde_json::from_str(job.claimed.run.text(field::POLL)?).ok()
}

/// Writes down how far it has come, so that it goes on there even if there is no permit now.
async fn go_on(turn: &mut Turn<'_>, progress: &impl Serialize) -> Result<(), Stop> {
    // Numbers, and a digest.
    let written = serde_json::to_string(progress).unwrap_or_default();
    let fields = Fields::from([(field::POLL, written)]);
    turn.advance(fields, None).await
}

fn away(turn: &Turn<'_>) -> Stop {
    turn.postponed(AGAIN, "waits for Redis")
}
