//! Refusals over HTTP: problem details as RFC 9457 has them.

use std::{any::Any, time::Duration};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use penstock_shared::{
    job::{Fault, MAX_JOB_BYTES},
    queue::error::QueueError,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    client::{BatchRefusal, Standing},
    intake::body::{self, Refused},
};

/// When to come back while Redis is away.
const AWAY: Duration = Duration::from_secs(2);

/// Why a request was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem it is.
    title: &'static str,
    /// The response's status code.
    #[schema(example = 422)]
    status: u16,
    /// What happened, and what to do.
    detail: String,
    /// Everything that is wrong with the jobs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<FaultAt>, required = false)]
    faults: Vec<Fault>,
    /// If the queue failed midway: each job, and whether it is stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<StandingOf>, required = false)]
    jobs: Vec<Standing>,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

/// One thing that is wrong.
#[derive(ToSchema)]
#[schema(as = Fault)]
#[allow(dead_code, reason = "describes the type of another crate")]
pub(super) struct FaultAt {
    /// Where: `payload.dueDate`, or `[3].payload.dueDate` in an array.
    path: String,
    /// What is wrong there, and what would be right.
    message: String,
}

/// What is known of a job when the queue has failed.
#[derive(ToSchema)]
#[schema(as = Standing)]
#[allow(dead_code, reason = "describes a type that says no more than it must")]
pub(super) struct StandingOf {
    /// The id to repeat it with.
    id: String,
    /// Whether it is stored; null: not known.
    stored: Option<bool>,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            title,
            status: status.as_u16(),
            detail: detail.into(),
            faults: Vec::new(),
            jobs: Vec::new(),
            retry_after: None,
        }
    }

    fn after(self, retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..self
        }
    }

    /// That a webhook is refused, under a status that its sender knows what to do with.
    pub(super) fn of_webhook(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(status, "Webhook refused", detail)
    }

    /// Whether it is only for now.
    pub(super) fn is_for_now(&self) -> bool {
        self.retry_after.is_some()
    }

    /// Whether its body did not come in time.
    pub(super) fn is_too_slow(&self) -> bool {
        self.status == StatusCode::REQUEST_TIMEOUT.as_u16()
    }

    /// The same under another status, for now.
    pub(super) fn told_for_now_as(self, status: StatusCode) -> Self {
        Self {
            status: status.as_u16(),
            retry_after: self.retry_after.or(Some(AWAY)),
            ..self
        }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Bad request", detail)
    }

    pub(super) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail)
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", detail)
    }

    pub(super) fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", detail)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            "see /openapi.json",
        )
    }

    pub(super) fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "Request timeout",
            "the body did not come in time",
        )
    }

    pub(super) fn conflict(detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "Ambiguous id", detail)
    }

    pub(super) fn too_large(bytes: usize) -> Self {
        let detail = format!(
            "a job may have 64 KiB, a batch 16 MiB, a webhook 1 MiB; here the bound is {bytes} bytes"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Too large", detail)
    }

    pub(super) fn encoded() -> Self {
        let detail = "send the body as it is, without Content-Encoding";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Encoded body", detail)
    }

    pub(super) fn busy() -> Self {
        let detail = "other large bodies are being read; try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail).after(AWAY)
    }

    pub(super) fn away(error: &QueueError) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Queue unavailable",
            error.to_string(),
        )
        .after(AWAY)
    }

    fn invalid(faults: Vec<Fault>) -> Self {
        let detail = "nothing was stored; mend every fault that is listed and send it again";
        Self {
            faults,
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid jobs", detail)
        }
    }

    pub(super) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::TooLarge(bytes) => Self::too_large(bytes),
            Refused::Invalid(faults) => Self::invalid(faults),
            Refused::Malformed(fault) => Self {
                faults: vec![fault],
                ..Self::bad_request("the body is not a JSON document")
            },
        }
    }

    /// Why the queue did not take a batch; in an array, faults name their item.
    pub(super) fn not_stored(refusal: BatchRefusal, in_array: bool) -> Self {
        match refusal {
            BatchRefusal::Conflicts(conflicts) => {
                let faults = conflicts.into_iter().map(|conflict| {
                    let fault = conflict.fault();
                    if in_array {
                        body::within(conflict.index, fault)
                    } else {
                        fault
                    }
                });
                Self::invalid(faults.collect())
            }
            BatchRefusal::TooLarge { .. } => Self::too_large(MAX_JOB_BYTES),
            BatchRefusal::BacklogFull { retry_after, .. } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Backlog full",
                refusal.to_string(),
            )
            .after(retry_after),
            BatchRefusal::Interrupted { jobs, error } => {
                tracing::warn!(%error, jobs = jobs.len(), "a batch was not stored as a whole");
                let away = Self::away(&error);
                let detail = format!(
                    "{}; repeating the jobs with these ids is harmless",
                    away.detail
                );
                Self {
                    detail,
                    jobs,
                    ..away
                }
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after.map(|after| after.as_secs().max(1));
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A defect of ours must not take down its neighbours. What it says may hold a caller's data and goes nowhere.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    let detail =
        "a defect of this program; the jobs may be stored or not: repeat them with ids of your own";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error", detail).into_response()
}
