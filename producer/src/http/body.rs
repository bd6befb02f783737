//! Bodies of requests, within bounds of size, time and memory.

use std::{sync::Arc, time::Duration};

use axum::{
    BoxError,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, header},
};
use bytes::BytesMut;
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
/// How long jobs may take to come, and a webhook, whose sender anybody may say to be.
const ARRIVAL: Duration = Duration::from_secs(30);
const WEBHOOK_ARRIVAL: Duration = Duration::from_secs(5);
/// What is read of a body that is too large, so that its sender gets to see the answer: so many times the most.
const DRAINED: usize = 4;

const KIB: usize = 1024;
/// What is set apart for a webhook before any of it has come.
const FIRST: usize = 16 * KIB;

/// The memory that bodies may have, each and all of them.
pub(super) struct Budget {
    memory: Arc<Semaphore>,
    most: usize,
    /// How much of what is announced is set apart before it comes.
    ahead: usize,
    arrival: Duration,
}

impl Budget {
    /// For jobs.
    pub(super) fn of_jobs() -> Self {
        // Whoever sends jobs has a key: what he announces will come.
        Self {
            memory: memory(LARGEST_AT_ONCE * MAX_BATCH_BYTES),
            most: MAX_BATCH_BYTES,
            ahead: MAX_BATCH_BYTES,
            arrival: ARRIVAL,
        }
    }

    /// For webhooks: nobody's jobs take it from them.
    pub(super) fn of_webhooks() -> Self {
        Self {
            memory: memory(WEBHOOKS_AT_ONCE * MAX_WEBHOOK_BYTES),
            most: MAX_WEBHOOK_BYTES,
            ahead: FIRST,
            arrival: WEBHOOK_ARRIVAL,
        }
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
        let body = Limited::new(body, self.most);
        match timeout(self.arrival, self.collect(body, announced)).await {
            Ok(read) => read,
            Err(_) => Err(Problem::too_slow()),
        }
    }

    /// Takes memory for what has come: whoever announces much and sends little keeps nobody else's.
    async fn collect(
        &self,
        mut body: Limited<Body>,
        announced: Option<usize>,
    ) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
        let ahead = announced.unwrap_or(self.most).min(self.ahead);
        let mut permit = self.reserve(ahead).await?;
        let mut read = BytesMut::with_capacity(announced.unwrap_or_default().min(ahead));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.unread(&error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let has = permit.num_permits() * KIB;
            let lacks = (read.len() + data.len()).saturating_sub(has);
            if lacks > 0 {
                permit.merge(self.reserve(lacks).await?);
            }
            read.extend_from_slice(&data);
        }
        Ok((read.freeze(), permit))
    }

    fn unread(&self, error: &BoxError) -> Problem {
        if error.is::<LengthLimitError>() {
            Problem::too_large(self.most)
        } else {
            Problem::bad_request("the body ended early")
        }
    }
}

fn memory(bytes: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(bytes / KIB))
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
