//! Opens the lanes again whose token the API refused, when this worker has another token for them.

use std::time::Duration;

use penstock_shared::{
    ghl::{Tokens, fingerprint},
    queue::{Queue, error::QueueError, govern::Govern},
};

use super::repeat;

/// How often it looks. Nearly always there is nothing.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks for ever.
pub async fn run(queue: Queue, tokens: Tokens) {
    repeat("reauthorise", PAUSE, || reopen(&queue, &tokens)).await;
}

async fn reopen(queue: &Queue, tokens: &Tokens) -> Result<(), QueueError> {
    for (lane, refused) in queue.refused().await? {
        let Some(token) = tokens.of(lane.tenant()) else {
            continue;
        };
        if fingerprint(token) != refused {
            tracing::info!(
                tenant = lane.tenant(),
                "there is a new token: the tenant goes on"
            );
            queue.govern_lane(&lane, &Govern::Reauthorise).await?;
        }
    }
    Ok(())
}
