//! Taking jobs, and telling where one stands.

use std::{str::FromStr as _, sync::Arc};

use axum::{
    Json,
    extract::{
        Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
};
use jiff::Timestamp;
use penstock_shared::{
    job::{Job, JobId, Tenant, state},
    queue::{Queue, error::QueueError, run::field, status::JobStatus},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Intake, metrics, problem::Problem};
use crate::{
    client::{BatchRefusal, Client, Receipt},
    intake::body::{self, Batch},
};

/// The jobs of a request, all in the queue.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// In the order of the request.
    #[schema(value_type = Vec<ReceiptOf>)]
    jobs: Vec<Receipt>,
}

/// One job that is in the queue.
#[derive(ToSchema)]
#[schema(as = Receipt)]
#[allow(dead_code, reason = "describes a type of the client's")]
pub(super) struct ReceiptOf {
    /// The caller's id, or the one that was made for it.
    id: String,
    /// `accepted`, or `duplicate` if it was there already.
    status: String,
}

/// Enqueue jobs
///
/// One job, or an array of them that is taken as a whole or not at all. They are stored, as durably as
/// `PENSTOCK_DURABILITY` says, when the answer comes. A job without an id gets a new one.
#[utoipa::path(
    post, path = "/v1/jobs", operation_id = "enqueueJobs",
    request_body(content = Object, description = "A job or an array of jobs", content_type = "application/json"),
    responses(
        (status = 202, description = "All are stored", body = Accepted),
        (status = 400, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Without keys: sent by a web page, or not to a loopback address", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Beyond 64 KiB a job or 16 MiB a batch", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is compressed", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not valid jobs: every fault by its path; nothing was stored", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The tenant has as many unfinished jobs as it may; nothing was stored", body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
        (status = 503, description = "The queue failed: each job, and whether it is stored", body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds"))),
    ),
    security(("key" = []), ()),
)]
pub(super) async fn accept(
    State(intake): State<Arc<Intake>>,
    request: Request,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let client = intake.client()?;
    // Held to the end: the jobs take as much memory as their text.
    let (text, _memory) = intake.budget.read(request).await?;
    let parsed = tokio::task::spawn_blocking(move || body::parse(&text)).await;
    let parsed = parsed.map_err(|_| Problem::bad_request("the body could not be read"))?;
    let Batch { jobs, in_array } = parsed.map_err(|refused| {
        metrics::refused();
        Problem::refused(refused)
    })?;
    let stored = store(client, jobs, in_array).await;
    let jobs = stored.map_err(|refusal| Problem::not_stored(refusal, in_array))?;
    metrics::stored(&jobs);
    Ok((StatusCode::ACCEPTED, Json(Accepted { jobs })))
}

/// A single job is stored together with others that come at the same time.
async fn store(
    client: &Client,
    mut jobs: Vec<Job>,
    in_array: bool,
) -> Result<Vec<Receipt>, BatchRefusal> {
    match jobs.pop() {
        Some(job) if !in_array => Ok(vec![client.enqueue(job).await?]),
        last => {
            jobs.extend(last);
            client.enqueue_all(jobs).await
        }
    }
}

/// Whose job is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Whose {
    /// The tenant; needed only where two use the same id.
    tenant: Option<String>,
}

/// Where a job stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobStatus)]
pub(super) struct Standing {
    id: String,
    /// Null where the stored job cannot be read.
    #[serde(rename = "type")]
    job_type: Option<String>,
    tenant: String,
    /// `scheduled`, `ready`, `blocked` (behind an earlier job of its contact), `running`, `done` or `dead`.
    #[schema(value_type = String)]
    state: state::State,
    /// Failed attempts so far.
    attempts: u32,
    /// Of a dead one: why, as the dead letters are filtered by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// Why the last one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// What it came to, once done.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// The moment before which it was not to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    run_at: Option<Timestamp>,
    /// About when it will run, if it waits and nothing fails. Left out while its tenant waits for a person or a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    eta: Option<Timestamp>,
}

/// Where a job stands
///
/// Jobs are remembered for `PENSTOCK_RETENTION` after they are done, and as long as a dead letter stands.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", operation_id = "showJob",
    params(("id" = String, Path, description = "The job's id"), Whose),
    responses(
        (status = 200, description = "Where it stands", body = Standing),
        (status = 400, description = "Not a tenant", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No valid key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Without keys: sent by a web page, or not to a loopback address", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job, or none any more", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Several tenants use this id: name one", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The queue is away", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = []), ()),
)]
pub(super) async fn show(
    State(intake): State<Arc<Intake>>,
    id: Result<Path<String>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Standing>, Problem> {
    let queue = intake.client()?.queue();
    let tenant = whose
        .map_err(|error| Problem::bad_request(error.body_text()))?
        .0
        .tenant;
    let tenant = tenant.as_deref().map(Tenant::from_str).transpose();
    let tenant = tenant.map_err(|invalid| Problem::bad_request(format!("tenant: {invalid}")))?;
    // What cannot be an id is nobody's.
    let id = id.ok().and_then(|Path(id)| id.parse::<JobId>().ok());
    let id = id.ok_or_else(|| Problem::not_found("no job has such an id"))?;
    let found = queue
        .find(id.as_str(), tenant.as_ref().map(Tenant::as_str))
        .await;
    let mut found = found.map_err(|error| Problem::away(&error))?;
    let status = match (found.pop(), found.is_empty()) {
        (Some(only), true) => only,
        (Some(_), false) => {
            return Err(Problem::conflict(
                "several tenants have a job with this id: add ?tenant=",
            ));
        }
        (None, _) => {
            return Err(Problem::not_found(
                "no job has this id, or it was forgotten after its retention",
            ));
        }
    };
    let standing = standing(queue, status).await;
    standing.map(Json).map_err(|error| Problem::away(&error))
}

async fn standing(queue: &Queue, status: JobStatus) -> Result<Standing, QueueError> {
    let moment = |ms: u64| {
        i64::try_from(ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
    };
    let eta = queue.eta(&status).await?.and_then(moment);
    let last_error = last_error(queue, &status).await?;
    Ok(Standing {
        job_type: status.job_type().map(str::to_owned),
        attempts: status.attempts(),
        cause: status.run.text(field::CAUSE).map(str::to_owned),
        last_error,
        run_at: status.job.as_ref().and_then(|job| job.run_at),
        eta,
        state: status.state,
        id: status.id,
        tenant: status.tenant,
        result: status.done.map(|(done, _)| done.result),
    })
}

async fn last_error(queue: &Queue, status: &JobStatus) -> Result<Option<String>, QueueError> {
    if let Some(error) = status.run.text(field::ERROR) {
        return Ok(Some(error.to_owned()));
    }
    if status.attempts() == 0 {
        return Ok(None);
    }
    let history = queue.history(&status.tenant, &status.id).await?;
    let error = history
        .last()
        .and_then(|attempt| attempt.get("error")?.as_str());
    Ok(error.map(str::to_owned))
}
