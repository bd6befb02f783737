//! Opens the lanes again whose token the API refused, when there is another for them, and lets jobs go on that would write, when their tenant may.

use std::{sync::Arc, time::Duration};

use penstock_shared::{
    ghl::Credentials,
    job::Destination,
    queue::{Queue, error::QueueError, govern::Govern, reference::Lane},
};

use super::repeat;
use crate::{elsewhere::Elsewhere, tokens::Tokens};

/// How often it looks. Nearly always there is nothing.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks for ever.
pub async fn run(queue: Queue, tokens: Tokens, elsewhere: Option<Elsewhere>) {
    repeat("reauthorise", PAUSE, || {
        reopen(&queue, &tokens, elsewhere.as_ref())
    })
    .await;
}

async fn reopen(
    queue: &Queue,
    tokens: &Tokens,
    elsewhere: Option<&Elsewhere>,
) -> Result<(), QueueError> {
    let refused = queue.refused().await?;
    for lane in &refused.writes {
        let credentials = credentials(tokens, lane).await?;
        if credentials.is_some_and(|credentials| credentials.may_write) {
            tracing::info!(tenant = lane.tenant(), "it may write: its jobs go on");
            queue.release(lane).await?;
        }
    }
    for (lane, refused) in &refused.tokens {
        let is_new = if lane.destination() == Destination::GHL.as_str() {
            let credentials = credentials(tokens, lane).await?;
            credentials.is_some_and(|credentials| {
                !credentials.bearers.is_empty() && credentials.stamp != *refused
            })
        } else {
            let stamp = elsewhere.and_then(|elsewhere| elsewhere.stamp(lane));
            stamp.is_some_and(|stamp| stamp != *refused)
        };
        if is_new {
            tracing::info!(
                tenant = lane.tenant(),
                destination = lane.destination(),
                "there is a new token: the tenant goes on"
            );
            queue.govern_lane(lane, &Govern::Reauthorise).await?;
        }
    }
    Ok(())
}

/// What the tenant's calls may carry; `None` if another worker can read that, or a person has to mend it, and was told.
async fn credentials(tokens: &Tokens, lane: &Lane) -> Result<Option<Arc<Credentials>>, QueueError> {
    match tokens.of(lane.tenant()).await {
        Ok(credentials) => Ok(Some(credentials)),
        Err(error) if error.is_transient() => Err(error),
        Err(_) => Ok(None),
    }
}
