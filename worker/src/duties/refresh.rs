//! Renews the tokens of OAuth grants ahead of their end: one worker at a time over all that are there.
//!
//! A refresh token works once, so what is asked for must not get lost: what has come is stored before anybody uses it, by whoever has it, even if
//! another one renews by then; and a worker that is told to stop first hears out what it has asked for.

mod renewal;

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use penstock_shared::{
    ghl::OAuthClient,
    queue::{Queue, error::QueueError, grants::GrantName, refresher::Fence},
};
use tokio_util::sync::CancellationToken;

use crate::{patience::Patience, tokens::Tokens};

/// Counts what became of renewals: `renewed`, `postponed`, or `needs-authorisation`, which a person has to see to.
pub const RENEWALS: &str = "penstock_renewals_total";
/// How often it is looked what is due. A delivery that waits for a token is heard by its own worker at once, by another then.
const PAUSE: Duration = Duration::from_secs(1);
/// So many are renewed in a round.
const ROUND: usize = 64;
/// So many at a time.
const AT_ONCE: usize = 4;

/// What renewing needs.
#[derive(Debug, Clone)]
pub struct Refresher {
    /// Where the grants are.
    pub queue: Queue,
    /// The way to the token endpoint.
    pub oauth: OAuthClient,
    /// This worker.
    pub name: String,
    /// How long before its end a token is renewed.
    pub ahead: Duration,
    /// For how long one is the refresher without saying so again.
    pub term: Duration,
}

/// Renews until it is told to stop.
pub async fn run(refresher: Refresher, tokens: Tokens, stop: CancellationToken) {
    let mut patience = Patience::new("renew tokens");
    while !stop.is_cancelled() {
        match refresher.round(&stop).await {
            Ok(()) => patience.succeeded(),
            Err(error) => patience.failed(&error).await,
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = tokens.wanted() => {}
            () = stop.cancelled() => {}
        }
    }
}

impl Refresher {
    async fn round(&self, stop: &CancellationToken) -> Result<(), QueueError> {
        if self.queue.due_grants(1).await?.is_empty() {
            return Ok(());
        }
        let Some(fence) = self.queue.be_refresher(&self.name, self.term).await? else {
            return Ok(());
        };
        // Whoever was it before may have renewed some since.
        let due = self.queue.due_grants(ROUND).await?;
        let ends = stop.child_token();
        tokio::select! {
            () = self.renew_all(due, fence, &ends) => {}
            // It goes on until the others have been renewed.
            () = self.remain(&ends) => {}
        }
        Ok(())
    }

    /// Renews them; none is begun once `ends` is cancelled.
    async fn renew_all(&self, due: Vec<GrantName>, fence: Fence, ends: &CancellationToken) {
        futures::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |name| async move {
                if ends.is_cancelled() {
                    return;
                }
                if let Err(error) = self.renew(&name, fence).await {
                    tracing::warn!(grant = %name, %error, "the token is not renewed now");
                }
            })
            .await;
    }

    /// Remains the refresher, for ever; begins nothing more once another is.
    async fn remain(&self, ends: &CancellationToken) {
        let mut since = Instant::now();
        loop {
            tokio::time::sleep(self.term / 3).await;
            let asked = Instant::now();
            match self.queue.be_refresher(&self.name, self.term).await {
                Ok(Some(_)) => since = asked,
                Err(_) if since.elapsed() < self.term => {}
                Ok(None) | Err(_) => ends.cancel(),
            }
        }
    }
}
