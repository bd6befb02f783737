//! Whether the program lives, and whether it can take jobs.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use penstock_shared::queue::error::QueueError;
use tokio::time::timeout;

use super::{Intake, problem::Problem};

/// Whoever asks does not wait as long as a producer would.
const ANSWER: Duration = Duration::from_secs(2);

/// Whether the program lives
#[utoipa::path(get, path = "/livez", operation_id = "live", responses((status = 200, description = "It does")))]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Whether jobs can be stored
#[utoipa::path(get, path = "/readyz", operation_id = "ready", responses(
    (status = 200, description = "They can"),
    (status = 503, description = "The queue is away", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn ready(State(intake): State<Arc<Intake>>) -> Result<&'static str, Problem> {
    let slow = || QueueError::Unreachable(format!("no answer within {} s", ANSWER.as_secs()));
    let ping = timeout(ANSWER, intake.client()?.queue().ping()).await;
    match ping.unwrap_or_else(|_| Err(slow())) {
        Ok(()) => Ok("ok\n"),
        Err(error) => Err(Problem::away(&error)),
    }
}
