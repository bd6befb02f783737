//! Bodies of requests, within bounds of size, time and memory.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use penstock_shared::job::MAX_BATCH_BYTES;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::problem::Problem;

/// All bodies that are being read or stored together have at most so many times the bytes of the largest.
const LARGEST_AT_ONCE: usize = 8;
/// Webhooks are smaller, and come in bursts.
const WEBHOOKS_AT_ONCE: usize = 64;
/// The most bytes of a webhook.
pub(super) const MAX_WEBHOOK_BYTES: usize = 1 << 20;
/// How long a body waits for its share of that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take to come.
const ARRIVAL: Duration = Duration::from_secs(30);
/// What is read of a body that is too large, so that its sender gets to see the answer: so many times the most.
const DRAINED: usize = 4;

const KIB: usize = 1024;

/// The memory that bodies may have, each and all of them.
pub(super) struct Budget {
    memory: Arc<Semaphore>,
    most: usize,
}

impl Budget {
    /// For jobs.
    pub(super) fn of_jobs() -> Self {
        Self::new(MAX_BATCH_BYTES, LARGEST_AT_ONCE)
    }

    /// For webhooks: nobody's jobs take it from them.
    pub(super) fn of_webhooks() -> Self {
        Self::new(MAX_WEBHOOK_BYTES, WEBHOOKS_AT_ONCE)
    }

    fn new(most: usize, at_once: usize) -> Self {
        let memory = Arc::new(Semaphore::new(at_once * most / KIB));
        Self { memory, most }
    }

    async fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let share = u32::try_from(bytes.div_ceil(KIB).max(1)).unwrap_or(u32::MAX);
        match timeout(PATIENCE, Arc::clone(&self.memory).acquire_many_owned(share)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::busy()),
        }
    }

    /// Reads a body. Its memory counts until the permit is dropped.
    pub(super) async fn read(
        &self,
        request: Request,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
        let (head, body) = request.into_parts();
        check_encoding(&head.headers)?;
        let announced = length(&head.headers);
        if announced.is_some_and(|length| length > self.most) {
            drain(body, DRAINED * self.most).await;
            return Err(Problem::too_large(self.most));
        }
        let permit = self.reserve(announced.unwrap_or(self.most)).await?;
        let collected = timeout(ARRIVAL, Limited::new(body, self.most).collect()).await;
        match collected.map_err(|_| Problem::too_slow())? {
            Ok(collected) => Ok((collected.to_bytes(), permit)),
            Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large(self.most)),
            Err(_) => Err(Problem::bad_request("the body ended early")),
        }
    }
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(Problem::encoded()),
        _ => Ok(()),
    }
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// A connection that is closed with bytes unread is reset, and the answer may be lost with it.
async fn drain(body: Body, most: usize) {
    let mut body = Limited::new(body, most);
    let _ = timeout(PATIENCE, async {
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
}
