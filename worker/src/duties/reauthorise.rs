//! Opens the lanes again whose token the API refused, when there is another for them, and those that could only read, when they may write.

use std::time::Duration;

use penstock_shared::{
    ghl::Credentials,
    job::state::READ_ONLY,
    queue::{Queue, error::QueueError, govern::Govern},
};

use super::repeat;
use crate::tokens::Tokens;

/// How often it looks. Nearly always there is nothing.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks for ever.
pub async fn run(queue: Queue, tokens: Tokens) {
    repeat("reauthorise", PAUSE, || reopen(&queue, &tokens)).await;
}

async fn reopen(queue: &Queue, tokens: &Tokens) -> Result<(), QueueError> {
    for (lane, refused) in queue.refused().await? {
        let tenant = lane.tenant();
        let credentials = match tokens.of(tenant).await {
            Ok(credentials) => credentials,
            Err(error) if error.is_transient() => return Err(error),
            // Another worker can read them, or a person has to mend them, and was told.
            Err(_) => continue,
        };
        if let Some(why) = goes_on(&credentials, &refused) {
            tracing::info!(tenant, "{why}: the tenant goes on");
            queue.govern_lane(&lane, &Govern::Reauthorise).await?;
        }
    }
    Ok(())
}

/// Why a tenant need not be held any more, if so.
fn goes_on(credentials: &Credentials, refused: &str) -> Option<&'static str> {
    if refused == READ_ONLY {
        return credentials.may_write.then_some("it may write");
    }
    let is_new = !credentials.bearers.is_empty() && credentials.stamp != refused;
    is_new.then_some("there is a new token")
}
