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

/// All bodies that are being read or stored together have at most so many bytes.
const MOST_MEMORY: usize = 8 * MAX_BATCH_BYTES;
/// How long a body waits for its share of that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it may take to come.
const ARRIVAL: Duration = Duration::from_secs(30);
/// What is read of a body that is too large, so that its sender gets to see the answer.
const DRAINED: usize = 4 * MAX_BATCH_BYTES;

const KIB: usize = 1024;

/// The memory that bodies may have.
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST_MEMORY / KIB)))
    }

    async fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let share = u32::try_from(bytes.div_ceil(KIB).max(1)).unwrap_or(u32::MAX);
        match timeout(PATIENCE, Arc::clone(&self.0).acquire_many_owned(share)).await {
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
        if announced.is_some_and(|length| length > MAX_BATCH_BYTES) {
            return Err(drain(body).await);
        }
        let permit = self.reserve(announced.unwrap_or(MAX_BATCH_BYTES)).await?;
        let collected = timeout(ARRIVAL, Limited::new(body, MAX_BATCH_BYTES).collect()).await;
        match collected.map_err(|_| Problem::too_slow())? {
            Ok(collected) => Ok((collected.to_bytes(), permit)),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Problem::too_large(MAX_BATCH_BYTES))
            }
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
async fn drain(body: Body) -> Problem {
    let mut body = Limited::new(body, DRAINED);
    let _ = timeout(PATIENCE, async {
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
    Problem::too_large(MAX_BATCH_BYTES)
}
